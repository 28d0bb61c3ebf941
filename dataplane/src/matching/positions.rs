//! Whether a regular expression matches a text, by the positions of its letters (Glushkov's automaton).
//!
//! Pure. Each letter of the expression is a position, a bit of a word: what is reached after each byte of a text is one
//! word. So an expression takes some ten bytes a letter and is made in microseconds, where a compiled one of the
//! regex crate takes thousands and far longer: lists have thousands. What has more letters than a word has bits, or looks
//! at more than the ends of a text, is not for this.

use regex_syntax::hir::{Class, Hir, HirKind, Look};
use smallvec::SmallVec;

/// An expression as positions.
#[derive(Debug)]
pub(super) struct Positions {
    /// Where a match may begin, and where it may end.
    first: u64,
    last: u64,
    /// Which positions may follow each.
    follow: Box<[u64]>,
    /// What each position takes, by its number among [`Letters`].
    letters: Box<[u32]>,
    /// Whether nothing at all matches too.
    is_nullable: bool,
}

/// The sets of bytes that positions take, shared by many expressions.
#[derive(Debug, Default)]
pub(super) struct Letters(Vec<[u64; 4]>);

/// A part of an expression.
#[derive(Clone, Copy)]
struct Part {
    first: u64,
    last: u64,
    is_nullable: bool,
}

#[derive(Default)]
struct Draft {
    follow: SmallVec<[u64; MOST]>,
    letters: SmallVec<[u32; MOST]>,
}

impl Positions {
    /// The positions of an expression; `None` where it is not for this.
    pub(super) fn of(expression: &Hir, letters: &mut Letters) -> Option<Positions> {
        let mut draft = Draft::default();
        let whole = draft.read(expression, letters)?;
        let (mut begins, mut ends, mut followers) = (0, 0, 0);
        for (at, (letter, follow)) in draft.letters.iter().zip(&draft.follow).enumerate() {
            begins |= u64::from(*letter == BEGIN) << at;
            ends |= u64::from(*letter == END) << at;
            followers |= follow;
        }
        // The ends of a text are taken as letters, each once: right where nothing comes before its beginning, and nothing
        // after its end.
        let after_end =
            draft.follow.iter().enumerate().any(|(at, follow)| ends >> at & 1 == 1 && *follow != 0);
        if followers & begins != 0 || after_end {
            return None;
        }
        Some(Positions {
            first: whole.first,
            last: whole.last,
            follow: draft.follow.into_vec().into(),
            letters: draft.letters.into_vec().into(),
            is_nullable: whole.is_nullable,
        })
    }

    /// Whether a part of the text matches.
    pub(super) fn is_match(&self, text: &[u8], letters: &Letters) -> bool {
        if self.is_nullable {
            return true;
        }
        let step = |active: u64, takes: &dyn Fn(u32) -> bool| {
            let mut reach = self.first;
            for at in bits(active) {
                reach |= self.follow.get(at).copied().unwrap_or(0);
            }
            bits(reach)
                .filter(|at| self.letters.get(*at).is_some_and(|letter| takes(*letter)))
                .fold(0, |active, at| active | 1 << at)
        };
        let mut active = step(0, &|letter| letter == BEGIN);
        for byte in text {
            if active & self.last != 0 {
                return true;
            }
            active = step(active, &|letter| letters.has(letter, *byte));
        }
        active & self.last != 0 || step(active, &|letter| letter == END) & self.last != 0
    }
}

impl Letters {
    fn has(&self, letter: u32, byte: u8) -> bool {
        let set = self.0.get(letter as usize);
        set.is_some_and(|set| set[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1)
    }

    /// The number of a set. Those of most lists are few.
    fn number(&mut self, set: [u64; 4]) -> Option<u32> {
        let at = self.0.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.0.push(set);
            self.0.len() - 1
        });
        u32::try_from(at).ok().filter(|number| *number < MOST_LETTERS)
    }
}

impl Draft {
    fn read(&mut self, hir: &Hir, letters: &mut Letters) -> Option<Part> {
        match hir.kind() {
            HirKind::Empty => Some(Part::NOTHING),
            HirKind::Literal(literal) => {
                let mut whole = Part::NOTHING;
                for byte in &literal.0 {
                    let next = self.position(letters.number(set([*byte..=*byte]))?)?;
                    whole = self.joined(whole, next);
                }
                Some(whole)
            }
            HirKind::Class(Class::Bytes(class)) => {
                let ranges = class.ranges().iter().map(|range| range.start()..=range.end());
                self.position(letters.number(set(ranges))?)
            }
            HirKind::Class(Class::Unicode(_)) => None,
            HirKind::Look(Look::Start) => self.position(BEGIN),
            HirKind::Look(Look::End) => self.position(END),
            HirKind::Look(_) => None,
            HirKind::Repetition(repetition) => {
                let mut whole = Part::NOTHING;
                for _ in 0..repetition.min {
                    let next = self.read(&repetition.sub, letters)?;
                    whole = self.joined(whole, next);
                }
                match repetition.max {
                    None => {
                        let next = self.read(&repetition.sub, letters)?;
                        self.link(next.last, next.first);
                        whole = self.joined(whole, Part { is_nullable: true, ..next });
                    }
                    Some(max) => {
                        for _ in repetition.min..max {
                            let next = self.read(&repetition.sub, letters)?;
                            whole = self.joined(whole, Part { is_nullable: true, ..next });
                        }
                    }
                }
                Some(whole)
            }
            HirKind::Capture(capture) => self.read(&capture.sub, letters),
            HirKind::Concat(parts) => {
                let mut whole = Part::NOTHING;
                for part in parts {
                    let next = self.read(part, letters)?;
                    whole = self.joined(whole, next);
                }
                Some(whole)
            }
            HirKind::Alternation(branches) => {
                let mut whole = Part { first: 0, last: 0, is_nullable: false };
                for branch in branches {
                    let next = self.read(branch, letters)?;
                    whole = Part {
                        first: whole.first | next.first,
                        last: whole.last | next.last,
                        is_nullable: whole.is_nullable || next.is_nullable,
                    };
                }
                Some(whole)
            }
        }
    }

