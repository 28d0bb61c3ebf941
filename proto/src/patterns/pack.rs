//! Entries in order, each coded by what it differs in from the one before it.

use std::fmt;

use bytes::Bytes;

/// Entries in order, without ids, in few bytes: of lists as they are usual, a third of their texts or less.
///
/// They stand in blocks that can be read each by itself. In a block each entry stands as numbers (seven bits a byte,
/// the lowest first, the highest bit says that another byte follows) and bytes: how many bytes its key has in common
/// with the key before it at the beginning; how many at the end, of what is left of that key; how many bytes stand in
/// between; these bytes; then 0 where the entry has no value, 1 where its value is that of the entry before it, else
/// the length of the value and 2 more, and the value. The key before the first is empty.
///
/// A clone shares the blocks.
#[derive(Clone, Default)]
pub struct Pack {
    blocks: Vec<Bytes>,
    count: usize,
    bytes: usize,
}

/// Puts entries into a [`Pack`], one after the other.
#[derive(Debug, Default)]
pub struct Packer {
    pack: Pack,
    block: Vec<u8>,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// Reads the entries of a [`Pack`], one after the other.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    blocks: std::slice::Iter<'a, Bytes>,
    rest: &'a [u8],
    key: Vec<u8>,
    value: Option<&'a [u8]>,
}

/// Why bytes are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBlock {
    /// How many entries stand before the mistake.
    pub entry: usize,
    /// What is wrong with the next one.
    pub reason: &'static str,
}

