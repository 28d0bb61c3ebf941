//! Stick tables. Rows only; what they become stands in `commands/`.

use super::Row;
use super::USER;
use crate::shim::commands::tables;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "table"] "show table [<t> [data.<type> <op> <value>]* | <t> key <k> | <t> ptr <p>]", "list stick tables, or the entries of one", USER, Ask(tables::show) {
        "show table" => "# table: be, type: string, size:10, used:0\n# table: fe, type: ip, size:100, used:0\n";
        "show table fe" => "# table: fe, type: ip, size:100, used:2\n0x1: key=10.0.0.1 use=1 exp=9000 gpt0=7 gpc0=0 http_req_rate(10000)=3\n0x2: key=10.0.0.2 use=0 exp=10000 gpt0=0 gpc0=0 http_req_rate(10000)=0\n";
        "show table fe key 10.0.0.1" => "# table: fe, type: ip, size:100, used:2\n0x1: key=10.0.0.1 use=1 exp=9000 gpt0=7 gpc0=0 http_req_rate(10000)=3\n";
        "show table fe key 10.0.0.9" => "";
        "show table be" => "# table: be, type: string, size:10, used:1\n0x3: key=a\\ b use=0 exp=0 server_id=-1 server_key=s1 gpc0=4 gpc1=5\n";
        "show table nosuch" => "No such table\n";
        "show table fe key" => "Key value expected\n";
        "show table fe key x" => "Invalid key\n";
        "show table fe foo" => "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key> or ptr <ptr>\n";
        "show table fe data.foo gt 1" => "Filter entry #1: Unknown data type\n";
        "show table fe data.gpc1 gt 1" => "Filter entry #1: Data type not stored in this table\n";
        "show table fe data.gpc0 foo 1" => "Filter entry #1: Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"\n";
        "show table fe data.gpc0 gt 1 data.gpc0 lt x" => "Filter entry #2: Require a valid integer value to compare against\n";
        "show table fe data.gpc0 gt 1 data.gpc0 gt 1 data.gpc0 gt 1 data.gpc0 gt 1 data.gpc0 gt 1" => "Detected extra data in filter, 16th word of input, after '1'\n";
        "show table fe data.gpc0 gt 1 foo" => "Filter entry #2: Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"\n";
        "show table fe data.gpc0 gt 99999999999999999999" => "Filter entry #1: Require a valid integer value to compare against\n";
        "show table fe ptr 5" => "Pointer expected (0xffff notation)\n";
        "show table fe ptr 0x99" => "No entry can be found matching ptr.\n";
    }
    ["set" "table"] "set table <t> {key <k> | ptr <p>} [data.<type> <value>]*", "write values of an entry, which is made if it is not there", USER, Told(tables::set) {
        "set table fe key 10.0.0.1 data.gpt0 1 data.http_req_rate 5" => "";
        "set table fe key 10.0.0.1" => "";
        "set table fe" => "";
        "set table nosuch key x" => "No such table\n";
        "set table fe key" => "Key value expected\n";
        "set table fe key x data.gpt0 1" => "Invalid key\n";
        "set table fe key 10.0.0.1 data.foo 1" => "Unknown data type\n";
        "set table fe key 10.0.0.1 data.gpc1 1" => "Data type not stored in this table\n";
        "set table be key x data.gpc[2] 1" => "index out of range in this data array\n";
        "set table fe key 10.0.0.1 data.gpc0 x" => "Require a valid integer value to store\n";
        "set table fe key 10.0.0.1 data.gpc0" => "Require a valid integer value to store\n";
        "set table fe key 10.0.0.1 foo 1" => "\"data.<type>\" followed by a value expected\n";
        "set table be key x data.server_key y" => "Require a valid integer value to store\n";
        "set table fe data.gpc0 1" => "content-based lookup is only supported with the \"show\" and \"clear\" actions\n";
        "set table fe foo" => "Required arguments: <table> key <key> …";
        "user;set table nosuch;set table fe key 10.0.0.1 data.gpc0 1" => "\nNo such table\n\nPermission denied\n";
        "set table fe key 10.0.0.1 data.gpc0 99999999999999999999" => "Require a valid integer value to store\n";
        "set table" => "Required arguments: <table> key <key> …";
    }
    ["clear" "table"] "clear table <t> [data.<type> <op> <value> | key <k> | ptr <p>]", "remove entries that nobody holds", USER, Told(tables::clear) {
        "clear table fe" => "";
        "clear table fe key 10.0.0.1" => "";
        "clear table fe data.gpc0 gt 1" => "";
        "clear table fe ptr 0x1" => "";
        "clear table nosuch" => "No such table\n";
        "clear table fe key" => "Key value expected\n";
        "clear table fe foo" => "Required arguments: <table> \"data.<store_data_type>\" <operator> …";
        "user;clear table nosuch;clear table fe" => "\nNo such table\n\nPermission denied\n";
        "clear table" => "Required arguments: <table> \"data.<store_data_type>\" <operator> …";
    }
};
