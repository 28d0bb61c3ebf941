//! One check as a state machine: it wishes, its driver does, and tells it what came of that.

use std::sync::Arc;

use regate_proto::model::{CheckConnect, CheckStatus};

use super::http::{self, Read};
use super::protocol::{Look, printable};
use super::script::{Action, Expectation, Family, Said, Script, Sought, Step};
use super::voice::{Came, Voice};
use crate::live::{Finding, Outcome};

/// A check that goes on. Its memory is bounded by the bytes that it looks at.
#[derive(Debug)]
pub struct Run {
    script: Arc<Script>,
    setting: Setting,
    at: usize,
    buffer: Vec<u8>,
    /// Whether nothing more comes over the connection at hand.
    closed: bool,
    /// What was found last, and is reported if nothing follows.
    found: Option<Outcome>,
}

/// What a check must know of its server.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Whether the server takes traffic: one that does not is not eased into taking none.
    pub serves: bool,
    /// How it stands, for requests that tell.
    pub state: String,
}

/// What a check wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Open a connection; the one before is closed. Then [`Run::connected`] or [`Run::unreachable`].
    Connect(CheckConnect),
    /// Send all of this. Then [`Run::sent`] or [`Run::broken`].
    Send(Vec<u8>),
    /// Wait for bytes. Then [`Run::received`], [`Run::ended`] or [`Run::broken`].
    Receive,
    /// Nothing: it is over.
    Done(Outcome),
}

/// Why no connection came about.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Not in time.
    Late,
    /// The peer or the network said no, in these words.
    Refused(String),
    /// The system said no, in these words.
    System(String),
}

impl Run {
    /// A check at its beginning.
    pub fn new(script: Arc<Script>, setting: Setting) -> Run {
        Run { script, setting, at: 0, buffer: Vec::new(), closed: false, found: None }
    }

    /// What it wants now.
    pub fn wish(&mut self, voice: &dyn Voice) -> Wish {
        let script = self.script.clone();
        loop {
            let Some(step) = script.steps.get(self.at) else { return Wish::Done(self.passed()) };
            match &step.action {
                Action::Connect(connect) => return Wish::Connect(connect.clone()),
                Action::Send(bytes) => return Wish::Send(bytes.clone()),
                Action::Say(said, spells) => {
                    let bytes = said.say(voice, self.came()).into_owned();
                    match spells.then(|| hexadecimal(&bytes)) {
                        None => return Wish::Send(bytes),
                        Some(Some(bytes)) => return Wish::Send(bytes),
                        Some(None) => {
                            let sentence = format!("the text is not hexadecimal{}", self.place());
                            return Wish::Done(Outcome::with(Finding::L7Invalid, 0, sentence));
                        }
                    }
                }
                Action::Set(variable, value) => {
                    voice.set(variable, value.as_ref(), self.came());
                    self.at += 1;
                }
                Action::Request(request) => {
                    let state = script.send_state.then_some(self.setting.state.as_str());
                    return Wish::Send(request.render(state, voice, self.came()));
                }
                Action::Look(look) => {
                    let last = self.is_last();
                    match look(&self.buffer, last) {
                        Look::More if !last => return Wish::Receive,
                        Look::More => return Wish::Done(Outcome::bare(Finding::L7Invalid)),
                        Look::Next => self.found = None,
                        Look::Right(outcome) => self.found = Some(outcome),
                        Look::Wrong(outcome) => return Wish::Done(outcome),
                    }
                    self.at += 1;
                }
                Action::Expect(expectation) => {
                    let looked = match script.family {
                        Family::Http => self.look_at_answer(step, expectation, voice),
                        _ => self.look_at_bytes(step, expectation, voice),
                    };
                    match looked {
                        None => return Wish::Receive,
                        Some(Err(outcome)) => return Wish::Done(outcome),
                        Some(Ok(outcome)) => self.found = Some(outcome),
                    }
                    self.at += 1;
                }
            }
        }
    }

