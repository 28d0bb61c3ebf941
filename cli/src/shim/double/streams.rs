//! One stream and one malformed request, as the double tells of them, and what it refuses to do.

use regate_proto::model::{DataForm, DataType, Name, ServerRef, Subject, Table, TableKey};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::v1;
use v1::act_request::Action;

/// The number of the stream.
const ID: u64 = 0x100_0000_0001;

/// The streams that are wanted: the one that there is, or none.
pub fn streams(state: &State, query: &v1::StreamsQuery) -> Result<Vec<v1::StreamView>, Problem> {
    for (name, noun) in [
        (&query.frontend, Subject::Frontend as fn(Name) -> Subject),
        (&query.backend, Subject::Backend as fn(Name) -> Subject),
    ] {
        if let Some(name) = name {
            exists(state, &noun(Name::new(name).unwrap()))?;
        }
    }
    if let Some(at) = &query.server {
        server(state, at)?;
    }
    let proxy = |name: &str, id| v1::StreamProxy { name: name.to_owned(), id, http: true };
    let stream = v1::StreamView {
        id: ID,
        age_ms: 65_000,
        source: Some("127.0.0.1:40000".to_owned()),
        frontend: Some(proxy("fe", 2)),
        bind_id: 1,
        backend: Some(proxy("be", 3)),
        server: Some(v1::StreamServer {
            name: "s1".to_owned(),
            id: 1,
            address: Some("127.0.0.1:1".to_owned()),
        }),
        progress: v1::StreamProgress::Responding.into(),
        client_descriptor: 18,
        server_descriptor: Some(21),
        expires_ms: Some(30_000),
        server_expires_ms: Some(29_999),
        status: Some(200),
        method: "GET".to_owned(),
        calls: 4,
        calls_rate: 1,
        request_line: b"GET /x HTTP/1.1".to_vec(),
        ..Default::default()
    };
    Ok(if query.id.is_none_or(|id| id == ID) { vec![stream] } else { Vec::new() })
}

/// The malformed messages that are wanted.
pub fn malformed(state: &State, query: &v1::MalformedQuery) -> Result<v1::Answer, Problem> {
    if let Some(name) = &query.proxy {
        exists(state, &Subject::Frontend(Name::new(name).unwrap()))?;
    }
    let content = b"GET / HTTP/1.1\r\nHost: x\r\nbad\x01hdr: a\\b\t\r\n\r\n".to_vec();
    let request = v1::MalformedView {
        proxy: Some(v1::StreamProxy { name: "fe".to_owned(), id: 2, http: true }),
        source: Some("127.0.0.1:51082".to_owned()),
        room: 16_384 - content.len() as u32,
        content,
        position: 28,
        part: v1::MalformedPart::FieldName.into(),
        ..Default::default()
    };
    let malformed = if query.responses_only { Vec::new() } else { vec![request] };
    Ok(v1::Answer { malformed_messages: malformed, malformed_total: 1, ..Default::default() })
}

/// What an action is refused for, if it is.
pub fn act(state: &State, action: Option<Action>) -> Result<(), Problem> {
    match action {
        Some(Action::CutStream(v1::CutStream { id })) if id != ID => {
            Err(Problem::general(Code::NotFound, "there is no such stream"))
        }
        Some(Action::CutStreams(v1::CutStreams { server: Some(at) })) => server(state, &at),
        Some(Action::SetEntry(request)) => set_entry(state, &request),
        _ => Ok(()),
    }
}

/// What a node refuses of values for an entry, in the order in which it looks at them.
fn set_entry(state: &State, request: &v1::SetEntry) -> Result<(), Problem> {
    let (_, table) = state
        .tables()
        .into_iter()
        .find(|(name, _)| name.as_str() == request.table)
        .ok_or_else(|| Problem::general(Code::NotFound, "there is no such table"))?;
    if let Some(text) = &request.key_text {
        assert!(request.key.is_empty(), "one of the forms of a key");
        if matches!(table.key, TableKey::Binary(_)) {
            return Err(Problem::general(Code::Unsupported, "keys of the table are binary"));
        }
        if table.key.parse(text).is_none() {
            return Err(Problem::general(Code::Malformed, "it is no key of the table"));
        }
    }
    request.values.iter().try_for_each(|value| is_stored(table, value))
}

fn is_stored(table: &Table, value: &v1::EntryValue) -> Result<(), Problem> {
    let refuse = |code| Err(Problem::general(code, "the value does not suit the table"));
    let Some(data) = DataType::from_name(&value.data) else { return refuse(Code::Malformed) };
    match table.stored(data) {
        None => refuse(Code::Unsuitable),
        Some(stored) if value.element >= u32::from(stored.elements) => refuse(Code::OutOfRange),
        Some(_) if data.form() == DataForm::Text => refuse(Code::Unsuitable),
        Some(_) => Ok(()),
    }
}

fn server(state: &State, at: &v1::ServerRef) -> Result<(), Problem> {
    let at = ServerRef::try_from(at.clone()).unwrap();
    exists(state, &Subject::Backend(at.backend.clone()))?;
    exists(state, &Subject::Server(at))
}

fn exists(state: &State, subject: &Subject) -> Result<(), Problem> {
    match state.row(subject) {
        Some(_) => Ok(()),
        None => Err(Problem::about(Code::NotFound, subject, "there is none of that name")),
    }
}
