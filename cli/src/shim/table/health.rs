//! Checks and agents of servers. Rows only; what they become stands in `commands/`.

use super::ADMIN;
use super::Row;
use crate::shim::commands::health;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
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
};
