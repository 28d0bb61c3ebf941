//! Fetches of bytes before anybody knows what they are (configuration manual 7.3.5).

use regate_proto::rules::Argument;

use super::hello::{Hello, Read};
use super::{Arguments, View};
use crate::sample::Value;

/// What the message at hand is: what the server sent, once it did.
pub(super) fn at_hand<'a>(view: &View<'a>) -> &'a [u8] {
    if view.answer.is_empty() { view.payload } else { view.answer }
}

/// How many bytes there are.
pub(super) fn length<'a>(bytes: &[u8], view: &View<'_>) -> Option<Value<'a>> {
    view.doubt();
    Some(Value::Int(bytes.len() as i64))
}

/// So many bytes from an offset on; with a length of 0 all that follow.
pub(super) fn slice<'a>(bytes: &'a [u8], arguments: &Arguments<'_>, view: &View<'a>) -> Option<Value<'a>> {
    let from = usize::try_from(arguments.int(0)?).ok()?;
    let count = usize::try_from(arguments.int(1)?).ok()?;
    part(bytes, from, count, view)
}

/// The bytes whose number stands in the bytes themselves, right after it or where the third argument says.
pub(super) fn counted<'a>(bytes: &'a [u8], arguments: &Arguments<'_>, view: &View<'a>) -> Option<Value<'a>> {
    let at = usize::try_from(arguments.int(0)?).ok()?;
    let width = usize::try_from(arguments.int(1)?).ok()?;
    let after = at.checked_add(width)?;
    let Some(digits) = bytes.get(at..after) else {
        view.doubt();
        return None;
    };
    let count = digits.iter().fold(0_u64, |count, byte| count.wrapping_shl(8) | u64::from(*byte));
    let from = match arguments.0.get(2) {
        Some(Argument::Int(from)) => usize::try_from(*from).ok()?,
        Some(Argument::Relative(by)) => after.checked_add_signed(isize::try_from(*by).ok()?)?,
        _ => after,
    };
    match usize::try_from(count).ok()? {
        0 => None,
        count => part(bytes, from, count, view),
    }
}

/// Whether the client sent a request of HTTP/1: true, or nothing.
pub(super) fn is_http<'a>(view: &View<'a>) -> Option<Value<'a>> {
    view.request().map(|_| Value::Bool(true))
}

/// What a client's hello says.
pub(super) fn of_hello<'a, T>(view: &View<'a>, tell: impl Fn(&Hello<'a>) -> Option<T>) -> Option<T> {
    tell(&read(Hello::read(view.payload), view)?)
}

/// What was read; where it is not whole, it is waited for.
pub(super) fn read<T>(outcome: Read<T>, view: &View<'_>) -> Option<T> {
    match outcome {
        Read::Found(found) => Some(found),
        Read::Partial => {
            view.doubt();
            None
        }
        Read::Foreign => None,
    }
}

/// The cookie of an RDP connection request: of this name, whatever its case, or of any.
///
/// It stands behind the headers of TPKT and X.224 as `Cookie: name=value` (MS-RDPBCGR 2.2.1.1).
pub(super) fn rdp_cookie<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<&'a [u8]> {
    let outcome = match view.payload {
        [3, 0, high, low, more, 0xe0, rest @ ..] => {
            let whole = usize::from(u16::from_be_bytes([*high, *low]));
            match rest.get(..whole.saturating_sub(6)) {
                None => Read::Partial,
                Some(_) if usize::from(*more) + 5 > whole => Read::Foreign,
                Some(request) => cookie_line(request.get(5..).unwrap_or_default()),
            }
        }
        [] | [3] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, _] => Read::Partial,
        _ => Read::Foreign,
    };
    let (name, value) = read(outcome, view)?;
    arguments.text(0).is_none_or(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes())).then_some(value)
}

/// Whether there is such a cookie: one or none, and nothing while that is open.
pub(super) fn rdp_cookie_count<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<Value<'a>> {
    let before = view.undecided.take();
    let found = rdp_cookie(arguments, view).is_some();
    let is_open = !found && view.undecided.get();
    view.undecided.set(before || view.undecided.get());
    (!is_open).then_some(Value::Int(i64::from(found)))
}

/// The parameter and the body of a token of distcc's protocol: four letters, eight hexadecimal digits, and for
/// those that carry something, so many bytes.
pub(super) fn distcc<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<(i64, Option<&'a [u8]>)> {
    let wanted = arguments.text(0)?.as_bytes();
    let mut left = arguments.int(1).unwrap_or(1).max(1);
    let mut rest = at_hand(view);
    while let Some((token, tail)) = rest.split_at_checked(4) {
        let Some((digits, tail)) = tail.split_at_checked(8) else { break };
        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        let carried =
            if CARRIERS.iter().any(|carrier| carrier.as_slice() == token) { number as usize } else { 0 };
        let body = tail.get(..carried);
        if token == wanted {
            left -= 1;
            if left == 0 {
                if body.is_none() {
                    view.doubt();
                }
                return Some((number.into(), body));
            }
        }
        let Some(next) = tail.get(carried..) else { break };
        rest = next;
    }
    view.doubt();
    None
}

fn part<'a>(bytes: &'a [u8], from: usize, count: usize, view: &View<'a>) -> Option<Value<'a>> {
    let found = match count {
        0 => {
            view.doubt();
            bytes.get(from..)
        }
        count => bytes.get(from..from.checked_add(count)?),
    };
    if found.is_none() {
        view.doubt();
    }
    found.map(|bytes| Value::Bin(bytes.into()))
}

/// Name and value of `Cookie: name=value` at the beginning.
fn cookie_line(text: &[u8]) -> Read<(&[u8], &[u8])> {
    let Some((word, rest)) = text.split_at_checked(COOKIE.len()) else { return Read::Partial };
    if !word.eq_ignore_ascii_case(COOKIE) {
        return Read::Foreign;
    }
    let Some(end) = memchr::memmem::find(rest, b"\r\n") else { return Read::Partial };
    let line = rest.get(..end).unwrap_or_default().trim_ascii_start();
    match memchr::memchr(b'=', line) {
        Some(at) => Read::Found((line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default())),
        None => Read::Foreign,
    }
}

const COOKIE: &[u8] = b"Cookie:";
/// The tokens of distcc that carry something.
const CARRIERS: [&[u8; 4]; 5] = [b"ARGV", b"DOTI", b"DOTO", b"SERR", b"SOUT"];
