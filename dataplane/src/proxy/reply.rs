//! Replies that the proxy makes itself.

use super::fault::Fault;
use super::h1::Version;
use crate::snapshot::ErrorPages;

/// Appends the reply for a fault, or nothing when the connection closes without a word.
///
/// `close` says whether the connection ends with it; `body` is false for an answer to HEAD.
pub(crate) fn push(
    out: &mut Vec<u8>,
    fault: Fault,
    version: Version,
    close: bool,
    body: bool,
    pages: [Option<&ErrorPages>; 2],
) -> Option<u16> {
    let status = fault.status()?;
    if let Some(message) = pages.into_iter().flatten().find_map(|pages| pages.message(status)) {
        out.extend_from_slice(message);
        return Some(status);
    }
    let (reason, sentence) =
        PAGES.iter().find(|(known, ..)| *known == status).map(|(_, reason, text)| (*reason, *text))?;
    let page = format!("<html><body><h1>{status} {reason}</h1>\n{sentence}\n</body></html>\n");
    let length = page.len();
    let head = match (fault.is_early(), close, version) {
        (true, ..) => format!(
            "HTTP/1.1 {status} {reason}\r\nContent-length: {length}\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n"
        ),
        (false, true, _) => head(status, reason, length, "connection: close\r\n"),
        (false, false, Version::Http10) => head(status, reason, length, "connection: keep-alive\r\n"),
        (false, false, Version::Http11) => head(status, reason, length, ""),
    };
    out.extend_from_slice(head.as_bytes());
    if body {
        out.extend_from_slice(page.as_bytes());
    }
    Some(status)
}

fn head(status: u16, reason: &str, length: usize, connection: &str) -> String {
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-length: {length}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n{connection}\r\n"
    )
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
