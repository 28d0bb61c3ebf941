//! Answers that rules ask for: their bytes, and what rules about responses change of them.

use regate_proto::rules::action::RedirectKind;

use super::first_line::{StatusLine, path_of};
use super::h1::{self, Asked, Fields, Limits, Method, Parse, Strictness, Version};
use super::log::Purpose;
use super::reply::{self, Pages};
use super::rules::{Draft, Message, clean};
use super::scene::Scene;
use super::wishes::Wishes;
use crate::fetch::Captures;
use crate::snapshot::{ContentPlan, Page, RedirectPlan, ReplyPlan, RulePlan};

/// An answer of the proxy's own, without a word of what becomes of the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) status: u16,
    /// The whole message.
    pub(super) bytes: Vec<u8>,
}

impl Answer {
    /// Says what becomes of the connection, where the version does not.
    pub(super) fn end_with(&mut self, close: bool, version: Version) {
        let line: &[u8] = match (close, version) {
            (true, _) => b"connection: close\r\n",
            (false, Version::Http10) => b"connection: keep-alive\r\n",
            (false, Version::Http11) => return,
        };
        self.add_line(line);
    }

    /// Adds a line to the end of the head.
    fn add_line(&mut self, line: &[u8]) {
        if let Some(end) = memchr::memmem::find(&self.bytes, b"\r\n\r\n") {
            self.bytes.splice(end + 2..end + 2, line.iter().copied());
        }
    }
}

/// What an answer depends on beside the rule.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    /// Whether it has a body: an answer to HEAD has none.
    pub(super) body: bool,
    /// The pages of backend and frontend.
    pub(super) pages: Pages<'a>,
}

