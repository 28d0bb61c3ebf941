//! What the process and its counters say. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{ADMIN, EXPERIMENTAL, OPERATOR, USER};
use crate::shim::commands::{information, session, statistics, variable};

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "env"] "show env [<name>]", "show the environment of the process", OPERATOR, Session(session::show_environment) {
        "show env REGATE_TEST" => "REGATE_TEST=yes\n";
        "show env REGATE_NONE" => "Variable not found\n";
    }
    ["show" "info"] "show info [desc|json|typed|float]*", "describe the process: limits, load, totals", USER, Ask(information::show_info) {
        "show info" => "Name: HAProxy\nVersion: 3.5.0-regate-…";
        "show info typed" => "0.Name.1:POSV:str:…";
        "show info json" => "[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,\"tags\":{\"origin\":\"Product\",\"nature\":\"Output\",\"scope\":\"Service\"},…}]\n";
    }
    ["show" "version"] "show version", "show the version of the process", USER, Ask(information::show_version) {
        "show version" => "3.5.0-regate-0.1.0\n";
    }
    ["show" "schema" "json"] "show schema json", "show the JSON schema of what is written as JSON", USER, Session(information::show_schema) {
        "show schema json" => "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",…}\n";
    }
    ["show" "stat"] "show stat [desc|json|no-maint|typed|up]*", "show the counters of proxies and servers", USER, Ask(statistics::show_statistics) {
        "show stat nosuch 4 1" => "No such proxy.\n";
        "show stat domain foo" => "Invalid statistics domain.\n";
        "show stat domain resolvers" => "# id,pid,sent,send_error,valid,update,cname,cname_error,any_err,nx,timeout,refused,other,invalid,too_big,truncated,outdated,\nns1,dns,12,0,…";
        "show stat domain resolvers typed" => "N.0.id:CGPV:str:ns1\nN.1.pid:CGPV:str:dns\nN.2.sent:MGPV:u64:12\n…";
        "show stat be 4 1" => "# pxname,svname,qcur,…\nbe,s1,…";
    }
    ["dump" "stats-file"] "dump stats-file", "write the counters of what has a guid, for 'stats-file'", USER, Ask(statistics::dump) {
        "dump stats-file" => "#fe guid,stot,bin,bout,dreq,dresp,ereq,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,req_tot,conn_tot,intercepted,dcon,dses,eint,h1sess,h1req,reqbin,reqbout,resbin,resbout,\n…\n#be guid,stot,bin,bout,dreq,dresp,econ,eresp,wretr,wredis,chkfail,chkdown,lbtot,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_tot,cli_abrt,srv_abrt,connect,reuse,eint,reqbin,reqbout,resbin,resbout,\n";
    }
    ["clear" "counters"] "clear counters", "reset maxima", OPERATOR, Act(statistics::clear_maxima) {
        "clear counters" => "";
        "clear counters foo" => "";
    }
    ["clear" "counters" "all"] "clear counters all", "reset all counters", ADMIN, Act(statistics::clear_all) {
        "clear counters all" => "";
        "operator;clear counters all" => "\nPermission denied\n";
    }
    ["get" "var"] "get var <name>", "show a variable of the process", OPERATOR, Ask(variable::show) {
        "get var" => "Missing process-wide variable identifier.\n";
        "get var proc.none" => "Variable not found.\n";
        "get var foo" => "Variable not found.\n";
        "get var proc.stage" => "proc.stage: type=str value=<blue>\n";
    }
    ["set" "var"] "set var <name> [expr|fmt] <expression>", "give a variable of the process a value", EXPERIMENTAL, Act(variable::set) {
        "set var proc.a int(1)" => "This command is restricted to experimental mode only.\n";
        "experimental-mode on;set var" => "\nMissing process-wide variable identifier.\n";
        "experimental-mode on;set var proc.a" => "\nMissing either 'expr', 'fmt' or expression.\n";
        "experimental-mode on;set var sess.a int(1)" => "\n'set var': cannot set variable 'sess.a', only scope 'proc' is permitted here.\n";
        "experimental-mode on;set var proc.a foo" => "\nunknown fetch method 'foo'\n";
        "experimental-mode on;set var proc.a expr int(1);set var proc.a fmt a%[int(3)]" => "\n\n";
    }
};
