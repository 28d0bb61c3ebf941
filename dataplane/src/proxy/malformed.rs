//! Keeps malformed messages for administrators: the last request of each frontend, the last response of each backend.
//!
//! Only what is refused anyway comes here; good messages pay nothing. Read `live/malformed.rs` next.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use super::buffer::SMALL;
use super::h1::{Reason, Refusal};
use super::session::Session;
use super::story::Story;
use super::upstream::Way;
use crate::live::{Malformed, Part};
use crate::snapshot::BackendPlan;

/// Keeps a request in which something is wrong; `skipped` bytes of it have gone on already.
pub(super) fn keep_request(
    session: &Session,
    story: &Story<'_>,
    content: &[u8],
    refusal: Refusal,
    skipped: u64,
) {
    session.stream.note_glitch();
    let other = story.backend.map(|backend| (backend.name.clone(), backend.id));
    let server = story.trail.server.as_ref().map(|server| (server.name.clone(), server.id));
    let malformed = Malformed { other, server, ..exhibit(session, content, refusal, skipped) };
    session.frontend.live.malformed.show(malformed);
}

/// Keeps a response in which something is wrong.
pub(super) fn keep_response(
    session: &Session,
    (backend, way, story): (&BackendPlan, &Way<'_>, &Story<'_>),
    content: &[u8],
    refusal: Refusal,
    skipped: u64,
) {
    note_glitch(way, story);
    let server = &way.server;
    let malformed = Malformed {
        other: Some((session.frontend.name.clone(), session.frontend.id)),
        server: Some((server.name.clone(), server.id)),
        ..exhibit(session, content, refusal, skipped)
    };
    backend.live.malformed.show(malformed);
}

/// Notes an oddity in what a server sent.
pub(super) fn note_glitch(way: &Way<'_>, story: &Story<'_>) {
    way.upstream.stream.note_glitch();
    story.trail.glitches.set(way.upstream.stream.glitches());
}

fn exhibit(session: &Session, content: &[u8], refusal: Refusal, skipped: u64) -> Malformed {
    let process = &session.worker.shared.live.process;
    let content = content.get(..SMALL).unwrap_or(content);
    Malformed {
        event: process.malformed.fetch_add(1, Ordering::Relaxed),
        at: SystemTime::now(),
        other: None,
        server: None,
        source: session.peer,
        position: refusal.at,
        skipped,
        part: part(refusal.reason),
        expected: refusal.reason.expectation(),
        room: SMALL.saturating_sub(content.len()),
        content: content.into(),
    }
}

/// Which part of a message is wrong.
fn part(reason: Reason) -> Part {
    match reason {
        Reason::Method => Part::Start,
        Reason::Target => Part::Target,
        Reason::Version | Reason::Http2Preface => Part::Version,
        Reason::NoVersion => Part::Framing,
        Reason::Status => Part::Status,
        Reason::ReasonPhrase => Part::Phrase,
        Reason::BareCr | Reason::BareLf => Part::FieldEnd,
        Reason::Fold => Part::FieldStart,
        Reason::EmptyName | Reason::SpaceBeforeColon | Reason::NoColon | Reason::Name => Part::FieldName,
        Reason::Nul | Reason::Control | Reason::HeadTooLong | Reason::TooManyFields => Part::FieldValue,
        Reason::HostRepeated | Reason::HostInvalid | Reason::Length | Reason::LengthsDiffer => Part::Field,
        Reason::Authority
        | Reason::HostMissing
        | Reason::HostDiffers
        | Reason::UpgradeIncomplete
        | Reason::UpgradeUnasked => Part::Head,
        Reason::LengthAndCoding | Reason::Coding | Reason::CodingUnsupported | Reason::CodingInOldVersion => {
            Part::Framing
        }
        Reason::ChunkSize | Reason::ChunkSizeTooLarge | Reason::ChunkExtension | Reason::ChunkLineTooLong => {
            Part::ChunkSize
        }
        Reason::ChunkEnd => Part::ChunkEnd,
        Reason::TrailerField | Reason::TrailersTooLong => Part::Trailers,
    }
}