/// The answer of `return`, `deny` and `tarpit`.
pub(super) fn reply(plan: &ReplyPlan, draft: &Draft<'_>, manner: Manner<'_>) -> Answer {
    let mut bytes = Vec::with_capacity(256);
    let status = plan.status;
    let mut headers = Vec::new();
    for (name, format) in &plan.headers {
        push_line(&mut headers, &name.to_ascii_lowercase(), &clean(draft.text(format)));
    }
    let page = match &plan.content {
        ContentPlan::Page => manner.pages.find(status),
        ContentPlan::Section(name) => {
            manner.pages.shared.get(name).and_then(|pages| pages.find(status, manner.pages.shared))
        }
        _ => None,
    };
    match page {
        Some(Page::Made(made)) => return self::reply(made, draft, manner),
        Some(Page::Message(message)) => return Answer { status, bytes: message.to_vec() },
        None => {}
    }
    let body = match &plan.content {
        ContentPlan::Page => {
            reply::push_page(&mut bytes, status, Version::Http11, false, manner.body, manner.pages, &headers);
            return Answer { status, bytes };
        }
        // Where shared pages have none of the status there is nothing to say.
        ContentPlan::Section(_) => std::borrow::Cow::Borrowed(&[][..]),
        ContentPlan::Message(message) => {
            bytes.extend_from_slice(message);
            return Answer { status, bytes };
        }
        ContentPlan::Bytes(body) => std::borrow::Cow::Borrowed(&body[..]),
        ContentPlan::Format(format) => std::borrow::Cow::Owned(draft.text_for(Purpose::Message, format)),
    };
    push_status(&mut bytes, status);
    bytes.extend_from_slice(&headers);
    // RFC 9110, 8.6: never with a 204.
    if status != 204 {
        push_line(&mut bytes, b"content-length", body.len().to_string().as_bytes());
    }
    if let Some(kind) = plan.content_type.as_ref().filter(|_| !body.is_empty()) {
        push_line(&mut bytes, b"content-type", kind.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    if manner.body {
        bytes.extend_from_slice(&body);
    }
    Answer { status, bytes }
}

/// The page of a status; one that is made needs the message that it is made for.
pub(super) fn page(status: u16, draft: Option<&Draft<'_>>, manner: Manner<'_>) -> Answer {
    if let (Some(Page::Made(made)), Some(draft)) = (manner.pages.find(status), draft) {
        return reply(made, draft, manner);
    }
    let mut bytes = Vec::with_capacity(256);
    reply::push_page(&mut bytes, status, Version::Http11, false, manner.body, manner.pages, b"");
    Answer { status, bytes }
}

/// The answer that asks for a user and a password (RFC 7617).
pub(super) fn challenge(realm: &str, draft: &Draft<'_>, manner: Manner<'_>) -> Answer {
    let mut answer = page(401, Some(draft), manner);
    let realm = clean(realm.replace(['"', '\\'], "").into_bytes());
    answer.add_line(&[b"www-authenticate: Basic realm=\"".as_slice(), &realm, b"\"\r\n"].concat());
    answer
}

/// The answer of `redirect` (configuration manual 4.2).
pub(super) fn redirect(plan: &RedirectPlan, draft: &Draft<'_>) -> Answer {
    let mut bytes = Vec::with_capacity(256);
    push_status(&mut bytes, plan.code);
    push_line(&mut bytes, b"content-length", b"0");
    push_line(&mut bytes, b"location", &location(plan, draft));
    if matches!(plan.code, 302 | 303 | 307) {
        push_line(&mut bytes, b"cache-control", b"no-cache");
    }
    if let Some(cookie) = &plan.cookie {
        push_line(&mut bytes, b"set-cookie", cookie.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    Answer { status: plan.code, bytes }
}

/// Takes an answer through the rules for all responses.
pub(super) fn amended(
    answer: Answer,
    scene: Scene<'_>,
    (wishes, captures): (&mut Wishes, &mut Captures),
    lists: &[&[RulePlan]],
    method: Method,
) -> Answer {
    if lists.iter().all(|rules| rules.is_empty()) {
        return answer;
    }
    let mut fields = Fields::new();
    let asked = Asked { method, upgrade: false };
    let parsed =
        h1::parse_response(&answer.bytes, asked, &Limits::default(), Strictness::RELAXED, &mut fields);
    // A message from a file may be anything: what is no response is sent as it is.
    let Ok(Parse::Complete(head)) = parsed else { return answer };
    let mut line = StatusLine::default();
    let body = answer.bytes.get(head.len..).unwrap_or_default();
    for rules in lists {
        let mut draft = Draft {
            scene,
            buffer: &answer.bytes,
            fields: &mut fields,
            message: Message::Response(&head, &mut line, body, Some(body.len() as u64)),
            wishes: &mut *wishes,
            captures: &mut *captures,
        };
        let _ = draft.run(rules, 0);
    }
    let mut bytes = Vec::with_capacity(answer.bytes.len() + 64);
    fields.write(&answer.bytes, line.rewritten().as_deref(), b"", &mut bytes);
    bytes.extend_from_slice(answer.bytes.get(head.len..).unwrap_or_default());
    Answer { status: line.status.map_or(answer.status, |(status, _)| status), bytes }
}

fn location(plan: &RedirectPlan, draft: &Draft<'_>) -> Vec<u8> {
    let target = clean(draft.text(&plan.target));
    let asked = draft.with_view(|view| {
        view.request.as_ref().map(|request| {
            let host = request.headers.lines(b"host").next().unwrap_or_default().to_vec();
            (request.target.to_vec(), host)
        })
    });
    let Some((asked, host)) = asked else { return target };
    let path = path_of(&asked);
    let query = asked.get(path.end..).unwrap_or_default();
    let mut out = Vec::with_capacity(target.len() + asked.len());
    match plan.kind {
        RedirectKind::Location => {
            out.extend_from_slice(&target);
            if plan.keep_query && !query.is_empty() {
                let has_query = memchr::memchr(b'?', &target).is_some();
                out.push(if has_query { b'&' } else { b'?' });
                out.extend_from_slice(&query[1..]);
            }
            return out;
        }
        RedirectKind::Scheme => {
            out.extend_from_slice(&target);
            out.extend_from_slice(b"://");
            out.extend_from_slice(&host);
        }
        // A prefix that is only a slash would make two of them.
        RedirectKind::Prefix if target == b"/" => {}
        RedirectKind::Prefix => out.extend_from_slice(&target),
    }
    let path = asked.get(path).unwrap_or_default();
    out.extend_from_slice(path);
    if plan.append_slash && path.last() != Some(&b'/') && (plan.drop_query || query.is_empty()) {
        out.push(b'/');
    }
    if !plan.drop_query {
        out.extend_from_slice(query);
    }
    out
}

fn push_status(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(reply::reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    h1::fields::push_line(out, name, value);
}
