//! What the target of a request for a statistics page says (management manual 9, configuration manual "stats uri").
//!
//! Pure: bytes in, choices out, and links with other choices back.

use regate_proto::statistics::Hidden;

/// What is shown, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) notation: Notation,
    pub(super) hidden: Hidden,
    /// Whether the browser may ask again by itself.
    pub(super) refresh: bool,
    /// What names of proxies must contain, whatever their case; empty for nothing.
    pub(super) scope: String,
    /// What became of what was asked for before.
    pub(super) outcome: Option<Outcome>,
}

/// A notation of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    Html,
    Csv,
    Typed,
    Json,
    /// What the notation `Json` looks like.
    Schema,
}

/// What became of something that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Nothing,
    Partial,
    Failed,
    TooLong,
    Denied,
}

impl Options {
    /// Reads a target from the page's beginning on; what it does not know is nothing to it.
    pub(super) fn parse(target: &[u8], prefix: &str) -> Options {
        let text = String::from_utf8_lossy(target.get(prefix.len()..).unwrap_or_default()).into_owned();
        let has = |word: &str| {
            text.match_indices(word).any(|(at, _)| {
                let next = text.as_bytes().get(at + word.len());
                next.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-')
            })
        };
        let notation = if has(";json-schema") {
            Notation::Schema
        } else if has(";json") {
            Notation::Json
        } else if has(";typed") {
            Notation::Typed
        } else if has(";csv") {
            Notation::Csv
        } else {
            Notation::Html
        };
        let hidden = if has(";up") {
            Hidden::Down
        } else if has(";no-maint") {
            Hidden::Maintenance
        } else {
            Hidden::None
        };
        let scope = text.find("scope=").and_then(|at| text.get(at + "scope=".len()..)).unwrap_or_default();
        let scope: String =
            scope.chars().take_while(|c| !matches!(c, ';' | '&' | '#')).take(LONGEST_SCOPE).collect();
        let outcome = Outcome::ALL.into_iter().find(|outcome| has(&format!(";st={}", outcome.word())));
        let scope = String::from_utf8_lossy(&decode(scope.as_bytes())).into_owned();
        Options { notation, hidden, refresh: !has(";norefresh"), scope, outcome }
    }

    /// Whether the rows of this proxy are wanted.
    pub(super) fn covers(&self, proxy: &str) -> bool {
        self.scope.is_empty() || proxy.to_lowercase().contains(&self.scope.to_lowercase())
    }

    /// The target that reads as this.
    pub(super) fn link(&self, prefix: &str) -> String {
        let mut link = prefix.to_owned();
        if let Some(outcome) = self.outcome {
            link.push_str(";st=");
            link.push_str(outcome.word());
        }
        match self.hidden {
            Hidden::None => {}
            Hidden::Maintenance => link.push_str(";no-maint"),
            Hidden::Down => link.push_str(";up"),
        }
        match self.notation {
            Notation::Html => {}
            Notation::Csv => link.push_str(";csv"),
            Notation::Typed => link.push_str(";typed"),
            Notation::Json => link.push_str(";json"),
            Notation::Schema => link.push_str(";json-schema"),
        }
        if !self.refresh {
            link.push_str(";norefresh");
        }
        if !self.scope.is_empty() {
            link.push_str(if prefix.contains('?') { "&scope=" } else { "?scope=" });
            for byte in self.scope.bytes() {
                if byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte) {
                    link.push(char::from(byte));
                } else {
                    link.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        link
    }
}

impl Outcome {
    const ALL: [Outcome; 6] = [
        Outcome::Done,
        Outcome::Nothing,
        Outcome::Partial,
        Outcome::Failed,
        Outcome::TooLong,
        Outcome::Denied,
    ];

    /// The word of HAProxy's for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Done => "DONE",
            Outcome::Nothing => "NONE",
            Outcome::Partial => "PART",
            Outcome::Failed => "ERRP",
            Outcome::TooLong => "EXCD",
            Outcome::Denied => "DENY",
        }
    }
}

/// The bytes that a part of a form or of a query stands for.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match (byte, digit(text.get(at)), digit(text.get(at + 1))) {
            (b'+', ..) => out.push(b' '),
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            _ => out.push(*byte),
        }
    }
    out
}

/// Characters of a scope that count.
const LONGEST_SCOPE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_say_what_is_shown() {
        let read = |text: &str| Options::parse(text.as_bytes(), "/st");
        let plain = Options {
            notation: Notation::Html,
            hidden: Hidden::None,
            refresh: true,
            scope: String::new(),
            outcome: None,
        };
        assert_eq!(read("/st"), plain);
        assert_eq!(read("/st;csv"), Options { notation: Notation::Csv, ..plain.clone() });
        assert_eq!(read("/st;csvx;jsonish"), plain);
        assert_eq!(read("/st;json;norefresh").notation, Notation::Json);
        assert!(!read("/st;json;norefresh").refresh);
        assert_eq!(read("/st;json-schema").notation, Notation::Schema);
        assert_eq!(read("/st;up;st=PART?scope=a%2Fb&x").outcome, Some(Outcome::Partial));
        assert_eq!(read("/st;up;st=PART?scope=a%2Fb&x").scope, "a/b");
        assert_eq!(read("/st;no-maint").hidden, Hidden::Maintenance);
        assert_eq!(read("/st;st=<script>"), plain);
    }

    #[test]
    fn links_read_as_what_they_were_made_of() {
        for target in ["/st", "/st;up;csv", "/st;st=DONE;no-maint;typed;norefresh?scope=a%20b", "/st;json"] {
            let options = Options::parse(target.as_bytes(), "/st");
            assert_eq!(Options::parse(options.link("/st").as_bytes(), "/st"), options);
        }
        let scoped = Options::parse(b"/st?stats;up;scope=be", "/st?stats");
        assert_eq!(scoped.link("/st?stats"), "/st?stats;up&scope=be");
    }

    #[test]
    fn a_scope_is_part_of_a_name() {
        let options = Options::parse(b"/st?scope=Be", "/st");
        assert!(options.covers("abe") && options.covers("BE") && !options.covers("fe"));
    }
}
