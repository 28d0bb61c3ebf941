#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is unexpected")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::body::{LAST_CHUNK, push_chunk};
use super::*;

/// Sends the text through in pieces that end at the cuts: what came out, how much was consumed,
/// whether it ended; or the refusal, counted from the start of the body.
fn run(mut body: Body, text: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, usize, bool), Refusal> {
    let mut out = Vec::new();
    let mut start = 0;
    for &cut in cuts.iter().chain([&text.len()]) {
        let mut piece = text[start..cut].to_vec();
        let progress =
            body.advance(&mut piece).map_err(|refusal| Refusal::new(refusal.reason, refusal.at + start))?;
        assert!(progress.forward <= progress.consumed && progress.consumed <= piece.len());
        assert!(progress.done || progress.consumed == piece.len());
        out.extend_from_slice(&piece[..progress.forward]);
        start += progress.consumed;
        if progress.done {
            break;
        }
    }
    Ok((out, start, body.is_done()))
}

fn chunked() -> Body {
    Body::new(Framing::Chunked, &Limits::default())
}

#[test]
fn chunks_are_checked_and_extensions_taken_out() {
    let rows: &[(&str, &str)] = &[
        ("5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("5;a=b\r\nhello\r\n0;c\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("5 ; a = b ; c\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("5 \t\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("0005\r\nhello\r\n000\r\n\r\n", "05\r\nhello\r\n0\r\n\r\n"),
        ("A\r\nhellohello\r\n0\r\n\r\n", "A\r\nhellohello\r\n0\r\n\r\n"),
        ("0\r\nX-T: one\r\nY:\r\n\r\n", "0\r\nX-T: one\r\nY:\r\n\r\n"),
    ];
    for (text, expected) in rows {
        let with_more = format!("{text}GET /");
        let expected = (expected.as_bytes().to_vec(), text.len(), true);
        assert_eq!(run(chunked(), with_more.as_bytes(), &[]), Ok(expected), "{text:?}");
    }
}

#[test]
fn chunks_are_refused_for_a_reason_at_a_byte() {
    let rows: &[(&str, Reason, usize)] = &[
        ("\r\n", Reason::ChunkSize, 0),
        (" 5\r\n", Reason::ChunkSize, 0),
        ("+5\r\n", Reason::ChunkSize, 0),
        ("0x5\r\n", Reason::ChunkSize, 1),
        ("5_\r\n", Reason::ChunkSize, 1),
        ("5\n", Reason::BareLf, 1),
        ("5\rh", Reason::BareCr, 2),
        ("5;a\n", Reason::BareLf, 3),
        ("5;\r\n", Reason::ChunkExtension, 2),
        ("5;a\x01\r\n", Reason::ChunkExtension, 3),
        ("5;a b\r\n", Reason::ChunkExtension, 4),
        ("5;a=\r\n", Reason::ChunkExtension, 4),
        ("5;a=\"\r\n\"\r\n", Reason::ChunkExtension, 5),
        ("5 a\r\n", Reason::ChunkExtension, 2),
        ("8000000000000000\r\n", Reason::ChunkSizeTooLarge, 15),
        ("10000000000000005\r\n", Reason::ChunkSizeTooLarge, 16),
        ("5\r\nhello!\r\n", Reason::ChunkEnd, 8),
        ("5\r\nhello\n", Reason::ChunkEnd, 8),
        ("5\r\nhello\r\r", Reason::ChunkEnd, 9),
        ("0\r\n\n", Reason::BareLf, 3),
        ("0\r\n\rx", Reason::BareCr, 4),
        ("0\r\n X: a\r\n", Reason::Fold, 3),
        ("0\r\nX: a\r\n b\r\n", Reason::Fold, 9),
        ("0\r\n: a\r\n", Reason::EmptyName, 3),
        ("0\r\nX : a\r\n", Reason::SpaceBeforeColon, 4),
        ("0\r\nX\r\n", Reason::NoColon, 4),
        ("0\r\nX(: a\r\n", Reason::Name, 4),
        ("0\r\nX: \0\r\n", Reason::Nul, 6),
        ("0\r\nX: \x7f\r\n", Reason::Control, 6),
        ("0\r\nX: a\n", Reason::BareLf, 7),
        ("0\r\nX: a\rb", Reason::BareCr, 8),
        ("0\r\nContent-length: 5\r\n", Reason::TrailerField, 17),
        ("0\r\nHost: a\r\n", Reason::TrailerField, 7),
    ];
    for (text, reason, at) in rows {
        assert_eq!(run(chunked(), text.as_bytes(), &[]), Err(Refusal::new(*reason, *at)), "{text:?}");
    }
    let long = format!("5;{}\r\n", "a".repeat(5000));
    assert_eq!(run(chunked(), long.as_bytes(), &[]), Err(Refusal::new(Reason::ChunkLineTooLong, 4096)));
    let zeros = "0".repeat(5000);
    assert_eq!(run(chunked(), zeros.as_bytes(), &[]), Err(Refusal::new(Reason::ChunkLineTooLong, 4096)));
    let body = Body::new(Framing::Chunked, &Limits { head: 32, fields: 1 });
    let trailers = format!("0\r\n{}\r\n", "X: a\r\n".repeat(9));
    assert_eq!(run(body, trailers.as_bytes(), &[]), Err(Refusal::new(Reason::TrailersTooLong, 35)));
}

#[test]
fn the_largest_chunk_is_counted() {
    let mut body = chunked();
    let mut text = b"7fffffffffffffff\r\nabc".to_vec();
    assert_eq!(body.advance(&mut text), Ok(Progress { consumed: 21, forward: 21, done: false }));
    assert_eq!(body.known_ahead(), i64::MAX as u64 - 3);
}

#[test]
fn lengths_and_open_ends() {
    let limits = &Limits::default();
    assert_eq!(
        run(Body::new(Framing::Length(5), limits), b"hello there", &[2]),
        Ok((b"hello".to_vec(), 5, true))
    );
    assert_eq!(run(Body::new(Framing::None, limits), b"hello", &[]), Ok((vec![], 0, true)));
    assert_eq!(
        run(Body::new(Framing::UntilClose, limits), b"hello", &[1]),
        Ok((b"hello".to_vec(), 5, false))
    );
    assert!(Body::new(Framing::UntilClose, limits).may_end_here());
    assert!(Body::new(Framing::Tunnel, limits).may_end_here());
    assert!(Body::new(Framing::None, limits).may_end_here());
    assert!(!Body::new(Framing::Length(1), limits).may_end_here());
    assert!(!Body::new(Framing::Chunked, limits).may_end_here());
}

fn sorted_cuts(cuts: &[prop::sample::Index], len: usize) -> Vec<usize> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(len)).collect();
    cuts.sort_unstable();
    cuts
}

