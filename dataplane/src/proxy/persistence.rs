//! What a client's cookie says about its server, and what the client is told (configuration manual 4.2
//! "cookie"). Both heads are changed here as far as cookies go; their bytes are `cookie.rs`.

use std::sync::Arc;

use regate_proto::model::CookieMode;

use super::cookie::{self, Outcome, Treatment};
use super::h1::{Fields, Known, Method};
use super::slot::Chosen;
use crate::snapshot::{BackendPlan, CookiePlan, ServerPlan};

/// What a client's cookie says.
#[derive(Debug, Default)]
pub(crate) struct Claim<'a> {
    /// What it was found to be.
    pub(crate) seen: Presented,
    /// The server that the request is tied to by it.
    pub(crate) server: Option<Chosen<'a>>,
    /// When it was last refreshed, and when the client first came; seconds since the Unix epoch, 0 when unknown.
    last: u64,
    first: u64,
}

/// What a client presented; the third letter of the state in log lines (configuration manual 8.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presented {
    /// `N`: no cookie.
    #[default]
    Nothing,
    /// `I`: one that names no server.
    Invalid,
    /// `D`: one whose server is down, or could not be reached.
    Down,
    /// `V`: a valid one.
    Valid,
    /// `E`: one that was not used for too long.
    Expired,
    /// `O`: one that is too old.
    Old,
}

/// What became of the cookie in the response; the fourth letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Told {
    /// `N`: nobody said anything.
    #[default]
    Nothing,
    /// `I`: the proxy put one in.
    Inserted,
    /// `U`: the proxy put one with a new date in.
    Updated,
    /// `P`: the server's went through.
    Provided,
    /// `R`: the server's was changed.
    Rewritten,
    /// `D`: the server's was taken out.
    Deleted,
}

impl<'a> Claim<'a> {
    /// The request goes to another server than the one that it was tied to.
    pub(crate) fn forsake(&mut self) {
        if self.server.take().is_some() {
            self.seen = Presented::Down;
        }
    }

    /// A rule ties the request to a server, whatever a cookie says.
    pub(crate) fn direct(&mut self, server: &'a Arc<ServerPlan>) {
        self.server = Some(Chosen::Seen(server));
    }

    /// Whether the client's cookie ties it to this server.
    fn names(&self, server: &ServerPlan) -> bool {
        self.server.as_ref().is_some_and(|named| named.name == server.name)
    }
}

/// Reads the cookie of a request, and changes its fields as the backend asks. `clock` gives seconds since the Unix
/// epoch.
pub(super) fn read_request<'a>(
    backend: &'a BackendPlan,
    forces: bool,
    clock: impl Fn() -> u64,
    buffer: &[u8],
    fields: &mut Fields,
    out: &mut Vec<u8>,
) -> Claim<'a> {
    let mut claim = Claim::default();
    let Some(plan) = &backend.cookie else { return claim };
    if !fields.has(Known::Cookie) {
        return claim;
    }
    let treatment = match (plan.cookie.mode, plan.cookie.indirect) {
        (CookieMode::Insert, true) => Treatment::Remove,
        (CookieMode::Prefix, _) => Treatment::CutPrefix,
        _ => Treatment::Keep,
    };
    let name = plan.cookie.name.as_str().as_bytes();
    let now = clock();
    for index in 0..fields.len() {
        if fields.as_slice().get(index).is_none_or(|field| field.known != Known::Cookie) {
            continue;
        }
        let Some(Some((_, value))) = fields.at(index, buffer) else { continue };
        out.clear();
        let found = |value: &[u8]| {
            if claim.server.is_none() {
                claim = judge(backend, plan, forces, now, value);
            }
        };
        match cookie::scan(value, name, treatment, found, out) {
            Outcome::Same => {}
            Outcome::Changed => fields.replace(index, out),
            Outcome::Gone => fields.drop_at(index),
        }
    }
    out.clear();
    claim
}

