//! Bytes made from bytes: a small mutator that makes the same choices for the same seed.

/// Numbers that follow from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice with this seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound; 0 when there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % bound).unwrap_or(0)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> Option<&'a T> {
        from.get(self.below(from.len())).copied()
    }
}

/// One of the seeds, changed in one to four places.
pub fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds.get(dice.below(seeds.len())).cloned().unwrap_or_default();
    for _ in 0..=dice.below(4) {
        change(&mut bytes, seeds, dice);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + 1 + dice.below(16)).min(bytes.len());
    match dice.below(9) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            let byte = u8::try_from(dice.below(256)).unwrap_or(0);
            bytes.insert(at, byte);
        }
        2 => drop(bytes.drain(at.min(end)..end)),
        3 => {
            let copy: Vec<u8> = bytes.get(at..end).unwrap_or_default().to_vec();
            let times = 1 + dice.below(3) * dice.below(40);
            drop(bytes.splice(at..at, copy.repeat(times)));
        }
        4 => bytes.truncate(at),
        5 => {
            let other = seeds.get(dice.below(seeds.len())).map_or(&[][..], Vec::as_slice);
            let from = dice.below(other.len() + 1);
            let to = (from + dice.below(64)).min(other.len());
            drop(bytes.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied()));
        }
        6 => {
            if let (Some(byte), Some(mark)) = (bytes.get_mut(at), dice.pick(MARKS)) {
                *byte = mark.first().copied().unwrap_or(0);
            }
        }
        _ => {
            let word = dice.pick(MARKS).unwrap_or_default();
            drop(bytes.splice(at..at, word.iter().copied()));
        }
    }
}

/// Bytes that mean something to one reader or another.
const MARKS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\"",
    b"'",
    b"\\",
    b"#",
    b"${",
    b"}",
    b"%",
    b"&",
    b"*",
    b"|",
    b">",
    b"-",
    b"[",
    b"]",
    b"{",
    b"(",
    b")",
    b"!",
    b"&&",
    b"||",
    b"<<",
    b"0",
    b"1",
    b"-1",
    b"65536",
    b"4294967296",
    b"18446744073709551616",
    b"ffffffffffffffff",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"\xc3\xa9",
    b"0\r\n\r\n",
    b"\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close, \r\n",
    b"Upgrade: websocket\r\n",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"global\n",
    b"defaults\n",
    b"listen l\n",
    b"default-server ",
    b".if ",
    b".else\n",
    b".endif\n",
    b"defined(",
    b"no ",
    b"server s 127.0.0.1:1\n",
];

/// The longest input, in bytes.
const LONGEST: usize = 16 * 1024;