    /// The connection stands.
    pub fn connected(&mut self) {
        self.at += 1;
        self.buffer.clear();
        self.closed = false;
    }

    /// The bytes have gone.
    pub fn sent(&mut self) {
        self.at += 1;
        self.buffer.clear();
    }

    /// So much may come at a time.
    pub fn room(&self) -> usize {
        LARGEST_ANSWER.saturating_sub(self.buffer.len())
    }

    /// Bytes came; what exceeds [`Run::room`] is ignored.
    pub fn received(&mut self, bytes: &[u8]) {
        let room = self.room();
        self.buffer.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The peer has closed.
    pub fn ended(&mut self) {
        self.closed = true;
    }

    /// What it means that there is no connection.
    pub fn unreachable(&self, why: Unreachable) -> Outcome {
        match why {
            Unreachable::Late => Outcome::with(Finding::L4Timeout, 0, self.place()),
            Unreachable::Refused(reason) => {
                Outcome::with(Finding::L4Failed, 0, format!("{reason}{}", self.place()))
            }
            Unreachable::System(reason) => {
                Outcome::with(Finding::SocketError, 0, format!("General socket error ({reason})"))
            }
        }
    }

    /// What it means that the connection broke, in the system's words.
    pub fn broken(&self, reason: &str) -> Outcome {
        Outcome::with(Finding::SocketError, 0, format!("{reason}{}", self.place()))
    }

    /// What it means that the time is over.
    pub fn late(&self) -> Outcome {
        let step = self.script.steps.get(self.at);
        let chosen = step.and_then(|step| match &step.action {
            Action::Expect(expectation) => expectation.rule.timeout_status.map(finding),
            _ => None,
        });
        let layer = match (step.map(|step| &step.action), self.script.steps.get(1).map(|step| &step.action)) {
            (Some(Action::Connect(_)), _) => Finding::L4Timeout,
            (Some(Action::Look(look)), Some(Action::Send(_)))
                if std::ptr::fn_addr_eq(*look, super::protocol::look_at_ssl as fn(&[u8], bool) -> Look) =>
            {
                Finding::L6Timeout
            }
            _ => Finding::L7Timeout,
        };
        Outcome::with(chosen.unwrap_or(layer), 0, self.place())
    }

    /// What samples may look at.
    fn came(&self) -> Came<'_> {
        Came { bytes: &self.buffer, http: self.script.family == Family::Http, closed: self.is_last() }
    }

    fn is_last(&self) -> bool {
        self.closed || self.room() == 0
    }

    /// The step at hand as reports of TCP rules name it.
    fn place(&self) -> String {
        let Some(step) = self.script.steps.get(self.at).filter(|step| step.number != 0) else {
            return String::new();
        };
        if self.script.family != Family::Tcp {
            return String::new();
        }
        let what = match &step.action {
            Action::Connect(CheckConnect { port: Some(port), .. }) => format!("connect port {port}"),
            Action::Connect(_) => "connect".to_owned(),
            Action::Send(_) | Action::Say(..) | Action::Request(_) => "send".to_owned(),
            Action::Look(_) | Action::Set(..) => "expect".to_owned(),
            Action::Expect(expectation) => match &expectation.what {
                Sought::Text(Said::Plain(text)) => {
                    format!("expect string '{}'", String::from_utf8_lossy(text))
                }
                Sought::Text(Said::Format(_)) => "expect log-format string".to_owned(),
                Sought::Pattern(_) => "expect regex".to_owned(),
                Sought::Bytes(Said::Plain(bytes)) => format!("expect binary '{}'", printable(bytes).trim()),
                Sought::Bytes(Said::Format(_)) => "expect log-format binary".to_owned(),
                _ => "expect binary regex".to_owned(),
            },
        };
        let comment = step.comment.as_ref().map(|text| format!(" comment: '{text}'")).unwrap_or_default();
        format!(" at step {} of tcp-check ({what}){comment}", step.number)
    }