fn judge<'a>(backend: &'a BackendPlan, plan: &CookiePlan, forces: bool, now: u64, value: &[u8]) -> Claim<'a> {
    let parts = match plan.cookie.mode {
        CookieMode::Prefix => {
            let server = value.split(|byte| *byte == cookie::PREFIX_END).next().unwrap_or_default();
            cookie::Parts { server, last: 0, first: 0 }
        }
        _ => cookie::parts(value),
    };
    let outlived = |limit: Option<u32>, date: u64| {
        let limit = limit.filter(|limit| *limit > 0);
        date != 0
            && limit.is_some_and(|limit| now.saturating_sub(date) > u64::from(limit) || date > now + DAY)
    };
    let verdict = |seen: Presented| Claim { seen, ..Claim::default() };
    if outlived(plan.cookie.maxidle, parts.last) {
        return verdict(Presented::Expired);
    }
    if outlived(plan.cookie.maxlife, parts.first) {
        return verdict(Presented::Old);
    }
    let mut seen = Presented::Invalid;
    for server in backend.named_by_cookie(parts.server) {
        let up = server.is_up();
        seen = if up { Presented::Valid } else { Presented::Down };
        if up || backend.forces_persistence || forces {
            let server = Some(Chosen::Seen(server));
            return Claim { seen, server, last: parts.last, first: parts.first };
        }
    }
    verdict(seen)
}

/// A response, as far as its cookies go.
pub(super) struct Answered<'r> {
    /// The server that gives it.
    pub(super) server: &'r ServerPlan,
    /// The method that it answers.
    pub(super) method: Method,
    /// Its status.
    pub(super) status: u16,
    /// Seconds since the Unix epoch.
    pub(super) now: u64,
}

/// Changes the fields of a response as the backend asks, and puts what is to be added into `added`.
pub(super) fn write_response(
    plan: &CookiePlan,
    claim: &Claim<'_>,
    answered: &Answered<'_>,
    buffer: &[u8],
    fields: &mut Fields,
    added: &mut Vec<u8>,
) -> Told {
    let tied = claim.names(answered.server);
    let told = treat_server_cookies(plan, tied, answered.server, buffer, fields, added);
    let kept = plan.cookie.preserve && told == Told::Provided;
    let unwanted = plan.cookie.postonly && answered.method != Method::Post;
    if plan.cookie.mode != CookieMode::Insert || kept || unwanted {
        return told;
    }
    if tied && !needs_refresh(plan, claim, answered.now) {
        return told;
    }
    let first = if tied { claim.first } else { 0 };
    push_cookie(added, plan, answered.server, answered.now, first);
    if plan.cookie.nocache && is_cacheable(answered, buffer, fields) {
        added.extend_from_slice(b"cache-control: private\r\n");
    }
    if tied { Told::Updated } else { Told::Inserted }
}

/// Goes through what the server itself says with a cookie of this name.
fn treat_server_cookies(
    plan: &CookiePlan,
    tied: bool,
    server: &ServerPlan,
    buffer: &[u8],
    fields: &mut Fields,
    scratch: &mut Vec<u8>,
) -> Told {
    let mut told = Told::Nothing;
    let begin = scratch.len();
    for index in 0..fields.len() {
        let Some(field) = fields.as_slice().get(index).filter(|field| !field.is_dropped()) else { continue };
        let sets =
            field.known == Known::SetCookie || field.name().of(buffer).eq_ignore_ascii_case(b"set-cookie2");
        let value = field.value().of(buffer);
        let Some(set) = cookie::first_set(value).filter(|_| sets) else { continue };
        let named = value[set.name.clone()] == *plan.cookie.name.as_str().as_bytes();
        let own = server.cookie.as_deref().unwrap_or_default().as_bytes();
        // Blanks round the equals sign go in any case.
        scratch.extend_from_slice(&value[..set.name.end]);
        scratch.push(b'=');
        let deletes = plan.cookie.mode == CookieMode::Insert || (plan.cookie.indirect && tied);
        match plan.cookie.mode {
            _ if !named => scratch.extend_from_slice(&value[set.value.start..]),
            _ if plan.cookie.preserve => {
                scratch.extend_from_slice(&value[set.value.start..]);
                told = Told::Provided;
            }
            _ if deletes => {
                fields.drop_at(index);
                told = Told::Deleted;
            }
            CookieMode::Rewrite if server.cookie.is_some() => {
                scratch.extend_from_slice(own);
                scratch.extend_from_slice(&value[set.value.end..]);
                told = Told::Rewritten;
            }
            CookieMode::Prefix if server.cookie.is_some() => {
                scratch.extend_from_slice(own);
                scratch.push(cookie::PREFIX_END);
                scratch.extend_from_slice(&value[set.value.start..]);
                told = Told::Rewritten;
            }
            _ => {
                scratch.extend_from_slice(&value[set.value.start..]);
                told = Told::Provided;
            }
        }
        if scratch[begin..] != *value {
            fields.replace(index, &scratch[begin..]);
        }
        scratch.truncate(begin);
    }
    told
}

