//! Problems as gRPC statuses, and back: the only place where codes of both meet.
//!
//! A status carries its problems in the usual binary details: a `google.rpc.Status` with one `regate.v1.Refused`
//! in it. They travel in headers, so what is long is cut.

use prost::Message;
use tonic::Status;

use super::v1;
use crate::problem::{Code, Problem};

/// The status that tells these problems; its code is that of the first one.
pub fn status(problems: &[Problem]) -> Status {
    let code = problems.first().map_or(tonic::Code::FailedPrecondition, |problem| grpc_code(problem.code));
    let message = match problems {
        [] => "refused without a reason".to_owned(),
        [only] => cut(&only.to_string()),
        [first, others @ ..] => format!("{} (and {} more)", cut(&first.to_string()), others.len()),
    };
    let refused = v1::Refused { problems: bounded(problems) };
    let any = prost_types::Any { type_url: REFUSED.to_owned(), value: refused.encode_to_vec() };
    let details = RpcStatus { code: code as i32, message: message.clone(), details: vec![any] };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The problems that a status tells: those in its details, or one made from its code and message; at least one.
pub fn problems(status: &Status) -> Vec<Problem> {
    let details = RpcStatus::decode(status.details()).map(|status| status.details).unwrap_or_default();
    let refused = details
        .into_iter()
        .filter(|any| any.type_url == REFUSED)
        .find_map(|any| v1::Refused::decode(any.value.as_slice()).ok());
    match refused.map(Vec::<Problem>::from) {
        Some(problems) if !problems.is_empty() => problems,
        _ => vec![Problem::general(model_code(status.code()), status.message())],
    }
}

/// `google.rpc.Status`, as clients in every language know it.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// As many problems as headers hold, and one that counts the rest.
fn bounded(problems: &[Problem]) -> Vec<v1::Problem> {
    let mut room = MOST_DETAILS;
    let mut kept = Vec::new();
    for (at, problem) in problems.iter().enumerate() {
        let wire = v1::Problem { detail: cut(&problem.detail), ..problem.into() };
        let Some(left) = room.checked_sub(wire.encoded_len()) else {
            let rest = problems.len().saturating_sub(at);
            kept.push((&Problem::general(problem.code, format!("{rest} more reasons"))).into());
            break;
        };
        room = left;
        kept.push(wire);
    }
    kept
}

fn cut(text: &str) -> String {
    match text.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_DETAIL).last() {
        Some(end) if text.len() > LONGEST_DETAIL => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::NotFound => tonic::Code::NotFound,
        Code::AlreadyExists => tonic::Code::AlreadyExists,
        Code::InUse | Code::Dangling | Code::Impossible => tonic::Code::FailedPrecondition,
        Code::OutOfRange => tonic::Code::OutOfRange,
        Code::Malformed | Code::Unsuitable => tonic::Code::InvalidArgument,
        Code::Conflict => tonic::Code::Aborted,
        Code::Denied => tonic::Code::PermissionDenied,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::Unsupported => tonic::Code::Unimplemented,
    }
}

fn model_code(code: tonic::Code) -> Code {
    match code {
        tonic::Code::NotFound => Code::NotFound,
        tonic::Code::AlreadyExists => Code::AlreadyExists,
        tonic::Code::OutOfRange => Code::OutOfRange,
        tonic::Code::InvalidArgument => Code::Malformed,
        tonic::Code::Aborted => Code::Conflict,
        tonic::Code::PermissionDenied | tonic::Code::Unauthenticated => Code::Denied,
        tonic::Code::Unimplemented => Code::Unsupported,
        tonic::Code::FailedPrecondition | tonic::Code::ResourceExhausted => Code::Impossible,
        tonic::Code::Ok
        | tonic::Code::Cancelled
        | tonic::Code::Unknown
        | tonic::Code::DeadlineExceeded
        | tonic::Code::Internal
        | tonic::Code::Unavailable
        | tonic::Code::DataLoss => Code::Unavailable,
    }
}

const REFUSED: &str = "type.googleapis.com/regate.v1.Refused";

/// Bytes of encoded problems in a status: peers accept 8 KiB of headers at least, and base64 adds a third.
const MOST_DETAILS: usize = 4096;

/// Bytes of one sentence in a status.
const LONGEST_DETAIL: usize = 512;
