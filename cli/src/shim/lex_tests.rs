#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn tokens(lexer: &mut Lexer) -> Vec<Token> {
    std::iter::from_fn(|| lexer.token()).collect()
}

fn lex(text: &[u8]) -> Vec<Token> {
    let mut lexer = Lexer::new();
    lexer.feed(text);
    tokens(&mut lexer)
}

fn command(words: &[&str]) -> Token {
    let words = words.iter().map(|word| Word::from(*word)).collect();
    Token::Command(Command { words, payload: None, overlong: false })
}

fn with_payload(words: &[&str], payload: &str) -> Token {
    let words = words.iter().map(|word| Word::from(*word)).collect();
    Token::Command(Command { words, payload: Some(payload.as_bytes().to_vec()), overlong: false })
}

#[test]
fn words_are_separated_by_blanks_and_ended_by_semicolons() {
    assert_eq!(
        lex(b"  show\t info ;get weight a/b\n"),
        [command(&["show", "info"]), command(&["get", "weight", "a/b"]), Token::EndOfLine]
    );
    assert_eq!(lex(b"\n"), [command(&[]), Token::EndOfLine]);
    assert_eq!(lex(b"a;\n"), [command(&["a"]), command(&[]), Token::EndOfLine]);
    assert_eq!(lex(b"a;b\r\n"), [command(&["a"]), command(&["b"]), Token::EndOfLine]);
}

#[test]
fn a_backslash_takes_the_next_byte_as_it_is() {
    assert_eq!(lex(b"a\\ b\\;c \\\\ \\n\n"), [command(&["a b;c", "\\", "n"]), Token::EndOfLine]);
    assert_eq!(lex(b"\"a b\"\n"), [command(&["\"a", "b\""]), Token::EndOfLine]);
    assert_eq!(lex(b"a\\\n"), [command(&["a"]), Token::EndOfLine]);
}

#[test]
fn an_unfinished_line_is_no_command() {
    assert_eq!(lex(b"show info"), []);
}

#[test]
fn a_payload_ends_at_an_empty_line_or_at_its_pattern() {
    assert_eq!(
        lex(b"x;add map f <<\nk v; w\n\nshow\n"),
        [
            Token::PayloadLine,
            Token::PayloadLine,
            command(&["x"]),
            with_payload(&["add", "map", "f"], "k v; w\n"),
            Token::EndOfLine,
            command(&["show"]),
            Token::EndOfLine
        ]
    );
    assert_eq!(
        lex(b"add map f <<EOF\na\n\nb\nEOF\n").last_chunk::<2>().unwrap(),
        &[with_payload(&["add", "map", "f"], "a\n\nb\n"), Token::EndOfLine]
    );
    assert_eq!(lex(b"a <<\n\n")[1], with_payload(&["a"], ""));
    assert_eq!(lex(b"a <<\r\nb\r\n\r\n")[2], with_payload(&["a"], "b\r\n"));
}

#[test]
fn a_mark_that_is_not_the_last_word_is_an_ordinary_word() {
    assert_eq!(lex(b"a << b\n"), [command(&["a", "<<", "b"]), Token::EndOfLine]);
    assert_eq!(lex(b"a<<\n"), [command(&["a<<"]), Token::EndOfLine]);
    assert_eq!(lex(b"a <<;b\n"), [command(&["a", "<<"]), command(&["b"]), Token::EndOfLine]);
}

#[test]
fn limits_end_everything() {
    let mut line = vec![b'a'; MAX_LINE];
    line.push(b'\n');
    assert_eq!(lex(&line).len(), 2);
    line.insert(0, b'a');
    assert_eq!(lex(&line), [Token::LineTooLong]);
    let words = "w ".repeat(MAX_WORDS + 1) + "\n";
    let Token::Command(found) = &lex(words.as_bytes())[0] else { panic!("a command was expected") };
    assert!(found.overlong && found.words.len() == MAX_WORDS);
    let mut payload = b"a <<\n".to_vec();
    payload.extend(std::iter::repeat_n(b'x', MAX_PAYLOAD + 1));
    assert_eq!(lex(&payload), [Token::PayloadLine, Token::PayloadTooLong]);
    let mut payload = b"a <<\n".to_vec();
    payload.extend(b"x\n".repeat(MAX_PAYLOAD / 2 + 1));
    assert_eq!(lex(&payload).last(), Some(&Token::PayloadTooLong));
}

/// What the lexer pays attention to.
const MARKS: &[&[u8]] = &[b"\n", b" ", b";", b"<<", b" <<\n", b" <<E\n", b"E\n", b"\\", b"\r\n", b"\t", b"a"];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(MARKS).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (1usize..3000).prop_map(|length| vec![b'z'; length]),
    ]
}

proptest! {
    #[test]
    fn any_portions_give_the_same_tokens(
        pieces in prop::collection::vec(piece(), 0..60),
        cuts in prop::collection::vec(1usize..50, 1..40),
    ) {
        let text = pieces.concat();
        let whole = lex(&text);
        let mut lexer = Lexer::new();
        let mut found = Vec::new();
        let mut rest = &text[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (head, tail) = rest.split_at((*cut).min(rest.len()));
            lexer.feed(head);
            found.extend(tokens(&mut lexer));
            rest = tail;
        }
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn what_is_held_is_bounded(pieces in prop::collection::vec(piece(), 0..200)) {
        let mut lexer = Lexer::new();
        for piece in pieces {
            lexer.feed(&piece);
            let held = lexer.line.len() + lexer.payload.as_ref().map_or(0, |payload| payload.body.len());
            prop_assert!(held <= MAX_PAYLOAD + MAX_LINE);
            for token in tokens(&mut lexer) {
                if let Token::Command(command) = token {
                    prop_assert!(command.words.len() <= MAX_WORDS);
                }
            }
        }
    }
}
