//! Keeps what frontends want to know of messages: values of headers, and a cookie.

use super::h1::Fields;
use crate::fetch::{Captures, Headers, Side};
use crate::snapshot::CapturePlan;

/// Keeps what is wanted of a request or a response, given its headers in order.
pub(super) fn keep<'a>(
    plan: &CapturePlan,
    side: Side,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    captures: &mut Captures,
) {
    let places = match side {
        Side::Request => &plan.request,
        Side::Response => &plan.response,
    };
    let cookies: &[u8] = match side {
        Side::Request => b"cookie",
        Side::Response => b"set-cookie",
    };
    if places.is_empty() && plan.cookie.is_none() {
        return;
    }
    let mut has_cookie = false;
    for (name, value) in headers {
        for (place, capture) in places.iter().enumerate() {
            if capture.header.as_ref().is_some_and(|header| name.eq_ignore_ascii_case(header.as_bytes())) {
                // The last one stays.
                captures.keep(side, place, value, capture.length);
            }
        }
        let Some(wanted) = plan.cookie.as_ref().filter(|_| !has_cookie && name.eq_ignore_ascii_case(cookies))
        else {
            continue;
        };
        let found = match side {
            Side::Request => value.split(|byte| *byte == b';').find(|pair| is_wanted(wanted, pair)),
            // What follows the first pair are attributes.
            Side::Response => value.split(|byte| *byte == b';').next().filter(|pair| is_wanted(wanted, pair)),
        };
        if let Some(pair) = found {
            captures.keep_cookie(side, pair.trim_ascii(), wanted.length);
            has_cookie = true;
        }
    }
}

fn is_wanted(wanted: &regate_proto::model::CookieCapture, pair: &[u8]) -> bool {
    let pair = pair.trim_ascii_start();
    let Some(end) = memchr::memchr(b'=', pair) else { return false };
    let name = pair.get(..end).unwrap_or_default().trim_ascii_end();
    match wanted.prefix {
        true => name.starts_with(wanted.name.as_bytes()),
        false => name == wanted.name.as_bytes(),
    }
}

/// The headers of a message as they came.
pub(super) struct Came<'a> {
    pub(super) buffer: &'a [u8],
    pub(super) fields: &'a Fields,
}

impl Headers for Came<'_> {
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>> {
        let field = self.fields.as_slice().get(position)?;
        Some(Some((field.name().of(self.buffer), field.value().of(self.buffer))))
    }
}

#[cfg(test)]
mod tests {
    use regate_proto::model::{Capture, CookieCapture};

    use super::*;

    fn kept(prefix: bool, side: Side, headers: &[(&str, &str)]) -> Vec<String> {
        let places = vec![
            Capture { header: Some("X-A".to_owned()), length: 3 },
            Capture { header: None, length: 9 },
            Capture { header: Some("x-b".to_owned()), length: 9 },
        ];
        let plan = CapturePlan {
            request: places.clone().into(),
            response: places.into(),
            cookie: Some(CookieCapture { name: "SRV".to_owned(), prefix, length: 8 }),
        };
        let mut captures = Captures::default();
        keep(
            &plan,
            side,
            headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            &mut captures,
        );
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or(b"-")).into_owned();
        let mut all: Vec<String> = (0..3).map(|place| text(captures.value(side, place))).collect();
        all.push(text(captures.cookie(side)));
        all
    }

    #[test]
    fn the_last_header_and_the_first_cookie_stay() {
        let headers =
            [("x-a", "one"), ("X-A", "twenty"), ("x-c", "3"), ("Cookie", "a=SRV=0; SRV=12345678; SRV=2")];
        assert_eq!(kept(false, Side::Request, &headers), ["twe", "-", "-", "SRV=1234"]);
        assert_eq!(kept(false, Side::Request, &[("cookie", "SRVID=1")])[3], "-");
        assert_eq!(kept(true, Side::Request, &[("cookie", "x=1; SRVID=1")])[3], "SRVID=1");
        assert_eq!(kept(true, Side::Response, &[("Set-Cookie", "SRV1=2; path=/")])[3], "SRV1=2");
        assert_eq!(kept(true, Side::Response, &[("Set-Cookie", "a=b; SRV=2")])[3], "-");
    }
}
