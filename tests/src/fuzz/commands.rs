//! Commands of the text socket, made by chance from the forms that `help` lists.
//!
//! Owns the reading of forms ([`Form::parse`]) and the making of lines from them ([`Form::line`]): words as they are
//! written, names that exist and names that do not, numbers in and out of range, odd bytes, missing and extra
//! words. Knows nothing of replies. Read next: `tests/tests/text_socket_commands.rs`.

use super::mutation::Dice;

/// How a command is written, as `help` shows it.
#[derive(Clone, Debug)]
pub struct Form {
    /// The form as it is listed, for reports and for tables of exceptions.
    pub usage: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    /// Words, with the blanks around them.
    Text(String),
    /// Something that has a name: `<b>`.
    Slot(String),
    /// `{a|b}`, or `[a|b]` which may be left out; with `*` behind it, any number of times.
    Group { alternatives: Vec<Vec<Part>>, optional: bool, many: bool },
}

impl Form {
    /// The form of a line of `help`: what stands before `" : "` or the last `": "` after it.
    pub fn parse(usage: &str) -> Form {
        let mut rest = usage.chars().collect::<Vec<_>>().into_iter().peekable();
        let parts = sequences(&mut rest, None).into_iter().next().unwrap_or_default();
        Form { usage: usage.to_owned(), parts }
    }

    /// Every form that a reply to `help` lists.
    pub fn list(help: &str) -> Vec<Form> {
        let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
        let usages = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(usage, _)| usage.replace("(or payload)", ""));
        usages.map(|usage| Form::parse(usage.trim())).collect()
    }

    /// A line of this form, or one that was spoilt, with names from `pool`.
    pub fn line(&self, pool: &Pool, dice: &mut Dice) -> String {
        let mut text = String::new();
        write(&self.parts, pool, dice, &mut text);
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        match dice.below(12) {
            0 if words.len() > 1 => words.truncate(1 + dice.below(words.len() - 1)),
            1 if words.len() > 2 => drop(words.remove(1 + dice.below(words.len() - 1))),
            2 => words.push(chosen(ODD, dice).to_owned()),
            3 if words.len() > 1 => {
                let at = 1 + dice.below(words.len() - 1);
                if let Some(word) = words.get_mut(at) {
                    *word = chosen(ODD, dice).to_owned();
                }
            }
            _ => {}
        }
        words.join(" ")
    }
}

/// What stands in the places of names.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// By the name of the slot, the words to choose from; a slot that is not listed gets any of them, or something odd.
    pub words: &'static [(&'static str, &'static [&'static str])],
}

impl Pool {
    fn word(&self, slot: &str, dice: &mut Dice) -> &'static str {
        if dice.below(15) == 0 {
            return chosen(ODD, dice);
        }
        match self.words.iter().find(|(name, _)| *name == slot) {
            Some((_, words)) => chosen(words, dice),
            None => {
                let all = self.words.get(dice.below(self.words.len()));
                all.map_or("x", |(_, words)| chosen(words, dice))
            }
        }
    }
}

fn chosen(from: &'static [&'static str], dice: &mut Dice) -> &'static str {
    from.get(dice.below(from.len())).copied().unwrap_or("x")
}

fn write(parts: &[Part], pool: &Pool, dice: &mut Dice, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(words) => text.push_str(words),
            Part::Slot(name) => text.push_str(pool.word(name, dice)),
            Part::Group { alternatives, optional, many } => {
                let least = usize::from(!*optional);
                let most = if *many { least + 3 } else { 1 };
                for _ in 0..least + dice.below(most - least + 1) {
                    if let Some(parts) = alternatives.get(dice.below(alternatives.len())) {
                        write(parts, pool, dice, text);
                    }
                    if *many {
                        text.push(' ');
                    }
                }
            }
        }
    }
}

type Characters = std::iter::Peekable<std::vec::IntoIter<char>>;

/// Reads alternatives up to the closing bracket.
fn sequences(rest: &mut Characters, close: Option<char>) -> Vec<Vec<Part>> {
    let mut all = vec![Vec::new()];
    let mut text = String::new();
    while let Some(character) = rest.next() {
        let flushed = |text: &mut String, parts: &mut Vec<Part>| {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(text)));
            }
        };
        let Some(parts) = all.last_mut() else { break };
        match character {
            _ if Some(character) == close => break,
            '<' => {
                flushed(&mut text, parts);
                parts.push(Part::Slot(rest.by_ref().take_while(|next| *next != '>').collect()));
            }
            '[' | '{' => {
                flushed(&mut text, parts);
                let alternatives = sequences(rest, Some(if character == '[' { ']' } else { '}' }));
                let many = rest.next_if_eq(&'*').is_some();
                parts.push(Part::Group { alternatives, optional: character == '[', many });
            }
            '|' if close.is_some() => {
                flushed(&mut text, parts);
                all.push(Vec::new());
            }
            _ => text.push(character),
        }
    }
    if let Some(parts) = all.last_mut().filter(|_| !text.is_empty()) {
        parts.push(Part::Text(text));
    }
    all
}

/// Words that are at home nowhere.
const ODD: &[&str] = &[
    "x",
    "0",
    "-1",
    "1",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "1x",
    "+1",
    "%",
    "/",
    "be/",
    "/s1",
    "be/s1/x",
    "*",
    "\\",
    "\\ ",
    "\\;",
    "é",
    "\u{1}",
    "\"a b\"",
    "'",
    "-",
    "--",
    "=",
    "help",
    "all",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Pool = Pool { words: &[("b", &["be"]), ("s", &["s1"]), ("w", &["5"])] };

    fn lines(usage: &str) -> std::collections::BTreeSet<String> {
        let form = Form::parse(usage);
        let mut dice = Dice::new(1);
        (0..2000).map(|_| form.line(&POOL, &mut dice)).collect()
    }

    #[test]
    fn every_alternative_is_written_and_lines_are_spoilt() {
        let found = lines("set weight <b>/<s> <w>[%] {on|off} [last]*");
        for line in
            ["set weight be/s1 5% on", "set weight be/s1 5 off last last last", "set", "set be/s1 5 on"]
        {
            assert!(found.contains(line), "{line} is not made");
        }
    }

    #[test]
    fn forms_are_what_help_lists() {
        let help =
            "The following commands are valid at this level:\n  quit                : end\n  a {b|c}: d: e\n";
        let forms: Vec<String> = Form::list(help).into_iter().map(|form| form.usage).collect();
        assert_eq!(forms, ["quit", "a {b|c}"]);
    }
}
