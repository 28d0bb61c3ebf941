//! Why a command ends badly: a sentence and an exit status.
//!
//! Every command returns a [`Failure`] instead of printing; `main` prints it once, to standard error. A sentence
//! names the place (file, endpoint, argument) and says what was expected.

use std::fmt;

use regate_proto::problem::{Code, Problem};
use regate_proto::wire;

/// Why a command ends badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is said to the user; may have several lines, without a line end.
    pub text: String,
    /// With which status the process ends.
    pub status: Status,
}

/// The exit statuses of `regate`, as `regate help` lists them. 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// 1: the input is wrong, or the other side refused it; nothing was changed.
    Refused,
    /// 2: the command line is wrong.
    Usage,
    /// 3: nobody answers at the endpoint, or the answer broke off.
    Unreachable,
    /// 4: `regate diff` found differences.
    Different,
}

impl Status {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Status::Refused => 1,
            Status::Usage => 2,
            Status::Unreachable => 3,
            Status::Different => 4,
        }
    }
}

impl Failure {
    /// Wrong input, or a refusal.
    pub fn refused(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), status: Status::Refused }
    }

    /// A wrong command line.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), status: Status::Usage }
    }

    /// Nobody answers.
    pub fn unreachable(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), status: Status::Unreachable }
    }

    /// Problems that another side told, each on a line of its own.
    pub fn problems(problems: &[Problem]) -> Failure {
        let unreachable =
            !problems.is_empty() && problems.iter().all(|problem| problem.code == Code::Unavailable);
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        let text = if lines.is_empty() { "refused without a reason".to_owned() } else { lines.join("\n") };
        Failure { text, status: if unreachable { Status::Unreachable } else { Status::Refused } }
    }

    /// A refusal as it stands in a reply.
    pub fn told(refused: wire::v1::Refused) -> Failure {
        Failure::problems(&Vec::<Problem>::from(refused))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::problems(&[problem])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}
