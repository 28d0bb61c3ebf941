//! What checks find, and what that means.

/// What the last check found (configuration manual, "show stat" column `check_status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finding {
    /// Nothing yet, and nothing is to come.
    Unknown = 0,
    /// Nothing yet.
    #[default]
    Initializing = 1,
    /// Nothing that says up or down.
    Neutral = 3,
    /// Traffic failed.
    Observed = 4,
    /// The system refused.
    SocketError = 5,
    /// A connection.
    L4Passed = 6,
    /// No connection in time.
    L4Timeout = 7,
    /// No connection.
    L4Failed = 8,
    /// A greeting below the application.
    L6Passed = 9,
    /// None in time.
    L6Timeout = 10,
    /// A wrong one.
    L6Invalid = 11,
    /// No answer in time.
    L7Timeout = 12,
    /// An answer that makes no sense.
    L7Invalid = 13,
    /// The right answer.
    L7Passed = 15,
    /// An answer that asks for no new traffic.
    L7Conditional = 16,
    /// An answer that says no.
    L7Failed = 17,
    /// A program failed.
    ProgramFailed = 18,
    /// A program took too long.
    ProgramTimeout = 19,
    /// A program is content.
    ProgramPassed = 20,
}

/// What a finding means for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Neutral,
    /// It does not serve.
    Failed,
    /// It serves.
    Passed,
    /// It serves what it has.
    Conditional,
}

/// The result of one check, as a value: it may come from this process or from anybody who checks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was found.
    pub finding: Finding,
    /// A code of the protocol's: a status, an error number.
    pub code: u32,
    /// What more there is to say; may be empty.
    pub detail: String,
    /// Milliseconds that it took.
    pub duration: u32,
}

impl Finding {
    /// The word in statistics.
    pub fn word(self) -> &'static str {
        match self {
            Finding::Unknown => "UNK",
            Finding::Initializing => "INI",
            Finding::Neutral => "CHECKED",
            Finding::Observed => "HANA",
            Finding::SocketError => "SOCKERR",
            Finding::L4Passed => "L4OK",
            Finding::L4Timeout => "L4TOUT",
            Finding::L4Failed => "L4CON",
            Finding::L6Passed => "L6OK",
            Finding::L6Timeout => "L6TOUT",
            Finding::L6Invalid => "L6RSP",
            Finding::L7Timeout => "L7TOUT",
            Finding::L7Invalid => "L7RSP",
            Finding::L7Passed => "L7OK",
            Finding::L7Conditional => "L7OKC",
            Finding::L7Failed => "L7STS",
            Finding::ProgramFailed => "PROCERR",
            Finding::ProgramTimeout => "PROCTOUT",
            Finding::ProgramPassed => "PROCOK",
        }
    }

    /// What it says, in statistics and in log lines.
    pub fn sentence(self) -> &'static str {
        match self {
            Finding::Unknown => "Unknown",
            Finding::Initializing => "Initializing",
            Finding::Neutral => "No status change",
            Finding::Observed => "Health analyze",
            Finding::SocketError => "Socket error",
            Finding::L4Passed => "Layer4 check passed",
            Finding::L4Timeout => "Layer4 timeout",
            Finding::L4Failed => "Layer4 connection problem",
            Finding::L6Passed => "Layer6 check passed",
            Finding::L6Timeout => "Layer6 timeout",
            Finding::L6Invalid => "Layer6 invalid response",
            Finding::L7Timeout => "Layer7 timeout",
            Finding::L7Invalid => "Layer7 invalid response",
            Finding::L7Passed => "Layer7 check passed",
            Finding::L7Conditional => "Layer7 check conditionally passed",
            Finding::L7Failed => "Layer7 wrong status",
            Finding::ProgramFailed => "External check error",
            Finding::ProgramTimeout => "External check timeout",
            Finding::ProgramPassed => "External check passed",
        }
    }

    /// What it means.
    pub fn verdict(self) -> Verdict {
        match self {
            Finding::Unknown | Finding::Initializing | Finding::Neutral => Verdict::Neutral,
            Finding::L4Passed | Finding::L6Passed | Finding::L7Passed | Finding::ProgramPassed => {
                Verdict::Passed
            }
            Finding::L7Conditional => Verdict::Conditional,
            _ => Verdict::Failed,
        }
    }

    /// Whether the protocol has codes to go with it.
    pub fn has_code(self) -> bool {
        self as u8 >= Finding::L7Passed as u8
    }
}

impl Verdict {
    /// The number in state files.
    pub(super) fn number(self) -> u32 {
        match self {
            Verdict::Neutral => 1,
            Verdict::Failed => 2,
            Verdict::Passed => 3,
            Verdict::Conditional => 4,
        }
    }
}

impl Outcome {
    /// A finding with nothing more to say.
    pub fn bare(finding: Finding) -> Outcome {
        Outcome { finding, code: 0, detail: String::new(), duration: 0 }
    }

    /// A finding with something to say.
    pub fn with(finding: Finding, code: u32, detail: impl Into<String>) -> Outcome {
        Outcome { finding, code, detail: detail.into(), duration: 0 }
    }
}