    /// What is reported at the end.
    fn passed(&mut self) -> Outcome {
        let last = self.script.steps.last().map(|step| &step.action);
        match (self.script.family, last, self.found.take()) {
            (Family::Plain, ..) => Outcome::bare(Finding::L4Passed),
            (Family::Tcp, Some(Action::Connect(_)), _) => Outcome::with(Finding::L4Passed, 0, TCP_CHECK),
            (Family::Tcp, Some(Action::Send(_)), _) => Outcome::with(Finding::L7Passed, 0, TCP_CHECK),
            (_, _, Some(found)) => found,
            _ => Outcome::bare(Finding::L7Passed),
        }
    }

    /// Looks at bytes by a TCP rule; `None`: more must come.
    fn look_at_bytes(
        &self,
        step: &Step,
        expectation: &Expectation,
        voice: &dyn Voice,
    ) -> Option<Result<Outcome, Outcome>> {
        let (rule, came) = (&expectation.rule, self.came());
        let failed = |sentence: &str| {
            let judged = Judged { finding: Finding::L7Invalid, code: 0, sentence, comment: "" };
            expectation.failed(step, judged, voice, came)
        };
        let last = self.is_last();
        let place = format!(" at step {}{}", step.number, comment_of(step));
        if self.buffer.is_empty() {
            return last.then(|| Err(failed(&format!("TCPCHK got an empty response{place}"))));
        }
        let wanted = usize::try_from(rule.minimum.unwrap_or(-1)).ok();
        if !last && wanted.is_some_and(|minimum| self.buffer.len() < minimum) {
            return None;
        }
        let holds = |wanted: &[u8]| memchr::memmem::find(&self.buffer, wanted).is_some();
        let is_there = match &expectation.what {
            Sought::Text(text) => holds(&text.say(voice, came)),
            Sought::Bytes(Said::Plain(bytes)) => holds(bytes),
            Sought::Bytes(said) => hexadecimal(&said.say(voice, came)).is_some_and(|bytes| holds(&bytes)),
            Sought::BytesPattern(pattern) => {
                let spelled: String = self.buffer.iter().map(|byte| format!("{byte:02X}")).collect();
                pattern.is_match(spelled.as_bytes())
            }
            Sought::Pattern(pattern) => pattern.is_match(&self.buffer),
            Sought::Status(_) | Sought::StatusPattern(_) | Sought::Header { .. } => false,
        };
        if !is_there && !last && wanted.is_none() {
            return None;
        }
        if is_there != rule.inverse {
            return Some(Ok(expectation.passed(0, TCP_CHECK, voice, came)));
        }
        let what = match &expectation.what {
            Sought::Text(Said::Plain(text)) => format!("content '{}'", String::from_utf8_lossy(text)),
            Sought::Text(Said::Format(_)) => "content (log-format string)".to_owned(),
            Sought::Bytes(Said::Plain(_)) => "content (binary)".to_owned(),
            Sought::Bytes(Said::Format(_)) => "content (log-format binary)".to_owned(),
            Sought::BytesPattern(_) => "content (binary regex)".to_owned(),
            _ => "content (regex)".to_owned(),
        };
        let sentence = match rule.inverse {
            true => format!("TCPCHK matched unwanted {what}{place}"),
            false => format!("TCPCHK did not match {what}{place}"),
        };
        Some(Err(failed(&sentence)))
    }

