//! THE table of commands: a row for each command form, to full depth.
//!
//! Lookup, permission, `help`, the suggestions for unknown commands and the tests read the rows; no second chain
//! of comparisons of words exists. A row's function turns the words after its own into a [`Step`]; it does no I/O.
//! Read next: `commands/`, one file for each noun.

use regate_proto::model::Level;

use super::commands::{
    cookie, frontend, health, information, limits, lists, new_server, resolvers, server, session, statistics,
    tables,
};
use super::lex::{Command, Word};
use super::plan::Step;
use super::session::Session;

/// One form of a command.
pub struct Row {
    /// The words that make a line this command, from the first on.
    pub words: &'static [Slot],
    /// How it is written, for `help`. Empty: it is not listed, because it only catches incomplete forms.
    pub usage: &'static str,
    /// What it does, for `help`.
    pub help: &'static str,
    /// The level that it takes.
    pub level: Level,
    /// What it becomes.
    pub becomes: Becomes,
    /// Lines with their exact replies, in order, on the configuration of the tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests that walk the table read it"))]
    pub examples: &'static [Example],
}

/// One word of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// This word.
    Is(&'static str),
    /// Any word.
    Any,
}

/// What a command becomes.
#[derive(Clone, Copy)]
pub enum Becomes {
    /// Something that concerns the connection alone and is answered here.
    Session(fn(&mut Session, &Command) -> Step),
    /// A change of the configuration.
    Apply(fn(&Command) -> Step),
    /// An action on the running process.
    Act(fn(&Command) -> Step),
    /// A question.
    Ask(fn(&Command) -> Step),
    /// A change or a question about a list, whose versions all connections share.
    Staged(fn(&mut Session, &Command) -> Step),
}

/// A line and its exact reply.
#[cfg_attr(not(test), expect(dead_code, reason = "the tests that walk the table read it"))]
pub struct Example {
    /// What is written.
    pub line: &'static str,
    /// What comes back, without the empty line at its end; `…` stands for anything.
    pub reply: &'static str,
}

/// The row of a command: of all rows whose words it begins with, the longest.
pub fn find(words: &[Word]) -> Option<&'static Row> {
    ROWS.iter().filter(|row| row.matches(words)).max_by_key(|row| row.words.len())
}

/// The listed rows that begin as the words do, or else those that resemble them most; all of them when there are
/// no words. Sorted, the last three being `help`, `prompt` and `quit`.
pub fn resembling(words: &[Word]) -> Vec<&'static Row> {
    let mut found: Vec<(usize, &'static Row)> =
        ROWS.iter().filter(|row| row.is_listed()).map(|row| (row.common(words), row)).collect();
    let best = found.iter().map(|(score, _)| *score).max().unwrap_or(0);
    if !words.is_empty() && best == 0 {
        let text = words.iter().map(Word::text).collect::<Vec<_>>().join(" ");
        for (score, row) in &mut found {
            *score = likeness(&text, row.usage);
        }
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.truncate(SUGGESTIONS);
    } else {
        found.retain(|(score, _)| *score == best);
    }
    let mut rows: Vec<&'static Row> = found.into_iter().map(|(_, row)| row).collect();
    rows.retain(|row| !LAST.contains(&row.usage));
    rows.sort_by_key(|row| row.usage);
    rows.extend(LAST.iter().filter_map(|usage| ROWS.iter().find(|row| row.usage == *usage)));
    rows
}

impl Row {
    /// Whether `help` shows it.
    pub fn is_listed(&self) -> bool {
        !self.usage.is_empty()
    }

    fn matches(&self, words: &[Word]) -> bool {
        words.len() >= self.words.len()
            && self.words.iter().zip(words).all(|(slot, word)| match slot {
                Slot::Is(text) => word == *text,
                Slot::Any => true,
            })
    }

    /// How many words from the first on are the row's own.
    fn common(&self, words: &[Word]) -> usize {
        let pairs = self.words.iter().zip(words);
        pairs.take_while(|(slot, word)| matches!(slot, Slot::Is(text) if *word == *text)).count()
    }
}

/// How many pairs of neighbouring letters two texts share.
fn likeness(left: &str, right: &str) -> usize {
    let mut pairs: Vec<&[u8]> = right.as_bytes().windows(2).collect();
    let shared = left.as_bytes().windows(2).filter(|pair| {
        let found = pairs.iter().position(|known| known == pair);
        found.is_some_and(|at| {
            pairs.swap_remove(at);
            true
        })
    });
    shared.count()
}

