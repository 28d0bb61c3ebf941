//! Servers: weight, state, address, limits, additions and removals. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{ADMIN, USER};
use crate::shim::commands::{backend, new_server, resolvers, server};

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "servers" "state"] "show servers state [<b>]", "show the state of servers as state files hold it", USER, Told(server::show_states) {
        "show servers state x" => "Can't find backend.\n";
        "show servers state be" => "1\n# be_id be_name srv_id …\n3 be 1 s1 127.0.0.1 2 0 10 10 …";
        "show servers state #3" => "1\n# be_id be_name srv_id …\n3 be 1 s1 127.0.0.1 2 0 10 10 …";
    }
    ["get" "weight"] "get weight <b>/<s>", "show the weight of a server now and the one of its declaration", USER, Ask(server::get_weight) {
        "get weight be/s1" => "10 (initial 10)\n";
        "get weight #3/#1" => "10 (initial 10)\n";
        "get weight be" => "Require 'backend/server'.\n";
        "get weight x/s1" => "No such backend.\n";
        "get weight be/x" => "No such server.\n";
        "get weight be/#99" => "No such server.\n";
        "get weight #99/#1" => "No such backend.\n";
    }
    ["set" "weight"] "set weight <b>/<s> <w>[%]", "change the weight of a server, as 'set server' does", ADMIN, Apply(server::set_weight) {
        "set weight be/s1 200" => "";
        "get weight be/s1" => "200 (initial 10)\n";
        "set weight be/s1 50%" => "";
        "get weight be/s1" => "5 (initial 10)\n";
        "set weight be/s1" => "Require <weight> or <weight%>.\n";
        "set weight x/s1 zz" => "No such backend.\n";
        "set weight be/s1 257" => "Absolute weight can only be between 0 and 256 inclusive.\n";
    }
    ["set" "server" * "weight"] "set server <b>/<s> weight <w>[%]", "change the weight of a server", ADMIN, Apply(server::set_weight_of) {
        "set server #3/#1 weight 20" => "";
        "get weight be/s1" => "20 (initial 10)\n";
        "set server be/s1 weight 1000%" => "";
        "get weight be/s1" => "100 (initial 10)\n";
        "set server be/s1 weight" => "Require <weight> or <weight%>.\n";
        "set server be/s1 weight abc" => "Empty weight string empty or preceded by garbage\n";
        "set server be/s1 weight 10x" => "Trailing garbage in weight string\n";
        "set server be/s1 weight -1" => "Absolute weight can only be between 0 and 256 inclusive.\n";
        "set server be/s1 weight -5%" => "Relative weight must be positive.\n";
        "user;set server be/s1 weight 1" => "\nPermission denied\n";
    }
    ["set" "server" * "state"] "set server <b>/<s> state {ready|drain|maint}", "change what is asked of a server", ADMIN, Apply(server::set_state) {
        "set server be/s1 state maint" => "";
        "set server be/s1 state drain" => "";
        "set server be/s1 state ready" => "";
        "set server be/s1 state foo" => "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n";
        "set server x/y state foo" => "No such backend.\n";
    }
    ["set" "server" * "addr"] "set server <b>/<s> addr <ip> [port <port>]", "change where a server is reached", ADMIN, Apply(server::set_address) {
        "set server be/s1 addr 127.0.0.2" => "IP changed from '127.0.0.1' to '127.0.0.2' by 'stats socket command'\n";
        "set server be/s1 addr 127.0.0.2" => "nothing changed\n";
        "set server be/s1 addr 127.0.0.1 port 99" => "IP changed from '127.0.0.2' to '127.0.0.1', port changed from '1' to '99' by 'stats socket command'\n";
        "set server be/s1 addr 127.0.0.1 port 98" => "port changed from '99' to '98' by 'stats socket command'\n";
        "set server be/s1 addr" => "set server <b>/<s> addr requires an address and optionally a port.\n";
        "set server be/s1 addr foo" => "Invalid addr 'foo'\n";
        "set server be/s1 addr 127.0.0.1 port xx" => "problem converting port 'xx' to an int\n";
        "set server be/x addr foo" => "No such server.\n";
    }
    ["set" "server" * "fqdn"] "set server <b>/<s> fqdn <name>", "change the host name of a server", ADMIN, Apply(resolvers::set_host_name) {
        "set server be/s1 fqdn" => "set server <b>/<s> fqdn requires a FQDN.\n";
        "set server be/s1 fqdn a.example" => "set server <b>/<s> fqdn failed because no resolution is configured.\n";
        "add server be/n9 a.example:80 resolvers default;set server be/n9 fqdn a.example" => "New server registered.\n\nno need to change the FDQN by 'stats socket command'\n";
        "set server be/n9 fqdn b.example" => "be/n9 changed its FQDN from a.example to b.example by 'stats socket command'\n";
        "set server be/n9 fqdn b!" => "invalid fqdn 'b!' by 'stats socket command'\n";
        "set server be/x fqdn a" => "No such server.\n";
    }
    ["set" "server"] "", "", ADMIN, Ask(server::set_something_else) {
        "set server" => "Require 'backend/server'.\n";
        "set server nosuch/x foo" => "No such backend.\n";
        "set server be/s1 foo" => "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | fqdn | health | ssl | state | weight\n";
    }
    ["enable" "server"] "enable server <b>/<s>", "let a server serve, as 'set server' does", ADMIN, Apply(server::enable) {
        "enable server be/s1" => "";
        "enable server be/x" => "No such server.\n";
        "enable server" => "Require 'backend/server'.\n";
    }
    ["disable" "server"] "disable server <b>/<s>", "put a server into maintenance, as 'set server' does", ADMIN, Apply(server::disable) {
        "disable server be/s1" => "";
        "disable server x/s1" => "No such backend.\n";
    }
    ["set" "maxconn" "server"] "set maxconn server <b>/<s> <n>", "change the connection limit of a server", ADMIN, Apply(server::set_maxconn) {
        "set maxconn server be/s1 10" => "";
        "set maxconn server be/s1" => "Require <maxconn>.\n";
        "set maxconn server be/s1 x" => "maxconn string empty or preceded by garbage\n";
        "set maxconn server be/s1 10x" => "Trailing garbage in maxconn string\n";
    }
    ["add" "server"] "add server <b>/<s> <addr> [<keyword>]*", "create a server, in maintenance", ADMIN, Apply(new_server::add) {
        "add server be/n1 127.0.0.1:80 weight 5" => "New server registered.\n";
        "get weight be/n1" => "5 (initial 5)\n";
        "add server be/n1 127.0.0.1:80" => "Already exists a server with the same name in backend.\n";
        "add server be" => "Require 'backend/server'.\n";
        "add server be/n2" => "'server' expects <name> and <addr>[:<port>] as arguments.\n";
        "add server x/n2 127.0.0.1" => "No such backend.\n";
        "add server be/n3 127.0.0.1:80 weightt 3" => "unknown keyword 'weightt'; did you mean 'weight' maybe ?\n";
        "add server be/n3 127.0.0.1:80 redir x" => "'redir' option is not accepted for dynamic server\n";
        "add server be/s1 127.0.0.1:80 foo" => "Already exists a server with the same name in backend.\n";
        "add server #3/n4 127.0.0.1:80 id 7;get weight be/#7" => "New server registered.\n\n1 (initial 1)\n";
        "add server be/n! 127.0.0.1:80" => "character '!' is not permitted in server name 'n!'.\n";
    }
    ["add" "server" "help"] "add server help", "list the keywords of 'add server'", ADMIN, Session(new_server::list_keywords) {
        "add server help" => "List of keywords supported for dynamic server:\n…weight\n…";
    }
    ["del" "server"] "del server <b>/<s>", "remove a server that is in maintenance", ADMIN, Apply(server::delete) {
        "del server be/s1" => "Only servers in maintenance mode can be deleted.\n";
        "disable server be/s1;del server be/s1" => "\nServer deleted.\n";
        "get weight be/s1" => "No such server.\n";
        "del server be/s1" => "No such server.\n";
        "del server be" => "Require 'backend/server'.\n";
    }
    ["set" "server" * "name"] "set server <b>/<s> name <name>", "give a server in maintenance another name", ADMIN, Ask(server::rename) {
        "set server be/s1 name" => "set server <b>/<s> name requires a new name.\n";
        "set server be/s1 name n" => "Server must be in maintenance mode to be renamed (set server <b>/<s> state maint).\n";
        "set server be/s2 name s!" => "Server name contains invalid characters.\n";
        "set server be/s2 name s1" => "A server with the same name already exists in this backend.\n";
        "set server be/s2 name new;get weight be/new;get weight be/#2" => "Server name updated.\n\n1 (initial 1)\n\n1 (initial 1)\n";
        "set server be/x name n" => "No such server.\n";
    }
    ["set" "server" * "ssl"] "set server <b>/<s> ssl {on|off}", "switch TLS to a server", ADMIN, Ask(server::set_ssl) {
        "set server be/s1 ssl on" => "'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n";
        "set server be/x ssl on" => "No such server.\n";
    }
    ["clear" "counters" "server"] "clear counters server <b>/<s> [force]", "reset the counters of a server", ADMIN, Act(server::clear_counters) {
        "clear counters server be/s1" => "Server counters cleared.\n";
        "clear counters server be/x" => "No such server.\n";
        "clear counters server x/s1" => "No such backend.\n";
        "clear counters server be" => "Require 'backend/server'.\n";
    }
    ["show" "default-server"] "show default-server [<b>]", "list the backends whose servers start from settings of their own", USER, Ask(backend::show_default_servers) {
        "show default-server" => "";
        "show default-server x" => "Can't find backend.\n";
    }
};