fn noisy_body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("5\r\nhello\r\n"),
        Just("5;a=\"b\"\r\nhello\r\n"),
        Just("005 ; q\r\nhello\r\n"),
        Just("0\r\n"),
        Just("\r\n"),
        Just("X: y\r\n"),
        Just("Host: y\r\n"),
        Just("ffffffffff"),
        Just(";"),
        Just("\""),
        Just("\n"),
        Just("\0"),
        Just(" "),
    ];
    vec(piece, 1..8).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_is_chunked_is_read_back(
        chunks in vec((vec(any::<u8>(), 1..60), "(;[a-z]{1,4}(=\"[a-z; ]{0,4}\")?)?"), 0..6),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        trailers in "(X-T: [a-z]{0,5}\r\n){0,2}",
    ) {
        let (mut plain, mut sent, mut payload) = (Vec::new(), Vec::new(), Vec::new());
        for (data, extension) in &chunks {
            payload.extend_from_slice(data);
            push_chunk(&mut plain, data);
            sent.extend_from_slice(format!("{:x}{extension}\r\n", data.len()).as_bytes());
            sent.extend_from_slice(data);
            sent.extend_from_slice(b"\r\n");
        }
        let last = [b"0\r\n", trailers.as_bytes(), b"\r\n"].concat();
        prop_assert!(!trailers.is_empty() || last == LAST_CHUNK);
        plain.extend_from_slice(&last);
        sent.extend_from_slice(&last);
        let len = sent.len();
        sent.extend_from_slice(b"GET / HTTP/1.1\r\n");
        let cuts = sorted_cuts(&cuts, len);
        prop_assert_eq!(run(chunked(), &sent, &cuts), Ok((plain, len, true)));
        let decoding = Body::decoding(Framing::Chunked, &Limits::default());
        prop_assert_eq!(run(decoding, &sent, &cuts), Ok((payload, len, true)));
    }

    #[test]
    fn splitting_changes_nothing(text in noisy_body(), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
        let cuts = sorted_cuts(&cuts, text.len());
        prop_assert_eq!(run(chunked(), &text, &[]), run(chunked(), &text, &cuts));
    }
}