/// Most rows that are suggested for a word that begins no command.
const SUGGESTIONS: usize = 5;
/// What lists of commands end with.
const LAST: [&str; 3] = ["help [<command>]", "prompt [help|n|i|p|timed]*", "quit"];

const ADMIN: Level = Level::Admin;
const OPERATOR: Level = Level::Operator;
const USER: Level = Level::User;

/// Rows are written one after the other as `words => usage : help, level, becomes, examples`; `*` is any word.
macro_rules! rows {
    (@slot *) => { Slot::Any };
    (@slot $word:literal) => { Slot::Is($word) };
    ($( [$($word:tt)+] $usage:literal, $help:literal, $level:ident, $becomes:ident($run:path) {
        $($line:literal => $reply:literal;)*
    } )+) => {
        &[$( Row {
            words: &[$(rows!(@slot $word)),+],
            usage: $usage,
            help: $help,
            level: $level,
            becomes: Becomes::$becomes($run),
            examples: &[$(Example { line: $line, reply: $reply }),*],
        } ),+]
    };
}

/// The rows.
pub static ROWS: &[Row] = rows! {
    ["help"] "help [<command>]", "list all commands, or those like the words given", USER, Session(session::help) {
        "help get" => "The following commands are valid at this level:\n  get acl <acl> <value>                   : show what a value matches in the list of an ACL\n  get map <map> <value>                   : show what a map has for a value\n  get weight <b>/<s>                      : show the weight of a server now and the one of its declaration\n  help [<command>]                        : list all commands, or those like the words given\n  prompt [help|n|i|p|timed]*              : choose how the connection goes on after a line\n  quit                                    : close the connection\n";
    }
    ["prompt"] "prompt [help|n|i|p|timed]*", "choose how the connection goes on after a line", USER, Session(session::prompt) {
        "prompt n" => "";
        "prompt x" => "Usage: prompt [help | n | i | p | timed]*\n…";
    }
    ["quit"] "quit", "close the connection", USER, Session(session::quit) {}
    ["echo"] "echo [<text>]", "give the words back", USER, Session(session::echo) {
        "echo a  b" => "a b\n";
        "echo" => "\n";
    }
    ["user"] "user", "lower the level of the connection to user", USER, Session(session::user) {
        "user;show cli level" => "\nuser\n";
    }
    ["operator"] "operator", "lower the level of the connection to operator", OPERATOR, Session(session::operator) {
        "operator;show cli level" => "\noperator\n";
        "user;operator" => "\nPermission denied\n";
    }
    ["set" "timeout" "cli"] "set timeout cli <delay>", "change the idle time after which the connection is closed", USER, Session(session::set_timeout) {
        "set timeout cli 5" => "";
        "set timeout cli 1m" => "";
        "set timeout cli" => "Expects an integer value.\n";
        "set timeout cli 0" => "Invalid timeout value.\n";
        "set timeout cli 5x" => "Invalid timeout value.\n";
    }
    ["set" "timeout"] "", "", USER, Session(session::set_timeout_of_something_else) {
        "set timeout foo 4" => "'set timeout' only supports 'cli'.\n";
    }
    ["set" "severity-output"] "set severity-output {none|number|string}", "put the severity before sentences", USER, Session(session::set_severity_output) {
        "set severity-output number;operator;foo" => "\n\n[6]: Unknown command: 'foo', …";
        "set severity-output" => "one of 'none', 'number', 'string' is a required argument\n";
    }
    ["show" "cli" "level"] "show cli level", "show the level of the connection", USER, Session(session::show_level) {
        "show cli level" => "admin\n";
    }
    ["show" "cli" "sockets"] "show cli sockets", "list the text sockets", USER, Session(session::show_sockets) {
        "show cli sockets" => "# socket lvl processes\n…";
    }
    ["show" "env"] "show env [<name>]", "show the environment of the process", OPERATOR, Session(session::show_environment) {
        "show env REGATE_TEST" => "REGATE_TEST=yes\n";
        "show env REGATE_NONE" => "Variable not found\n";
    }

    ["show" "info"] "show info [desc|json|typed|float]*", "describe the process: limits, load, totals", USER, Ask(information::show_info) {
        "show info" => "Name: …\nVersion: …";
        "show info typed" => "0.Name.1:POSV:str:…";
        "show info json" => "[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,\"tags\":{\"origin\":\"Product\",\"nature\":\"Output\",\"scope\":\"Service\"},…}]\n";
    }
    ["show" "version"] "show version", "show the version of the process", USER, Ask(information::show_version) {
        "show version" => "…\n";
    }
    ["show" "schema" "json"] "show schema json", "show the JSON schema of what is written as JSON", USER, Session(information::show_schema) {
        "show schema json" => "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",…}\n";
    }
    ["show" "backend"] "show backend", "list the backends", USER, Ask(information::show_backends) {
        "show backend" => "# name\nbe\nli\n";
    }

    ["show" "stat"] "show stat [desc|json|no-maint|typed|up]*", "show the counters of proxies and servers", USER, Ask(statistics::show_statistics) {
        "show stat nosuch 4 1" => "No such proxy.\n";
        "show stat domain foo" => "Invalid statistics domain.\n";
        "show stat be 4 1" => "# pxname,svname,qcur,…\nbe,s1,…";
    }
    ["clear" "counters"] "clear counters", "reset maxima", OPERATOR, Act(statistics::clear_maxima) {
        "clear counters" => "";
        "clear counters foo" => "";
    }
    ["clear" "counters" "all"] "clear counters all", "reset all counters", ADMIN, Act(statistics::clear_all) {
        "clear counters all" => "";
        "operator;clear counters all" => "\nPermission denied\n";
    }

    ["show" "resolvers"] "show resolvers [<id>]", "show the counters of name servers", USER, Ask(resolvers::show) {
        "show resolvers" => "Resolvers section dns\n nameserver ns1:\n  sent:        12\n  snd_error:   0\n  valid:       0\n…\n  outdated:    0\n nameserver ns2:\n  sent:        3\n…";
        "show resolvers x" => "Can't find that resolvers section\n";
    }
    ["show" "stat" "resolvers"] "show stat resolvers [<id>]", "show the counters of name servers, as 'show resolvers' does", USER, Ask(resolvers::show_as_statistics) {
        "show stat resolvers dns" => "Resolvers section dns\n nameserver ns1:\n…";
    }
    ["show" "servers" "state"] "show servers state [<b>]", "show the state of servers as state files hold it", USER, Ask(server::show_states) {
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
    ["set" "server" * "health"] "set server <b>/<s> health {up|stopping|down}", "say how a server stands, in place of its checks", ADMIN, Act(health::set_health) {
        "set server be/s1 health down" => "";
        "set server be/s1 health up" => "";
        "set server be/s1 health foo" => "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n";
        "set server be/x health up" => "No such server.\n";
    }
    ["set" "server" * "agent"] "set server <b>/<s> agent {up|down}", "say how a server stands, in place of its agent", ADMIN, Act(health::set_agent) {
        "set server be/s1 agent up" => "agent checks are not enabled on this server.\n";
    }
    ["set" "server" * "check-addr"] "set server <b>/<s> check-addr <ip> [port <port>]", "change where the checks of a server go", ADMIN, Apply(health::set_check_address) {
        "set server be/s1 check-addr" => "set server <b>/<s> check-addr requires an address and optionally a port.\n";
        "set server be/s1 check-addr 127.0.0.1" => "health checks are not enabled on this server\n";
    }
    ["set" "server" * "check-port"] "set server <b>/<s> check-port <port>", "change the port that is checked", ADMIN, Apply(health::set_check_port) {
        "set server be/s1 check-port" => "set server <b>/<s> check-port requires a port.\n";
        "set server be/s1 check-port 80" => "health checks are not enabled on this server\n";
    }
    ["set" "server" * "agent-addr"] "set server <b>/<s> agent-addr <addr> [port <port>]", "change where the agent of a server is", ADMIN, Apply(health::set_agent_address) {
        "set server be/s1 agent-addr" => "set server <b>/<s> agent-addr requires an address and optionally a port.\n";
        "set server be/s1 agent-addr 127.0.0.1" => "agent checks are not enabled on this server\n";
    }
    ["set" "server" * "agent-port"] "set server <b>/<s> agent-port <port>", "change the port of the agent of a server", ADMIN, Apply(health::set_agent_port) {
        "set server be/s1 agent-port" => "set server <b>/<s> agent-port requires a port.\n";
        "set server be/s1 agent-port 80" => "agent checks are not enabled on this server\n";
    }
    ["set" "server" * "agent-send"] "set server <b>/<s> agent-send <text>", "change what the agent of a server is sent", ADMIN, Apply(health::set_agent_send) {
        "set server be/s1 agent-send hi" => "agent checks are not enabled on this server.\n";
    }
    ["enable" "health"] "enable health <b>/<s>", "let the checks of a server run again", ADMIN, Apply(health::enable_health) {
        "enable health be/s1" => "Health check was not configured on this server, cannot enable.\n";
        "enable health be" => "Require 'backend/server'.\n";
        "enable health x/s1" => "No such backend.\n";
    }
    ["disable" "health"] "disable health <b>/<s>", "let the checks of a server rest", ADMIN, Apply(health::disable_health) {
        "disable health be/s1" => "";
        "disable health be/x" => "No such server.\n";
    }
    ["enable" "agent"] "enable agent <b>/<s>", "let the agent of a server be asked again", ADMIN, Apply(health::enable_agent) {
        "enable agent be/s1" => "Agent was not configured on this server, cannot enable.\n";
    }
    ["disable" "agent"] "disable agent <b>/<s>", "let the agent of a server rest", ADMIN, Apply(health::disable_agent) {
        "disable agent be/s1" => "";
        "disable agent be/x" => "No such server.\n";
    }
    ["set" "server"] "", "", ADMIN, Ask(server::set_something_else) {
        "set server" => "Require 'backend/server'.\n";
        "set server nosuch/x foo" => "No such backend.\n";
        "set server be/s1 foo" => "usage: set server <backend>/<server> addr | state | weight\n";
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

    ["show" "acl"] "show acl [[@<ver>] <acl>]", "list the lists of ACLs, or the entries of one", ADMIN, Staged(lists::show_acl) {
        "show acl" => "# id (file) description\n1 (names.lst) pattern loaded from file 'names.lst' used by acl at file 'a.cfg' line 7. curr_ver=0 next_ver=0 entry_cnt=2\n";
        "show acl names.lst" => "0x100000 bob\n0x200000 alice\n";
        "show acl #1" => "0x100000 bob\n0x200000 alice\n";
        "show acl @3 names.lst" => "";
        "show acl hosts.map" => "Unknown ACL identifier. Please use #<id> or <file>.\n";
    }
    ["show" "map"] "show map [[@<ver>] <map>]", "list the maps, or the entries of one", ADMIN, Staged(lists::show_map) {
        "show map" => "# id (file) description\n0 (hosts.map) pattern loaded from file 'hosts.map' used by map at file 'a.cfg' line 5, by map at file 'a.cfg' line 6. curr_ver=0 next_ver=0 entry_cnt=2\n";
        "show map hosts.map" => "0x100000 a.example one\n0x200000 b.example two words\n";
        "show map #7" => "Unknown map identifier. Please use #<id> or <file>.\n";
    }
    ["add" "acl"] "add acl [@<ver>] <acl> <pattern>", "add a pattern to the list of an ACL", ADMIN, Staged(lists::add_acl) {
        "add acl names.lst eve;show acl names.lst" => "\n0x100000 bob\n0x200000 alice\n0x300000 eve\n";
        "add acl names.lst" => "'add acl' expects two parameters: ACL identifier and pattern.\n";
        "add acl nosuch x" => "Unknown ACL identifier. Please use #<id> or <file>.\n";
        "add acl @1 names.lst x" => "Version number in the future, please use 'prepare acl' before.\n";
    }
    ["add" "map"] "add map [@<ver>] <map> <key> <value> (or payload)", "add entries to a map", ADMIN, Staged(lists::add_map) {
        "add map #0 c three;show map hosts.map" => "\n0x100000 a.example one\n0x200000 b.example two words\n0x300000 c three\n";
        "add map hosts.map c" => "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload\n";
        "add map names.lst x y" => "Unknown map identifier. Please use #<id> or <file>.\n";
    }
    ["del" "acl"] "del acl <acl> {<key>|#<ref>}", "remove patterns from the list of an ACL", ADMIN, Apply(lists::del_acl) {
        "del acl names.lst bob;show acl #1" => "\n0x200000 alice\n";
        "del acl names.lst #0x200000;show acl #1" => "\n";
        "del acl names.lst carl" => "Key not found.\n";
        "del acl names.lst" => "This command expects two parameters: ACL identifier and key.\n";
    }
    ["del" "map"] "del map <map> {<key>|#<ref>}", "remove entries from a map", ADMIN, Apply(lists::del_map) {
        "del map hosts.map a.example;show map #0" => "\n0x200000 b.example two words\n";
        "del map hosts.map" => "This command expects two parameters: map identifier and key.\n";
    }
    ["set" "map"] "set map <map> {<key>|#<ref>} <value>", "write values of a map", ADMIN, Apply(lists::set_map) {
        "set map hosts.map a.example 1;set map #0 #0x200000 2;show map #0" => "\n\n0x100000 a.example 1\n0x200000 b.example 2\n";
        "set map hosts.map nosuch 1" => "entry not found.\n";
        "set map hosts.map #0x99 1" => "key or pattern not found.\n";
        "set map hosts.map a" => "'set map' expects three parameters: map identifier, key and value.\n";
    }
    ["clear" "acl"] "clear acl [@<ver>] <acl>", "remove all patterns from the list of an ACL", ADMIN, Staged(lists::clear_acl) {
        "clear acl names.lst;show acl names.lst" => "\n";
        "clear acl" => "Missing ACL identifier.\n";
    }
    ["clear" "map"] "clear map [@<ver>] <map>", "remove all entries from a map", ADMIN, Staged(lists::clear_map) {
        "clear map hosts.map;show map hosts.map" => "\n";
        "clear map" => "Missing map identifier.\n";
    }
    ["get" "acl"] "get acl <acl> <value>", "show what a value matches in the list of an ACL", ADMIN, Ask(lists::get_acl) {
        "get acl names.lst bob" => "type=str, case=sensitive, match=yes, idx=tree, pattern=\"bob\"\n";
        "get acl names.lst carl" => "type=str, case=sensitive, match=no\n";
        "get acl names.lst" => "Missing ACL identifier and/or key.\n";
    }
    ["get" "map"] "get map <map> <value>", "show what a map has for a value", ADMIN, Ask(lists::get_map) {
        "get map hosts.map a.example" => "type=str, case=sensitive, found=yes, idx=tree, key=\"a.example\", value=\"one\", type=\"str\"\n";
        "get map #0 x" => "type=str, case=sensitive, found=no\n";
        "get map nosuch x" => "Unknown map identifier. Please use #<id> or <file>.\n";
    }
    ["prepare" "acl"] "prepare acl <acl>", "begin a new version of the list of an ACL", ADMIN, Staged(lists::prepare_acl) {
        "prepare acl names.lst;add acl @1 names.lst x;commit acl @1 names.lst;show acl names.lst" => "New version created: 1\n\n\n\n0x100001 x\n";
        "prepare acl nosuch" => "Unknown ACL identifier. Please use #<id> or <file>.\n";
    }
    ["prepare" "map"] "prepare map <map>", "begin a new version of a map", ADMIN, Staged(lists::prepare_map) {
        "prepare map hosts.map;add map @1 hosts.map a.example 9;show map @1 hosts.map" => "New version created: 1\n\n\n0x100000 a.example 9\n";
    }
    ["commit" "acl"] "commit acl @<ver> <acl>", "put a version of the list of an ACL in force", ADMIN, Staged(lists::commit_acl) {
        "commit acl names.lst" => "Missing version number.\n";
        "commit acl @1 names.lst" => "Version number out of range.\n";
    }
    ["commit" "map"] "commit map @<ver> <map>", "put a version of a map in force", ADMIN, Staged(lists::commit_map) {
        "prepare map hosts.map;add map @1 hosts.map a.example 9;commit map @1 hosts.map;show map hosts.map" => "New version created: 1\n\n\n\n0x100000 a.example 9\n";
        "commit map @5 hosts.map" => "Version number out of range.\n";
    }
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
        "show table fe ptr 5" => "Pointer expected (0xffff notation)\n";
        "show table fe ptr 0x99" => "No entry can be found matching ptr.\n";
    }
    ["set" "table"] "set table <t> {key <k> | ptr <p>} [data.<type> <value>]*", "write values of an entry, which is made if it is not there", OPERATOR, Act(tables::set) {
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
        "set table" => "Required arguments: <table> key <key> …";
    }
    ["clear" "table"] "clear table <t> [data.<type> <op> <value> | key <k> | ptr <p>]", "remove entries that nobody holds", OPERATOR, Act(tables::clear) {
        "clear table fe" => "";
        "clear table fe key 10.0.0.1" => "";
        "clear table fe data.gpc0 gt 1" => "";
        "clear table fe ptr 0x1" => "";
        "clear table nosuch" => "No such table\n";
        "clear table fe key" => "Key value expected\n";
        "clear table fe foo" => "Required arguments: <table> \"data.<store_data_type>\" <operator> …";
        "clear table" => "Required arguments: <table> \"data.<store_data_type>\" <operator> …";
    }

    ["enable" "dynamic-cookie" "backend"] "enable dynamic-cookie backend <b>", "give servers without a cookie value one", ADMIN, Apply(cookie::enable) {
        "enable dynamic-cookie backend be" => "";
        "enable dynamic-cookie backend" => "A backend name is expected.\n";
        "enable dynamic-cookie backend x" => "No such backend.\n";
    }
    ["disable" "dynamic-cookie" "backend"] "disable dynamic-cookie backend <b>", "take given cookie values away", ADMIN, Apply(cookie::disable) {
        "disable dynamic-cookie backend be" => "";
        "disable dynamic-cookie backend x" => "No such backend.\n";
    }
    ["set" "dynamic-cookie-key" "backend"] "set dynamic-cookie-key backend <b> <key>", "change the key that cookie values are made with", ADMIN, Apply(cookie::set_key) {
        "set dynamic-cookie-key backend be geheim" => "";
        "set dynamic-cookie-key backend be" => "String value expected.\n";
        "set dynamic-cookie-key backend" => "A backend name is expected.\n";
        "set dynamic-cookie-key backend x geheim" => "No such backend.\n";
    }

    ["enable" "frontend"] "enable frontend <f>", "let a frontend listen again", ADMIN, Apply(frontend::enable) {
        "enable frontend fe" => "All sockets are already enabled.\n";
        "disable frontend fe;enable frontend #2" => "\n";
    }
    ["disable" "frontend"] "disable frontend <f>", "stop a frontend from listening, until it is enabled", ADMIN, Apply(frontend::disable) {
        "disable frontend" => "A frontend name is expected.\n";
        "disable frontend x" => "No such frontend.\n";
        "disable frontend fe" => "";
        "disable frontend fe" => "All sockets are already disabled.\n";
    }
    ["set" "maxconn" "frontend"] "set maxconn frontend <f> <n>", "change the connection limit of a frontend", ADMIN, Apply(frontend::set_maxconn) {
        "set maxconn frontend fe 100" => "";
        "set maxconn frontend x 1" => "No such frontend.\n";
        "set maxconn frontend fe" => "Integer value expected.\n";
        "set maxconn frontend fe -1" => "Value out of range.\n";
    }

    ["set" "maxconn" "global"] "set maxconn global <n>", "change the connection limit of the process", ADMIN, Apply(limits::set_maxconn) {
        "set maxconn global 100" => "";
        "set maxconn global" => "Expects an integer value.\n";
        "set maxconn global -1" => "Value out of range.\n";
    }
    ["set" "rate-limit" "connections" "global"] "set rate-limit connections global <n>", "limit new connections a second", ADMIN, Apply(limits::set_connection_rate) {
        "set rate-limit connections global 10" => "";
        "set rate-limit connections global" => "Expects an integer value.\n";
    }
    ["set" "rate-limit" "sessions" "global"] "set rate-limit sessions global <n>", "limit new sessions a second", ADMIN, Apply(limits::set_session_rate) {
        "set rate-limit sessions global 10" => "";
        "set rate-limit sessions global x" => "Expects an integer value.\n";
    }
    ["set" "rate-limit"] "", "", ADMIN, Session(limits::explain_rate_limits) {
        "set rate-limit foo" => "'set rate-limit' only supports :\n   - 'connections global' to set the per-process maximum connection rate\n   - 'sessions global' to set the per-process maximum session rate\n";
    }
};

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
