//! What a command becomes: a reply made here, or a message to Admin together with how its answer is told.
//!
//! Owns the types between the table, the commands, the session and the connection. It does no I/O.
//! Read next: `table.rs`, then `connection.rs`, which carries plans out.

use regate_proto::wire::v1;

/// What is told to a client about one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: an empty line.
    Nothing,
    /// A sentence, dressed with its severity where the client asked for that.
    Message(Severity, String),
    /// Lines of data, each with its end.
    Dump(Vec<u8>),
    /// A text as it is, without the empty line that ends all others: what a master answers by itself. It ends the
    /// connection, unless it is empty.
    Bare(String),
}

/// How much a sentence matters; the numbers are syslog's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A refusal.
    Error = 3,
    /// Something that was done and deserves a look.
    Warning = 4,
    /// Something that made no difference, or is normal but notable.
    Notice = 5,
    /// A confirmation.
    Info = 6,
}

/// What to do about a command.
pub enum Step {
    /// It is answered already.
    Answered(Reply),
    /// It takes a message to Admin.
    Planned(Plan),
    /// It goes on later.
    Resting(Rest),
    /// It says something and goes on, until it is stopped.
    Following(Follow),
}

/// A pause in a command; what follows it on the connection waits too.
pub struct Rest {
    /// When it is over.
    pub until: tokio::time::Instant,
    /// What the command becomes then.
    pub then: Box<dyn FnOnce() -> Step + Send>,
}

/// What a command that goes on until it is stopped has to say so far.
pub struct Follow {
    /// What it says now.
    pub said: Vec<u8>,
    /// When it began: whatever the client sends after that ends it, and so does the client's end.
    pub began: tokio::time::Instant,
    /// When and how it goes on.
    pub rest: Rest,
}

/// A message to Admin, and how its answer is told.
pub struct Plan {
    /// The message.
    pub request: v1::converse_request::Request,
    /// How its answer is told.
    pub finish: Finish,
    /// Whether what follows waits until this is over, because the answer may lead to another message.
    pub exclusive: bool,
}

/// How an answer is told.
pub enum Finish {
    /// One value decides.
    Once(Box<dyn FnOnce(Ending) -> Step + Send>),
    /// Lines are made part by part, as the parts of an answer come.
    Lines(Box<dyn Lines>),
}

/// How a message to Admin ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Changes are in force.
    Applied(v1::Applied),
    /// An action was done.
    Acted,
    /// A question was answered; all parts together.
    Answered(Box<v1::Answer>),
    /// It was refused.
    Refused(Vec<v1::Problem>),
}

/// Makes the lines of a long answer.
pub trait Lines: Send {
    /// Writes what comes before the first row.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Writes one part of the answer.
    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>);
    /// Writes what comes after the last row.
    fn end(&mut self, out: &mut Vec<u8>);
    /// The sentence for a refusal.
    fn refused(&self, problems: &[v1::Problem]) -> Reply;
}

impl Plan {
    /// A change, settled by one reply.
    pub fn apply(change_set: v1::ChangeSet, finish: impl FnOnce(Ending) -> Reply + Send + 'static) -> Plan {
        let apply = v1::ApplyRequest { change_set: Some(change_set) };
        Plan::once(v1::converse_request::Request::Apply(apply), finish)
    }

    /// An action, settled by one reply.
    pub fn act(
        action: v1::act_request::Action,
        finish: impl FnOnce(Ending) -> Reply + Send + 'static,
    ) -> Plan {
        let act = v1::ActRequest { action: Some(action) };
        Plan::once(v1::converse_request::Request::Act(act), finish)
    }

    /// A question with a short answer.
    pub fn ask(question: v1::query::Question, finish: impl FnOnce(Ending) -> Reply + Send + 'static) -> Plan {
        let ask = v1::Query { question: Some(question) };
        Plan::once(v1::converse_request::Request::Ask(ask), finish)
    }

    /// A question whose answer is told line by line.
    pub fn list(question: v1::query::Question, lines: impl Lines + 'static) -> Plan {
        let ask = v1::Query { question: Some(question) };
        let request = v1::converse_request::Request::Ask(ask);
        Plan { request, finish: Finish::Lines(Box::new(lines)), exclusive: false }
    }

    /// A question whose answer decides what to do next.
    pub fn ask_first(
        question: v1::query::Question,
        then: impl FnOnce(Ending) -> Step + Send + 'static,
    ) -> Plan {
        let ask = v1::Query { question: Some(question) };
        let request = v1::converse_request::Request::Ask(ask);
        Plan { request, finish: Finish::Once(Box::new(then)), exclusive: true }
    }

    fn once(
        request: v1::converse_request::Request,
        finish: impl FnOnce(Ending) -> Reply + Send + 'static,
    ) -> Plan {
        let finish = Finish::Once(Box::new(move |ending| Step::Answered(finish(ending))));
        Plan { request, finish, exclusive: false }
    }

    /// Whether the answer may be long, and is best written while nothing else waits.
    pub fn is_long(&self) -> bool {
        matches!(self.finish, Finish::Lines(_))
    }

    /// Whether it changes something.
    pub fn is_change(&self) -> bool {
        !matches!(self.request, v1::converse_request::Request::Ask(_))
    }
}

impl Reply {
    /// A refusal.
    pub fn error(text: impl Into<String>) -> Reply {
        Reply::Message(Severity::Error, text.into())
    }

    /// A confirmation.
    pub fn info(text: impl Into<String>) -> Reply {
        Reply::Message(Severity::Info, text.into())
    }

    /// One line of data.
    pub fn line(text: &str) -> Reply {
        Reply::Dump(format!("{text}\n").into_bytes())
    }
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "err",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
            Severity::Info => "info",
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Step {
        Step::Answered(reply)
    }
}

impl From<Follow> for Step {
    fn from(follow: Follow) -> Step {
        Step::Following(follow)
    }
}

impl From<Rest> for Step {
    fn from(rest: Rest) -> Step {
        Step::Resting(rest)
    }
}

impl From<Plan> for Step {
    fn from(plan: Plan) -> Step {
        Step::Planned(plan)
    }
}
