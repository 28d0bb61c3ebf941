//! Targets rewritten into forms that mean the same (RFC 3986, 6.2.2; configuration manual 4.2 "normalize-uri").

use regate_proto::rules::action::Normalizer;

use super::first_line::path_of;

/// The target in another form; `None` where it is in that form already, or is malformed.
pub(super) fn normalized(target: &[u8], normalizer: Normalizer) -> Option<Vec<u8>> {
    let path = path_of(target);
    let with_path = |new: Vec<u8>| {
        let mut out = target[..path.start].to_vec();
        out.extend_from_slice(&new);
        out.extend_from_slice(&target[path.end..]);
        out
    };
    let new = match normalizer {
        Normalizer::FragmentStrip => target[..memchr::memchr(b'#', target).unwrap_or(target.len())].to_vec(),
        Normalizer::FragmentEncode => replaced(target, b'#', b"%23"),
        Normalizer::PathMergeSlashes => with_path(merged(&target[path.clone()])),
        Normalizer::PathStripDot => with_path(without_dots(&target[path.clone()])),
        Normalizer::PathStripDotDot { full } => with_path(without_parents(&target[path.clone()], full)),
        Normalizer::PercentDecodeUnreserved { strict } => decoded(target, strict)?,
        Normalizer::PercentToUppercase { strict } => shouted(target, strict)?,
        Normalizer::QuerySortByName => sorted(target),
    };
    (new != target).then_some(new)
}

fn replaced(text: &[u8], byte: u8, by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for found in text {
        if *found == byte {
            out.extend_from_slice(by);
        } else {
            out.push(*found);
        }
    }
    out
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || out.last() != Some(&b'/') {
            out.push(*byte);
        }
    }
    out
}

/// Without segments that are `.`.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let last = segments.len().saturating_sub(1);
    let mut kept: Vec<&[u8]> = Vec::with_capacity(segments.len());
    for (at, segment) in segments.into_iter().enumerate() {
        match segment {
            b"." if at == last => kept.push(b""),
            b"." => {}
            other => kept.push(other),
        }
    }
    kept.join(&b'/')
}

/// Without segments that are `..` and the segments before them; those at the beginning stay unless `full`.
fn without_parents(path: &[u8], full: bool) -> Vec<u8> {
    let absolute = path.first() == Some(&b'/');
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').skip(usize::from(absolute)).collect();
    let last = segments.len().saturating_sub(1);
    let mut kept: Vec<&[u8]> = Vec::with_capacity(segments.len());
    for (at, segment) in segments.into_iter().enumerate() {
        if segment != b".." {
            kept.push(segment);
            continue;
        }
        match kept.last() {
            Some(before) if *before != b".." => drop(kept.pop()),
            _ if full => {}
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if at == last {
            kept.push(b"");
        }
    }
    let mut out = if absolute { b"/".to_vec() } else { Vec::new() };
    out.extend_from_slice(&kept.join(&b'/'));
    out
}

/// The byte that two hexadecimal digits after a percent sign stand for.
fn escaped(text: &[u8], at: usize) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let (high, low) = (digit(*text.get(at + 1)?)?, digit(*text.get(at + 2)?)?);
    u8::try_from(high * 16 + low).ok()
}

fn decoded(text: &[u8], strict: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, escaped(text, at)) {
            (b'%', Some(meant)) if meant.is_ascii_alphanumeric() || b"-._~".contains(&meant) => {
                out.push(meant);
                at += 3;
            }
            (b'%', None) if strict => return None,
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Some(out)
}

fn shouted(text: &[u8], strict: bool) -> Option<Vec<u8>> {
    let mut out = text.to_vec();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, escaped(text, at)) {
            (b'%', Some(_)) => {
                out[at + 1..at + 3].make_ascii_uppercase();
                at += 3;
            }
            (b'%', None) if strict => return None,
            _ => at += 1,
        }
    }
    Some(out)
}

fn sorted(target: &[u8]) -> Vec<u8> {
    let Some(mark) = memchr::memchr(b'?', target) else { return target.to_vec() };
    let (before, query) = target.split_at(mark + 1);
    let end = memchr::memchr(b'#', query).unwrap_or(query.len());
    let mut parameters: Vec<&[u8]> = query[..end].split(|byte| *byte == b'&').collect();
    parameters
        .sort_by_key(|parameter| parameter.split(|byte| *byte == b'=').next().unwrap_or_default().to_vec());
    let mut out = before.to_vec();
    out.extend_from_slice(&parameters.join(&b'&'));
    out.extend_from_slice(&query[end..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_take_their_forms() {
        use Normalizer::*;
        for (normalizer, from, to) in [
            (PathMergeSlashes, "//a///b?c//d", "/a/b?c//d"),
            (PathStripDot, "/a/./b/.", "/a/b/"),
            (PathStripDotDot { full: false }, "/a/../../b/..", "/../"),
            (PathStripDotDot { full: true }, "/../a/../b", "/b"),
            (PercentDecodeUnreserved { strict: false }, "/%61%2f%zz", "/a%2f%zz"),
            (PercentToUppercase { strict: false }, "/%2f%zz", "/%2F%zz"),
            (QuerySortByName, "/?b=1&a=2&b=0", "/?a=2&b=1&b=0"),
            (FragmentStrip, "/a#b", "/a"),
            (FragmentEncode, "/a#b", "/a%23b"),
        ] {
            let found = normalized(from.as_bytes(), normalizer);
            assert_eq!(found.as_deref(), Some(to.as_bytes()), "{from} by {normalizer:?}");
        }
        assert_eq!(normalized(b"/%zz", PercentToUppercase { strict: true }), None);
        assert_eq!(normalized(b"/a", PathMergeSlashes), None);
    }
}
