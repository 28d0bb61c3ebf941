//! Server state files: how servers stood, as `show servers state` writes it (management manual 9.3).
//!
//! Owns the reading of the text and nothing of what follows from it. Names and numbers are checked here, so that who
//! takes a line need not doubt it.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use crate::model::{Name, ServerRef};

/// How one server stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// The line of the file, from 1.
    pub line: usize,
    /// The server.
    pub at: ServerRef,
    /// Its address, where it had one.
    pub ip: Option<IpAddr>,
    /// Its host name, where it had one.
    pub host: Option<String>,
    /// Its port; 0 where it had none.
    pub port: u16,
    /// What its checks had found.
    pub operational: OperationalState,
    /// Why it was not simply ready.
    pub reasons: Reasons,
    /// The weight that was in force, 0 to 256.
    pub weight: u16,
    /// The weight of the configuration, 0 to 256.
    pub initial_weight: u16,
    /// How many checks in a row agreed.
    pub health: u32,
    /// Whether checks were configured and rested by hand.
    pub checks_rest: bool,
    /// Whether an agent was configured and rested by hand.
    pub agent_rests: bool,
}

/// What checks had found of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationalState {
    /// It was down.
    Stopped,
    /// It was coming up slowly.
    Starting,
    /// It served.
    Running,
    /// It asked for no new sessions.
    Stopping,
}

/// Why a server was not simply ready; several may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons {
    /// Maintenance by hand.
    pub maintenance: bool,
    /// Maintenance of the server that it follows.
    pub maintenance_inherited: bool,
    /// `disabled` in the configuration.
    pub maintenance_configured: bool,
    /// Drain by hand.
    pub drain: bool,
    /// Drain of the server that it follows.
    pub drain_inherited: bool,
    /// Maintenance because its name did not resolve.
    pub unresolved: bool,
    /// Its host name was changed by hand.
    pub host_changed: bool,
}

/// Why a file, or a line of it, says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it and what was expected.
    pub reason: String,
}

/// Reads a file. What cannot be read of it is told beside what can; a file of another version, and one whose lines
/// are cut short, says nothing at all.
pub fn read(text: &str) -> (Vec<ServerState>, Vec<Unread>) {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    match lines.next() {
        Some((_, VERSION)) => {}
        Some((line, found)) => {
            let reason = format!("the version '{VERSION}' is expected here, not '{found}'");
            return (Vec::new(), vec![Unread { line, reason }]);
        }
        None => {
            let reason = format!("the file is empty: the version '{VERSION}' is expected on its first line");
            return (Vec::new(), vec![Unread { line: 1, reason }]);
        }
    }
    let mut states = Vec::new();
    let mut unread = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
        let columns: Vec<&str> = text.split_ascii_whitespace().collect();
        let Some(columns) = columns.first_chunk::<COLUMNS>() else {
            let reason = format!("{} columns, at least {COLUMNS} are expected", columns.len());
            return (Vec::new(), vec![Unread { line, reason }]);
        };
        match state(line, columns) {
            Ok(state) => states.push(state),
            Err(reason) => unread.push(Unread { line, reason }),
        }
    }
    (states, unread)
}

fn state(line: usize, columns: &[&str; COLUMNS]) -> Result<ServerState, String> {
    let [
        _backend_id,
        backend,
        _server_id,
        server,
        address,
        operational,
        administrative,
        weight,
        initial_weight,
        _last_change,
        _check_status,
        _check_result,
        health,
        check_state,
        agent_state,
        _backend_forced,
        _server_forced,
        host,
        port,
    ] = *columns;
    let name = |column: &str, text: &str| {
        Name::new(text).map_err(|error| format!("{column}: '{text}' is no name: {error}"))
    };
    let operational = match operational {
        "0" => OperationalState::Stopped,
        "1" => OperationalState::Starting,
        "2" => OperationalState::Running,
        "3" => OperationalState::Stopping,
        other => return Err(format!("srv_op_state: '{other}' is not one of 0 to 3")),
    };
    let reasons = number("srv_admin_state", administrative, 0x7f_u32)?;
    let has = |bit: u32| reasons & bit != 0;
    let rests = |state: u32| state & (CONFIGURED | ENABLED) == CONFIGURED;
    Ok(ServerState {
        line,
        at: ServerRef { backend: name("be_name", backend)?, server: name("srv_name", server)? },
        ip: address.parse().ok(),
        host: (host != NOTHING).then(|| host.to_owned()),
        port: number("srv_port", port, u16::MAX)?,
        operational,
        reasons: Reasons {
            maintenance: has(0x01),
            maintenance_inherited: has(0x02),
            maintenance_configured: has(0x04),
            drain: has(0x08),
            drain_inherited: has(0x10),
            unresolved: has(0x20),
            host_changed: has(0x40),
        },
        weight: number("srv_uweight", weight, HEAVIEST)?,
        initial_weight: number("srv_iweight", initial_weight, HEAVIEST)?,
        health: number("srv_check_health", health, u32::MAX)?,
        checks_rest: rests(number("srv_check_state", check_state, 0x1f_u32)?),
        agent_rests: rests(number("srv_agent_state", agent_state, 0x1f_u32)?),
    })
}