/// Whether the dates in a valid cookie are not those that it should have.
fn needs_refresh(plan: &CookiePlan, claim: &Claim<'_>, now: u64) -> bool {
    let wants = |limit: Option<u32>| limit.is_some_and(|limit| limit > 0);
    let (idle, life) = (wants(plan.cookie.maxidle), wants(plan.cookie.maxlife));
    // A date in the future is left alone.
    let idle = claim.last < now && (idle || claim.last != 0);
    let life = if life { claim.first == 0 } else { claim.first != 0 };
    idle || life
}

/// Appends the field that sets the cookie; for a server without a name in it, the one that takes it away.
fn push_cookie(added: &mut Vec<u8>, plan: &CookiePlan, server: &ServerPlan, now: u64, first: u64) {
    added.extend_from_slice(b"set-cookie: ");
    added.extend_from_slice(plan.cookie.name.as_str().as_bytes());
    added.push(b'=');
    match &server.cookie {
        None => added.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
        Some(value) => {
            added.extend_from_slice(value.as_bytes());
            let wants = |limit: Option<u32>| limit.is_some_and(|limit| limit > 0);
            if wants(plan.cookie.maxidle) || wants(plan.cookie.maxlife) {
                cookie::push_date(added, now);
            }
            if wants(plan.cookie.maxlife) {
                cookie::push_date(added, if first == 0 { now } else { first });
            }
        }
    }
    added.extend_from_slice(plan.tail.as_bytes());
    added.extend_from_slice(b"\r\n");
}

/// Whether a shared cache could keep the response, as HAProxy judges it.
fn is_cacheable(answered: &Answered<'_>, buffer: &[u8], fields: &Fields) -> bool {
    let methods = matches!(answered.method, Method::Get | Method::Head | Method::Options | Method::Trace);
    if !methods || !CACHEABLE.contains(&answered.status) {
        return false;
    }
    let mut lasts = false;
    for (name, value) in fields.iter(buffer) {
        if name.eq_ignore_ascii_case(b"pragma") && value.eq_ignore_ascii_case(b"no-cache") {
            return false;
        }
        let marks: [&[u8]; 3] = [b"etag", b"last-modified", b"expires"];
        lasts |= marks.iter().any(|mark| name.eq_ignore_ascii_case(mark));
        if name.eq_ignore_ascii_case(b"cache-control") {
            for word in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if FORBIDDING.iter().any(|known| word.eq_ignore_ascii_case(known)) {
                    return false;
                }
                let begins =
                    |with: &[u8]| word.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
                lasts |= begins(b"max-age") || begins(b"s-maxage");
            }
        }
    }
    lasts
}

/// Statuses of responses that caches keep.
const CACHEABLE: [u16; 11] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];
/// Directives that forbid it.
const FORBIDDING: [&[u8]; 5] = [b"no-store", b"no-cache", b"private", b"max-age=0", b"s-maxage=0"];
/// Seconds by which a date may lie in the future.
const DAY: u64 = 86_400;