    /// Looks at an answer by an HTTP rule; `None`: more must come.
    fn look_at_answer(
        &mut self,
        step: &Step,
        expectation: &Expectation,
        voice: &dyn Voice,
    ) -> Option<Result<Outcome, Outcome>> {
        let rule = &expectation.rule;
        let last = self.is_last();
        let answer = match http::read(&self.buffer, last) {
            Read::Partial => return None,
            Read::Invalid => return Some(Err(Outcome::bare(Finding::L7Invalid))),
            Read::Answer(answer) => answer,
        };
        let code = u32::from(answer.status);
        if answer.status == 404 && self.script.disable_on_404 && self.setting.serves {
            self.at = self.script.steps.len();
            return Some(Ok(Outcome::with(Finding::L7Conditional, code, "")));
        }
        let wanted = usize::try_from(rule.minimum.unwrap_or(-1)).ok();
        if !last && !answer.complete && wanted.is_some_and(|minimum| self.buffer.len() < minimum) {
            return None;
        }
        let came = self.came();
        let is_there = expectation.is_in(&answer, voice, came);
        let conclusive = last || answer.complete || wanted.is_some();
        if expectation.looks_at_body() && !is_there && !conclusive {
            return None;
        }
        if is_there != rule.inverse {
            return Some(Ok(expectation.passed(code, "", voice, came)));
        }
        let comment = comment_of(step);
        let reason = printable(answer.reason);
        let (finding, sentence) = match (expectation.looks_at_body(), rule.inverse) {
            (true, true) => (Finding::L7Invalid, "HTTP check matched unwanted content"),
            (true, false) => (Finding::L7Invalid, "HTTP content check did not match"),
            (false, _) => (Finding::L7Failed, reason.as_str()),
        };
        let judged = Judged { finding, code, sentence, comment: &comment };
        Some(Err(expectation.failed(step, judged, voice, came)))
    }
}

/// What suits the kind of a rule that is not satisfied.
struct Judged<'a> {
    finding: Finding,
    code: u32,
    sentence: &'a str,
    comment: &'a str,
}

impl Expectation {
    /// What a rule that is satisfied reports; what it says itself goes before what suits the kind.
    fn passed(&self, code: u32, usual: &str, voice: &dyn Voice, came: Came<'_>) -> Outcome {
        let finding = self.rule.ok_status.map_or(Finding::L7Passed, finding);
        let detail =
            self.on_success.as_ref().map_or_else(|| usual.to_owned(), |said| text(said, voice, came));
        Outcome::with(finding, self.code(code, voice, came), detail)
    }

    /// What a rule that is not satisfied reports, alike.
    fn failed(&self, step: &Step, judged: Judged<'_>, voice: &dyn Voice, came: Came<'_>) -> Outcome {
        let finding = self.rule.error_status.map_or(judged.finding, finding);
        let detail = match &self.on_error {
            Some(said) => format!("{}{}", text(said, voice, came), comment_of(step)),
            None => format!("{}{}", judged.sentence, judged.comment),
        };
        Outcome::with(finding, self.code(judged.code, voice, came), detail)
    }

    fn code(&self, usual: u32, voice: &dyn Voice, came: Came<'_>) -> u32 {
        self.code.as_ref().and_then(|sample| voice.number(sample, came)).unwrap_or(usual)
    }
}

fn text(said: &Said, voice: &dyn Voice, came: Came<'_>) -> String {
    String::from_utf8_lossy(&said.say(voice, came)).into_owned()
}

/// The bytes that a text spells.
fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.chunks(2).map(byte).collect()
}

fn comment_of(step: &Step) -> String {
    step.comment.as_ref().map(|text| format!(" comment: {text}")).unwrap_or_default()
}

fn finding(status: CheckStatus) -> Finding {
    match status {
        CheckStatus::L7Ok => Finding::L7Passed,
        CheckStatus::L7Okc => Finding::L7Conditional,
        CheckStatus::L6Ok => Finding::L6Passed,
        CheckStatus::L4Ok => Finding::L4Passed,
        CheckStatus::L7Rsp => Finding::L7Invalid,
        CheckStatus::L7Sts => Finding::L7Failed,
        CheckStatus::L6Rsp => Finding::L6Invalid,
        CheckStatus::L4Con => Finding::L4Failed,
        CheckStatus::L7Tout => Finding::L7Timeout,
        CheckStatus::L6Tout => Finding::L6Timeout,
        CheckStatus::L4Tout => Finding::L4Timeout,
    }
}

/// What is reported of TCP rules that had nothing else to say.
const TCP_CHECK: &str = "(tcp-check)";

/// Bytes of an answer that are looked at: HAProxy's buffer (`tune.bufsize`).
pub(super) const LARGEST_ANSWER: usize = 16_384;
