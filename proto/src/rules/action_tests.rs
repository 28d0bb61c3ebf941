#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use super::*;

fn read(set: RuleSet, text: &str) -> Result<Rule, Mistake> {
    let file =
        |path: &str| if path == "page" { Ok(b"page".to_vec()) } else { Err("it is not there".to_owned()) };
    Rule::parse(set, &mut Words::new(text.split(' ')), &file)
}

#[test]
fn every_example_reads_as_what_it_is_written_as() {
    assert!(ROWS.is_sorted_by_key(|row| row.name.trim_end_matches('(')));
    for row in ROWS {
        assert!(!row.examples.is_empty(), "{}", row.name);
        for example in row.examples {
            for set in row.sets {
                let rule = match read(*set, example) {
                    Ok(rule) => rule,
                    Err(mistake) if mistake.message.contains("has no meaning") => continue,
                    Err(mistake) => panic!("{example}: {mistake}"),
                };
                let words = rule.words().join(" ");
                assert_eq!(read(*set, &words).unwrap(), rule, "{example} as {words}");
            }
        }
    }
}

#[test]
fn mistakes_have_their_place() {
    use RuleSet::{HttpRequest, HttpResponse, TcpConnection};
    for (set, text, word, message) in [
        (HttpRequest, "dney", 0, "unknown action 'dney'"),
        (
            HttpRequest,
            "cache-use x",
            0,
            "'http-request cache-use' exists in HAProxy and is not supported by Regate yet",
        ),
        (HttpRequest, "use-service x", 1, "unknown word 'x'"),
        (TcpConnection, "deny", 0, "'deny' may not stand in 'tcp-request connection'"),
        (HttpRequest, "deny status 99", 2, "'99' is not acceptable here"),
        (HttpRequest, "set-header", 1, "the name of a header is missing"),
        (HttpRequest, "set-header X", 2, "a text is missing"),
        (HttpRequest, "set-header X: y", 1, "'X:' is no name of a header"),
        (HttpRequest, "set-var(txn) src", 0, "'txn' is no variable"),
        (HttpRequest, "set-var src", 0, "unknown action 'set-var'"),
        (HttpResponse, "set-header X %[path]", 2, "fetch 'path' has no meaning in an 'http-response' rule"),
        (HttpRequest, "redirect location / code 200", 4, "'200' is no status of a redirection"),
        (HttpRequest, "replace-path (?=x) y", 1, "look-around is not supported in regular expressions"),
        (HttpRequest, "return file nowhere", 2, "file 'nowhere' cannot be read: it is not there"),
        (HttpRequest, "deny when x", 1, "'when' is not expected here"),
        (HttpRequest, "wait-for-body at-least 5", 3, "'time' and a time is missing"),
    ] {
        let mistake = read(set, text).expect_err(text);
        assert_eq!((mistake.word, mistake.message.as_str()), (word, message), "{text}");
    }
}