    fn position(&mut self, letter: u32) -> Option<Part> {
        let at = self.letters.len();
        if at >= MOST {
            return None;
        }
        self.letters.push(letter);
        self.follow.push(0);
        Some(Part { first: 1 << at, last: 1 << at, is_nullable: false })
    }

    /// One part after another.
    fn joined(&mut self, one: Part, next: Part) -> Part {
        self.link(one.last, next.first);
        Part {
            first: if one.is_nullable { one.first | next.first } else { one.first },
            last: if next.is_nullable { one.last | next.last } else { next.last },
            is_nullable: one.is_nullable && next.is_nullable,
        }
    }

    fn link(&mut self, from: u64, to: u64) {
        for at in bits(from) {
            if let Some(follow) = self.follow.get_mut(at) {
                *follow |= to;
            }
        }
    }
}

impl Part {
    const NOTHING: Part = Part { first: 0, last: 0, is_nullable: true };
}

fn set(ranges: impl IntoIterator<Item = std::ops::RangeInclusive<u8>>) -> [u64; 4] {
    let mut set = [0; 4];
    for byte in ranges.into_iter().flatten() {
        set[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    set
}

/// The numbers of the bits that are set.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let at = word.trailing_zeros() as usize;
            word &= word - 1;
            at
        })
    })
}

/// Positions of an expression: the bits of a word.
const MOST: usize = 64;
/// Sets of bytes that a list's expressions have in all; finding one among more would take long.
const MOST_LETTERS: u32 = 1024;
/// The ends of a text as letters.
const BEGIN: u32 = u32::MAX;
const END: u32 = u32::MAX - 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
    use proptest::prelude::*;

    use super::*;

    fn parsed(expression: &str, ignore_case: bool) -> Hir {
        let mut parser = regex_syntax::ParserBuilder::new();
        parser.unicode(false).utf8(false).case_insensitive(ignore_case);
        parser.build().parse(expression).unwrap()
    }

    /// Expressions with everything that this reads.
    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[ab]{1,3}".prop_map(|text| text),
            Just("[a-c]".to_owned()),
            Just("[^a]".to_owned()),
            Just(".".to_owned()),
            Just("^".to_owned()),
            Just("$".to_owned()),
            Just("(?i)B".to_owned()),
            Just("".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let repeats = prop_oneof![
                Just("*"),
                Just("+"),
                Just("?"),
                Just("*?"),
                Just("{2}"),
                Just("{1,3}"),
                Just("{0,2}"),
                Just("{2,}")
            ];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                proptest::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("({})", parts.join("|"))),
                (inner, repeats).prop_map(|(part, repeat)| format!("(?:{part}){repeat}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_matches_what_the_regex_crate_matches(
            expression in expressions(),
            ignore_case in any::<bool>(),
            texts in proptest::collection::vec("[abcAB\n]{0,7}", 1..12),
        ) {
            let mut letters = Letters::default();
            let Some(positions) = Positions::of(&parsed(&expression, ignore_case), &mut letters) else {
                return Ok(());
            };
            let regex = regate_proto::rules::patterns::compile_regex(&expression, ignore_case).unwrap();
            for text in texts {
                prop_assert_eq!(
                    positions.is_match(text.as_bytes(), &letters),
                    regex.is_match(text.as_bytes()),
                    "{} in {:?}", expression, text
                );
            }
        }
    }

    #[test]
    fn the_expressions_of_ordinary_lists_are_for_this() {
        let ordinary = [
            r"^/api/v[0-9]+/users(/|$)",
            r"\.(php|asp|cgi)$",
            r"(?i)(bot|crawler|spider)",
            r"^(www|static)\.example\.(com|org)$",
            r"[0-9][0-9]-0123x$",
            r"^$",
        ];
        for expression in ordinary {
            assert!(
                Positions::of(&parsed(expression, false), &mut Letters::default()).is_some(),
                "{expression}"
            );
        }
    }

    #[test]
    fn what_is_too_large_or_looks_elsewhere_is_not() {
        for expression in [r"\bword\b", r"a{65}", r"(?m)^a", r"a^b", r"$a", r"^^a", r"$$"] {
            assert!(
                Positions::of(&parsed(expression, false), &mut Letters::default()).is_none(),
                "{expression}"
            );
        }
    }
}
