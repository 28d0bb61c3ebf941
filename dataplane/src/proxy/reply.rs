//! Replies that the proxy makes itself.

use super::fault::Fault;
use super::h1::Version;
use crate::snapshot::{ErrorPages, Page, SharedPages};

/// The error pages of a request.
#[derive(Clone, Copy)]
pub(crate) struct Pages<'a> {
    /// Those of the backend, and those of the frontend.
    pub(crate) own: [Option<&'a ErrorPages>; 2],
    /// Those that proxies share.
    pub(crate) shared: &'a SharedPages,
}

impl<'a> Pages<'a> {
    /// The page of a status, where one was configured.
    pub(super) fn find(self, status: u16) -> Option<Page<'a>> {
        self.own.into_iter().flatten().find_map(|pages| pages.find(status, self.shared))
    }

    fn message(self, status: u16) -> Option<&'a [u8]> {
        match self.find(status)? {
            Page::Message(message) => Some(message),
            Page::Made(_) => None,
        }
    }
}

/// Appends the reply for a fault, or nothing when the connection closes without a word.
///
/// `close` says whether the connection ends with it; `body` is false for an answer to HEAD.
pub(crate) fn push(
    out: &mut Vec<u8>,
    fault: Fault,
    version: Version,
    close: bool,
    body: bool,
    pages: Pages<'_>,
) -> Option<u16> {
    let status = fault.status()?;
    if fault.is_early() && pages.message(status).is_none() {
        let (reason, page) = page(status)?;
        let length = page.len();
        let head = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-length: {length}\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        if body {
            out.extend_from_slice(page.as_bytes());
        }
        return Some(status);
    }
    push_page(out, status, version, close, body, pages, b"").then_some(status)
}

/// Appends the page of a status, with these lines first in its head; false where it has none.
pub(super) fn push_page(
    out: &mut Vec<u8>,
    status: u16,
    version: Version,
    close: bool,
    body: bool,
    pages: Pages<'_>,
    lines: &[u8],
) -> bool {
    if let Some(message) = pages.message(status) {
        out.extend_from_slice(message);
        return true;
    }
    let Some((reason, page)) = page(status) else { return false };
    let length = page.len();
    let connection = match (close, version) {
        (true, _) => "connection: close\r\n",
        (false, Version::Http10) => "connection: keep-alive\r\n",
        (false, Version::Http11) => "",
    };
    out.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
    out.extend_from_slice(lines);
    let rest = format!(
        "content-length: {length}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n{connection}\r\n"
    );
    out.extend_from_slice(rest.as_bytes());
    if body {
        out.extend_from_slice(page.as_bytes());
    }
    true
}

/// The reason phrase of a status (RFC 9110, 15, and the registry that it makes).
pub(super) fn reason(status: u16) -> &'static str {
    match PAGES.iter().find(|(known, ..)| *known == status) {
        Some((_, reason, _)) => reason,
        None => REASONS.iter().find(|(known, _)| *known == status).map_or("Other", |(_, reason)| reason),
    }
}

/// The reason phrase and the built-in page of a status that has one.
fn page(status: u16) -> Option<(&'static str, String)> {
    let (_, reason, sentence) = PAGES.iter().find(|(known, ..)| *known == status)?;
    Some((reason, format!("<html><body><h1>{status} {reason}</h1>\n{sentence}\n</body></html>\n")))
}

/// Status, reason and sentence of the built-in pages, as HAProxy answers them.
const PAGES: &[(u16, &str, &str)] = &[
    (200, "OK", "Service ready."),
    (400, "Bad request", "Your browser sent an invalid request."),
    (401, "Unauthorized", "You need a valid user and password to access this content."),
    (403, "Forbidden", "Request forbidden by administrative rules."),
    (404, "Not Found", "The resource could not be found."),
    (
        405,
        "Method Not Allowed",
        "A request was made of a resource using a request method not supported by that resource",
    ),
    (407, "Unauthorized", "You need a valid user and password to access this content."),
    (408, "Request Time-out", "Your browser didn't send a complete request in time."),
    (410, "Gone", "The resource is no longer available and will not be available again."),
    (413, "Payload Too Large", "The request entity exceeds the maximum allowed."),
    (421, "Misdirected Request", "Request sent to a non-authoritative server."),
    (422, "Unprocessable Content", "The server cannot process the contained instructions."),
    (425, "Too Early", "Your browser sent early data."),
    (429, "Too Many Requests", "You have sent too many requests in a given amount of time."),
    (500, "Internal Server Error", "An internal server error occurred."),
    (
        501,
        "Not Implemented",
        ".The server does not support the functionality required to fulfill the request.",
    ),
    (502, "Bad Gateway", "The server returned an invalid or incomplete response."),
    (503, "Service Unavailable", "No server is available to handle this request."),
    (504, "Gateway Time-out", "The server didn't respond in time."),
];

/// Reasons of statuses that have no page.
const REASONS: &[(u16, &str)] = &[
    (100, "Continue"),
    (101, "Switching Protocols"),
    (102, "Processing"),
    (103, "Early Hints"),
    (201, "Created"),
    (202, "Accepted"),
    (203, "Non-Authoritative Information"),
    (204, "No Content"),
    (205, "Reset Content"),
    (206, "Partial Content"),
    (207, "Multi-Status"),
    (210, "Content Different"),
    (226, "IM Used"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (303, "See Other"),
    (304, "Not Modified"),
    (305, "Use Proxy"),
    (307, "Temporary Redirect"),
    (308, "Permanent Redirect"),
    (310, "Too many Redirects"),
    (402, "Payment Required"),
    (406, "Not Acceptable"),
    (409, "Conflict"),
    (411, "Length Required"),
    (412, "Precondition Failed"),
    (414, "Request-URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Requested range unsatisfiable"),
    (417, "Expectation failed"),
    (418, "I'm a teapot"),
    (423, "Locked"),
    (424, "Method failure"),
    (426, "Upgrade Required"),
    (428, "Precondition Required"),
    (431, "Request Header Fields Too Large"),
    (449, "Retry With"),
    (450, "Blocked by Windows Parental Controls"),
    (451, "Unavailable For Legal Reasons"),
    (456, "Unrecoverable Error"),
    (505, "HTTP Version not supported"),
    (506, "Variant also negociate"),
    (507, "Insufficient storage"),
    (508, "Loop detected"),
    (509, "Bandwidth Limit Exceeded"),
    (510, "Not extended"),
    (511, "Network authentication required"),
];
