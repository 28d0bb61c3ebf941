//! Terms of conditions that never hold where they stand, since what they look at is not there yet or no more.

use super::super::lexer::Word;
use super::Draft;
use super::rules::{Places, rules};
use crate::rules::condition::{self, Condition, Test};
use crate::rules::{Checkpoint, Criterion};

/// What of a condition has no meaning at its places; each with its word. A section with two sides has two places, one
/// of which is enough.
pub(super) fn terms<'w>(
    draft: &Draft,
    condition: &Condition,
    line: &'w [Word],
    places: Places,
) -> Vec<(&'w Word, String)> {
    let Some([front, back]) = places else { return Vec::new() };
    let front = draft.frontend.is_some().then_some(front);
    let back = draft.backend.is_some().then_some(back);
    let places: Vec<Checkpoint> = front.into_iter().chain(back).collect();
    let Some(place) = places.first() else { return Vec::new() };
    let known = rules(draft).map(|rules| rules.acls.as_slice()).unwrap_or_default();
    let is_vain =
        |criterion: &Criterion| !places.iter().any(|place| criterion.sample.row.reach.covers(*place));
    let mut found: Vec<(&Word, String)> = Vec::new();
    for term in condition.terms() {
        let (written, message) = match &term.test {
            Test::Anonymous(criterion) if is_vain(criterion) => {
                let name = criterion.keyword.map_or(criterion.sample.row.name, |keyword| keyword.name);
                let text = format!("this never holds: '{name}' has no meaning in {place}");
                (name.to_owned(), text)
            }
            Test::Anonymous(_) => continue,
            Test::Named(name) => {
                let own: Vec<&Criterion> =
                    known.iter().filter(|acl| acl.name == *name).map(|acl| &acl.criterion).collect();
                let predefined = condition::predefined(name.as_str()).and_then(Result::ok);
                let all = own
                    .into_iter()
                    .chain(predefined.as_ref().filter(|_| !known.iter().any(|acl| acl.name == *name)));
                let (vain, sound): (Vec<&Criterion>, Vec<&Criterion>) = all.partition(|one| is_vain(one));
                let Some(first) = vain.first() else { continue };
                let text = match sound.is_empty() {
                    true => format!(
                        "acl '{name}' never matches here: '{}' has no meaning in {place}",
                        first.label()
                    ),
                    false => format!("of acl '{name}', '{}' has no meaning in {place}", first.label()),
                };
                (name.to_string(), text)
            }
        };
        let is_it = |word: &&Word| {
            let rest = word.text.trim_start_matches('!').strip_prefix(written.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['(', ',']))
        };
        let start = line.iter().position(|word| matches!(word.text.as_str(), "if" | "unless")).unwrap_or(0);
        let word = line.iter().skip(start).find(is_it).or(line.first());
        if let Some(word) = word
            && !found.iter().any(|(_, known)| *known == message)
        {
            found.push((word, message));
        }
    }
    found
}
