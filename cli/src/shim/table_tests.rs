#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::shim::lex::{Lexer, Token};
use crate::shim::session::Surroundings;

fn session() -> Session {
    let surroundings = Surroundings {
        versions: Arc::default(),
        sockets: Vec::new(),
        environment: None,
        since: Instant::now(),
        clients: Arc::default(),
        anonymous_key: Arc::default(),
    };
    let mut session = Session::new(Level::Admin, Duration::from_secs(10), Arc::new(surroundings));
    session.modes = Modes { expert: true, experimental: true };
    session
}

fn commands(line: &str) -> Vec<Command> {
    let mut lexer = Lexer::new();
    lexer.feed(format!("{line}\n").as_bytes());
    let tokens = std::iter::from_fn(|| lexer.token());
    tokens
        .filter_map(|token| match token {
            Token::Command(command) => Some(command),
            _ => None,
        })
        .collect()
}

#[test]
fn every_row_is_found_by_its_own_words() {
    for row in rows() {
        let words: Vec<Word> = row
            .words
            .iter()
            .map(|slot| match slot {
                Slot::Is(word) => Word::from(*word),
                Slot::Any => Word::from("x/y"),
            })
            .collect();
        let found = find(&words).unwrap();
        assert!(std::ptr::eq(found, row), "{:?} finds {:?}", row.words, found.words);
    }
}

#[test]
fn usages_are_unique_and_begin_with_the_row_s_words() {
    let mut seen = BTreeSet::new();
    for row in rows().filter(|row| row.is_listed()) {
        assert!(seen.insert(row.usage), "{} is there twice", row.usage);
        assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{}: {}", row.usage, row.help);
        for (slot, word) in row.words.iter().zip(row.usage.split(' ')) {
            assert!(matches!(slot, Slot::Is(own) if *own == word) || *slot == Slot::Any, "{}", row.usage);
        }
    }
}

#[test]
fn rows_that_change_something_need_a_level() {
    for row in rows() {
        let lowest = match row.becomes {
            Becomes::Apply(_) | Becomes::Staged(_) => Level::Admin,
            Becomes::Act(_) => Level::Operator,
            Becomes::Ask(_) | Becomes::Session(_) | Becomes::Told(_) => Level::User,
        };
        assert!(row.level >= lowest, "{}", row.usage);
    }
}

#[test]
fn every_row_has_an_example_that_becomes_what_the_row_says() {
    for row in rows().filter(|row| row.usage != "quit") {
        assert!(!row.examples.is_empty(), "{:?} has no example", row.words);
        let lines = row.examples.iter().flat_map(|example| commands(example.line));
        let mine: Vec<Command> = lines
            .filter(|command| find(&command.words).is_some_and(|found| std::ptr::eq(found, row)))
            .collect();
        assert!(!mine.is_empty(), "no example of {:?} is one", row.words);
        let steps = mine.iter().map(|command| session().step(command));
        let right = steps.filter(|step| match (&row.becomes, step) {
            (Becomes::Session(_), Step::Answered(_) | Step::Resting(_))
            | (Becomes::Staged(_) | Becomes::Told(_), Step::Planned(_)) => true,
            (Becomes::Apply(_) | Becomes::Act(_), Step::Planned(plan)) => plan.is_change() || plan.exclusive,
            (Becomes::Ask(_), Step::Planned(plan)) => !plan.is_change(),
            _ => false,
        });
        assert!(right.count() > 0, "no example of {:?} becomes what the row says", row.words);
    }
}

#[test]
fn unknown_words_are_answered_with_something_alike() {
    let usages = |text: &str| -> Vec<&str> {
        let words: Vec<Word> = text.split_whitespace().map(Word::from).collect();
        resembling(&words, Default::default()).iter().map(|row| row.usage).collect()
    };
    let get = ["get acl <acl> <value>", "get map <map> <value>", "get var <name>", "get weight <b>/<s>"];
    assert_eq!(usages("get"), [&get[..], &LAST[..]].concat());
    assert!(usages("shwo info").iter().any(|usage| usage.starts_with("show info")));
    assert_eq!(usages("clear").len(), 9);
    assert_eq!(usages("").len(), rows().filter(|row| row.is_listed() && row.restriction.is_none()).count());
    assert_eq!(&usages("")[usages("").len() - 3..], LAST);
}
