//! Reads the corpora under `tests/corpus`: rows of named bytes with the answer that is expected.
//! The form is described at the head of each file. Never sends anything: see who uses it.

/// One row of a corpus of HTTP/1 messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What the bytes are.
    pub kind: Kind,
    /// The name of the row, unique in its kind.
    pub name: String,
    /// The method of the request that a response answers.
    pub method: String,
    /// The bytes that are sent.
    pub send: Vec<u8>,
    /// The bytes that go on to the other side; nothing where they are those that were sent, or
    /// none are.
    pub forwarded: Option<Vec<u8>>,
    /// What Regate answers: words as described in the file.
    pub regate: String,
    /// What HAProxy answers.
    pub haproxy: String,
    /// Why the two differ; empty where they do not.
    pub reason: String,
}

/// Which side sends a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The client, as the whole of what it sends on one connection.
    #[default]
    Request,
    /// The origin, as its whole answer.
    Response,
}

/// Reads a corpus. An error names the line.
pub fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = |what: &str| format!("line {}: {what}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) =
            line.split_once(' ').ok_or_else(|| place("expected a key, a space and a value"))?;
        let kind = match key {
            "request" => Some(Kind::Request),
            "response" => Some(Kind::Response),
            _ => None,
        };
        if let Some(kind) = kind {
            if rows.iter().any(|row| row.kind == kind && row.name == value) {
                return Err(place("expected a new name"));
            }
            rows.push(Row { kind, name: value.to_owned(), method: "GET".to_owned(), ..Row::default() });
            continue;
        }
        let row = rows.last_mut().ok_or_else(|| place("expected `request` or `response` first"))?;
        let bytes = || unescape(value).ok_or_else(|| place("expected an escape that exists"));
        match key {
            "method" => row.method = value.to_owned(),
            "send" => row.send.extend(bytes()?),
            "forwarded" => row.forwarded.get_or_insert_default().extend(bytes()?),
            "regate" => row.regate = value.to_owned(),
            "haproxy" => row.haproxy = value.to_owned(),
            "reason" if row.reason.is_empty() => row.reason = value.to_owned(),
            "reason" => row.reason = format!("{} {value}", row.reason),
            _ => return Err(place("expected method, send, forwarded, regate, haproxy or reason")),
        }
    }
    Ok(rows)
}

/// The bytes of an escaped text; nothing for an escape that does not exist.
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(rest.get(..at)?.as_bytes());
        let escape = rest.get(at + 1..)?;
        let mut used = 1;
        match escape.as_bytes().first()? {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'0' => out.push(0),
            b'\\' => out.push(b'\\'),
            b'x' => {
                out.push(u8::from_str_radix(escape.get(1..3)?, 16).ok()?);
                used = 3;
            }
            b'{' => {
                let end = escape.find('}')?;
                let (count, part) = escape.get(1..end)?.split_once(':')?;
                out.extend(unescape(part)?.repeat(count.parse().ok()?));
                used = end + 1;
            }
            _ => return None,
        }
        rest = escape.get(used..)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}