impl Pack {
    /// These blocks, when they are ones. Each key and value is shown to `check`, which may refuse it.
    ///
    /// # Errors
    /// The first mistake, whether of the coding or of an entry.
    pub fn read(
        blocks: Vec<Bytes>,
        mut check: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), &'static str>,
    ) -> Result<Pack, BadBlock> {
        let mut pack = Pack { blocks, count: 0, bytes: 0 };
        let mut cursor = pack.cursor();
        let (mut count, mut bytes) = (0usize, 0usize);
        let outcome = loop {
            match cursor.step() {
                Ok(None) => break Ok(()),
                Ok(Some((key, value))) => {
                    bytes = bytes.saturating_add(key.len()).saturating_add(value.map_or(0, <[u8]>::len));
                    if bytes > MOST_BYTES {
                        break Err("texts of less than 2 GiB in all are expected");
                    }
                    if let Err(reason) = check(key, value) {
                        break Err(reason);
                    }
                    count = count.saturating_add(1);
                }
                Err(reason) => break Err(reason),
            }
        };
        outcome.map_err(|reason| BadBlock { entry: count, reason })?;
        (pack.count, pack.bytes) = (count, bytes);
        Ok(pack)
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes the keys and values have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its blocks.
    pub fn blocks(&self) -> &[Bytes] {
        &self.blocks
    }

    /// A reader at its beginning.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { blocks: self.blocks.iter(), rest: &[], key: Vec::new(), value: None }
    }

    /// Adds the entries of another one at the end.
    pub fn extend(&mut self, other: &Pack) {
        self.blocks.extend(other.blocks.iter().cloned());
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Packer {
    /// One that goes on at the end of these.
    pub fn after(pack: Pack) -> Packer {
        Packer { pack, ..Packer::default() }
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.block.len() >= BLOCK {
            self.close();
        }
        let head = common(self.key.iter(), key.iter());
        let tail = common(self.key.iter().skip(head).rev(), key.iter().skip(head).rev());
        let middle = key.get(head..key.len().saturating_sub(tail)).unwrap_or_default();
        push_number(&mut self.block, head);
        push_number(&mut self.block, tail);
        push_number(&mut self.block, middle.len());
        self.block.extend_from_slice(middle);
        match value {
            None => self.block.push(0),
            Some(value) if self.value.as_deref() == Some(value) => self.block.push(1),
            Some(value) => {
                push_number(&mut self.block, value.len().saturating_add(2));
                self.block.extend_from_slice(value);
                let last = self.value.get_or_insert_default();
                last.clear();
                last.extend_from_slice(value);
            }
        }
        if value.is_none() {
            self.value = None;
        }
        self.key.truncate(head);
        self.key.extend_from_slice(key.get(head..).unwrap_or_default());
        self.pack.count = self.pack.count.saturating_add(1);
        self.pack.bytes =
            self.pack.bytes.saturating_add(key.len()).saturating_add(value.map_or(0, <[u8]>::len));
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.pack.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.pack.count == 0
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let blocks: usize = self.pack.blocks.iter().map(Bytes::len).sum();
        blocks.saturating_add(self.block.len())
    }

    /// What was put in, from the beginning.
    pub fn finish(mut self) -> Pack {
        self.close();
        self.pack
    }

    /// What was put in so far.
    pub fn pack(&mut self) -> &Pack {
        self.close();
        &self.pack
    }

    fn close(&mut self) {
        if !self.block.is_empty() {
            self.pack.blocks.push(Bytes::copy_from_slice(&self.block));
            self.block.clear();
        }
        self.key.clear();
        self.value = None;
    }
}

/// A key and its value.
type Entry<'k, 'a> = (&'k [u8], Option<&'a [u8]>);

impl<'a> Cursor<'a> {
    /// The next entry: its key and its value.
    pub fn advance(&mut self) -> Option<Entry<'_, 'a>> {
        // Blocks were read once before they became a pack.
        self.step().ok().flatten()
    }

    fn step(&mut self) -> Result<Option<Entry<'_, 'a>>, &'static str> {
        while self.rest.is_empty() {
            let Some(block) = self.blocks.next() else { return Ok(None) };
            self.rest = block;
            self.key.clear();
            self.value = None;
        }
        let (head, tail, middle) = (self.number()?, self.number()?, self.number()?);
        let old = self.key.len();
        let end = old.checked_sub(tail).filter(|end| head <= *end);
        let end = end.ok_or("no more bytes in common with the key before than it has are expected")?;
        let bytes = self.take(middle)?;
        match self.key.get_mut(head..end) {
            Some(place) if place.len() == middle => place.copy_from_slice(bytes),
            _ => drop(self.key.splice(head..end, bytes.iter().copied())),
        }
        self.value = match self.number()? {
            0 => None,
            1 => Some(self.value.ok_or("a value in the entry before is expected, to be repeated")?),
            length => Some(self.take(length.saturating_sub(2))?),
        };
        Ok(Some((&self.key, self.value)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or("as many bytes as are announced are expected")?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<usize, &'static str> {
        let mut number = 0usize;
        for shift in [0, 7, 14, 21, 28] {
            let (byte, rest) = self.rest.split_first().ok_or("a number is expected")?;
            self.rest = rest;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number of at most five bytes is expected")
    }
}

impl PartialEq for Pack {
    /// Whether the entries are the same, wherever blocks end.
    fn eq(&self, other: &Pack) -> bool {
        let (mut own, mut others) = (self.cursor(), other.cursor());
        self.count == other.count && (0..self.count).all(|_| own.advance() == others.advance())
    }
}

impl Eq for Pack {}

impl<'a> FromIterator<(&'a [u8], Option<&'a [u8]>)> for Pack {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>>(entries: I) -> Pack {
        let mut packer = Packer::default();
        entries.into_iter().for_each(|(key, value)| packer.push(key, value));
        packer.finish()
    }
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let mut cursor = self.cursor();
        while let Some((key, value)) = cursor.advance() {
            let value = value.map(String::from_utf8_lossy);
            list.entry(&(String::from_utf8_lossy(key), value));
        }
        list.finish()
    }
}

impl fmt::Display for BadBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.entry, self.reason)
    }
}

/// How many items both have in common at their beginnings.
fn common<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

fn push_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bytes from which a block is closed.
const BLOCK: usize = 32 * 1024;

