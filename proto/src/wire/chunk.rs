//! Cutting answers into messages of bounded size.

use prost::Message;

/// Items in parts of at most 1000 items and about a megabyte; at least one part.
pub fn parts<M: Message>(items: impl Iterator<Item = M>) -> impl Iterator<Item = Vec<M>> {
    let mut items = items.peekable();
    let mut first = true;
    std::iter::from_fn(move || {
        if !first && items.peek().is_none() {
            return None;
        }
        first = false;
        let (mut part, mut bytes) = (Vec::new(), 0usize);
        while part.len() < MOST_ITEMS
            && bytes < MOST_BYTES
            && let Some(item) = items.next()
        {
            bytes = bytes.saturating_add(item.encoded_len());
            part.push(item);
        }
        Some(part)
    })
}

/// Items in a message.
const MOST_ITEMS: usize = 1000;

/// Bytes after which a message gets no further item.
const MOST_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_bounded_and_lose_nothing(
            sizes in proptest::collection::vec(prop_oneof![0usize..20, 0usize..300_000], 0..40),
            small in 0usize..5000,
        ) {
            let texts: Vec<String> =
                sizes.into_iter().chain(std::iter::repeat_n(3, small)).map(|size| "x".repeat(size)).collect();
            let found: Vec<Vec<String>> = parts(texts.iter().cloned()).collect();
            prop_assert!(!found.is_empty());
            for part in &found {
                prop_assert!(part.len() <= MOST_ITEMS);
                let before_last: usize = part.iter().rev().skip(1).map(Message::encoded_len).sum();
                prop_assert!(before_last < MOST_BYTES);
            }
            prop_assert_eq!(found.concat(), texts);
        }
    }
}