fn number<T: FromStr + PartialOrd + Display>(column: &str, text: &str, most: T) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{column}: '{text}' is not a number from 0 to {most}"))
}

/// The only version there is.
const VERSION: &str = "1";

/// Columns that every line has; later versions of HAProxy write more.
const COLUMNS: usize = 19;

/// What stands in a column that has nothing.
const NOTHING: &str = "-";

/// Bits of a check's state.
const CONFIGURED: u32 = 0x02;
const ENABLED: u32 = 0x04;

/// The greatest weight.
const HEAVIEST: u16 = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "1\n# be_id be_name srv_id srv_name\n";

    fn only(line: &str) -> Result<ServerState, Unread> {
        let (mut states, mut unread) = read(&format!("{HEAD}{line}\n"));
        states.pop().ok_or_else(|| unread.pop().unwrap())
    }

    #[test]
    fn a_line_of_haproxys_is_read() {
        let state = only("3 b 7 h 127.0.0.1 3 72 5 10 2 1 0 4 2 18 0 0 localhost 18801 - 0 0 - - 0").unwrap();
        assert_eq!((state.line, state.at.to_string()), (3, "b/h".to_owned()));
        assert_eq!(
            (state.ip, state.host.as_deref()),
            (Some("127.0.0.1".parse().unwrap()), Some("localhost"))
        );
        assert_eq!(state.operational, OperationalState::Stopping);
        let reasons = Reasons { drain: true, host_changed: true, ..Reasons::default() };
        assert_eq!(state.reasons, reasons);
        assert_eq!((state.weight, state.initial_weight, state.port, state.health), (5, 10, 18801, 4));
        assert!(state.checks_rest && state.agent_rests);
    }

    #[test]
    fn a_file_that_is_another_or_cut_short_says_nothing() {
        let reason = |text: &str| read(text).1.into_iter().map(|unread| (unread.line, unread.reason)).next();
        let (line, told) = reason("2\n").unwrap();
        assert_eq!((line, told.as_str()), (1, "the version '1' is expected here, not '2'"));
        assert!(reason("").is_some());
        let good = "3 b 7 h 127.0.0.1 2 0 1 1 2 1 0 4 0 0 0 0 - 80";
        let (states, unread) = read(&format!("{HEAD}{good}\n3 b 8 i 127.0.0.1 2\n"));
        assert!(states.is_empty());
        assert_eq!(unread.iter().map(|unread| unread.line).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_wrong_value_is_told_with_its_column_and_the_rest_is_read() {
        for (line, column) in [
            ("3 b 7 h 127.0.0.1 9 0 1 1 2 1 0 4 0 0 0 0 - 80", "srv_op_state"),
            ("3 b 7 h 127.0.0.1 2 x 1 1 2 1 0 4 0 0 0 0 - 80", "srv_admin_state"),
            ("3 b 7 h 127.0.0.1 2 0 257 1 2 1 0 4 0 0 0 0 - 80", "srv_uweight"),
            ("3 b 7 h 127.0.0.1 2 0 1 -1 2 1 0 4 0 0 0 0 - 80", "srv_iweight"),
            ("3 b 7 h 127.0.0.1 2 0 1 1 2 1 0 4 0 0 0 0 - 65536", "srv_port"),
            ("3 b 7 h/i 127.0.0.1 2 0 1 1 2 1 0 4 0 0 0 0 - 80", "srv_name"),
        ] {
            let unread = only(line).unwrap_err();
            assert!(unread.line == 3 && unread.reason.starts_with(column), "{unread:?}");
        }
        let (states, unread) = read(&format!(
            "{HEAD}3 b 7 h - 9 0 1 1 2 1 0 4 0 0 0 0 - 80\n3 b 8 i - 2 0 1 1 2 1 0 4 0 0 0 0 - 0"
        ));
        assert_eq!((states.len(), unread.len()), (1, 1));
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_is_lost_silently(lines in prop::collection::vec("[ -~]{0,80}", 0..8)) {
            let told = lines.iter().map(|line| line.trim());
            let told = told.filter(|line| !line.is_empty() && !line.starts_with('#')).count();
            let (states, unread) = read(&format!("1\n{}", lines.join("\n")));
            prop_assert!(told == states.len() + unread.len() || (states.is_empty() && unread.len() == 1));
        }
    }
}