/// Bytes of all keys and values together.
const MOST_BYTES: usize = i32::MAX as usize;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (Vec<u8>, Option<Vec<u8>>);

    fn entries() -> impl Strategy<Value = Vec<Owned>> {
        let key = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..4),
            (0u32..5000).prop_map(|number| format!("host-{number}.example").into_bytes()),
            proptest::collection::vec(0u8..2, 100..300),
        ];
        let value = proptest::option::of(proptest::collection::vec(0u8..2, 0..3));
        proptest::collection::vec((key, value), 0..600)
    }

    fn pack_of(entries: &[Owned]) -> Pack {
        entries.iter().map(|(key, value)| (&key[..], value.as_deref())).collect()
    }

    fn owned(pack: &Pack) -> Vec<Owned> {
        let mut cursor = pack.cursor();
        let mut found = Vec::new();
        while let Some((key, value)) = cursor.advance() {
            found.push((key.to_vec(), value.map(<[u8]>::to_vec)));
        }
        found
    }

    proptest! {
        #[test]
        fn a_pack_gives_back_what_was_put_in(entries in entries(), more in entries()) {
            let pack = pack_of(&entries);
            prop_assert_eq!(owned(&pack), entries.clone());
            prop_assert_eq!(pack.len(), entries.len());
            let again = Pack::read(pack.blocks().to_vec(), |_, _| Ok(())).map_err(|bad| bad.to_string());
            prop_assert_eq!(again.as_ref().map(Pack::bytes), Ok(pack.bytes()));
            prop_assert_eq!(again, Ok(pack.clone()));

            let mut joined = pack.clone();
            joined.extend(&pack_of(&more));
            let mut packer = Packer::after(pack);
            more.iter().for_each(|(key, value)| packer.push(key, value.as_deref()));
            let all: Vec<Owned> = entries.into_iter().chain(more).collect();
            prop_assert_eq!(owned(&joined), all.clone());
            prop_assert_eq!(packer.finish(), pack_of(&all));
        }

        #[test]
        fn any_bytes_are_read_or_refused(block in proptest::collection::vec(0u8..9, 0..60)) {
            if let Ok(pack) = Pack::read(vec![block.into()], |_, _| Ok(())) {
                prop_assert_eq!(owned(&pack).len(), pack.len());
            }
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let read = |bytes: &'static [u8], check: fn(&[u8]) -> Result<(), &'static str>| {
            Pack::read(vec![Bytes::from_static(bytes)], |key, _| check(key)).map_err(|bad| bad.to_string())
        };
        let fine = |_: &[u8]| Ok(());
        let two = b"\x00\x00\x01a\x00\x01\x00\x01b\x00";
        assert_eq!(
            read(two, fine).map(|pack| owned(&pack)),
            Ok(vec![(b"a".to_vec(), None), (b"ab".to_vec(), None)])
        );
        let refused: [(&'static [u8], &str); 5] = [
            (
                b"\x01\x00\x01a\x00",
                "entry 0: no more bytes in common with the key before than it has are expected",
            ),
            (b"\x00\x00\x02a", "entry 0: as many bytes as are announced are expected"),
            (b"\x00\x00\x01a\x01", "entry 0: a value in the entry before is expected, to be repeated"),
            (b"\x80\x80\x80\x80\x80\x00", "entry 0: a number of at most five bytes is expected"),
            (b"\x00\x00\x01a\x00\x00", "entry 1: a number is expected"),
        ];
        for (bytes, told) in refused {
            assert_eq!(read(bytes, fine), Err(told.to_owned()));
        }
        let short = |key: &[u8]| if key.len() < 2 { Ok(()) } else { Err("a short key is expected") };
        assert_eq!(read(two, short), Err("entry 1: a short key is expected".to_owned()));
    }

    #[test]
    fn usual_lists_become_small() {
        let entries: Vec<Owned> = (0..10_000)
            .map(|number| (format!("host-{number:07}.example").into_bytes(), Some(b"value-2".to_vec())))
            .collect();
        let pack = pack_of(&entries);
        let coded: usize = pack.blocks().iter().map(Bytes::len).sum();
        assert!(coded * 4 < pack.bytes(), "{coded} bytes for {}", pack.bytes());
    }
}
