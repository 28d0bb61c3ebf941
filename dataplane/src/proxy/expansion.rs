//! Texts of rules that take in what an expression matched.

/// A text in which `\0` to `\9` stand for what the groups of an expression matched.
pub(super) fn expand(template: &[u8], found: &regex::bytes::Captures<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(template.len() + 32);
    let mut bytes = template.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek().copied()) {
            (b'\\', Some(digit)) if digit.is_ascii_digit() => {
                bytes.next();
                let group = found.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(&[], |group| group.as_bytes()));
            }
            (b'\\', Some(other)) => {
                bytes.next();
                out.push(other);
            }
            _ => out.push(byte),
        }
    }
    out
}
