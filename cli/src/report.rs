//! Remarks about a configuration, with the words underlined.
//!
//! Owns the look of diagnostics on a terminal; what they say is made in `regate_proto::config`.

use ariadne::{Config, Label, Report, ReportKind, Source};
use regate_proto::config::{Diagnostic, Gravity, SourceFile};

/// Renders remarks in the order of their places. Remarks about a file that is not among `sources` are lines.
pub fn render(sources: &[SourceFile], diagnostics: &[Diagnostic], colours: bool) -> String {
    diagnostics.iter().map(|diagnostic| render_one(sources, diagnostic, colours)).collect()
}

fn render_one(sources: &[SourceFile], diagnostic: &Diagnostic, colours: bool) -> String {
    let source = sources.iter().find(|source| source.name == diagnostic.place.file);
    let (Some(source), true) = (source, diagnostic.place.line > 0) else {
        return format!("{diagnostic}\n");
    };
    let name = source.name.to_string();
    let mut span = source.span(&diagnostic.place);
    if span.is_empty() {
        span.end = span.start + 1;
    }
    let kind = match diagnostic.gravity {
        Gravity::Error => ReportKind::Error,
        Gravity::Warning => ReportKind::Warning,
        Gravity::Notice => ReportKind::Advice,
    };
    let label = diagnostic.help.clone().unwrap_or_else(|| "here".to_owned());
    let report = Report::build(kind, (name.clone(), span.clone()))
        .with_config(Config::default().with_color(colours).with_char_set(ariadne::CharSet::Unicode))
        .with_message(&diagnostic.message)
        .with_label(Label::new((name.clone(), span)).with_message(label))
        .finish();
    let mut text = Vec::new();
    match report.write((name, Source::from(source.text.as_str())), &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => format!("{diagnostic}\n"),
    }
}

#[cfg(test)]
mod tests {
    use regate_proto::config::{Place, SourceFile};

    use super::*;

    fn diagnostic(line: u32, column: u32, length: u32, help: Option<&str>) -> Diagnostic {
        Diagnostic {
            gravity: Gravity::Error,
            place: Place { file: "a.cfg".into(), line, column, length },
            message: "unknown keyword 'timeoot'".to_owned(),
            help: help.map(str::to_owned),
        }
    }

    #[test]
    fn the_offending_word_is_underlined() {
        let source = SourceFile::new("a.cfg", "defaults\n  # ä\n  timeoot client 1s\n");
        let text = render(&[source], &[diagnostic(3, 3, 7, Some("did you mean 'timeout'?"))], false);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "Error: unknown keyword 'timeoot'",
                "   ╭─[ a.cfg:3:3 ]",
                "   │",
                " 3 │   timeoot client 1s",
                "   │   ───┬───",
                "   │      ╰───── did you mean 'timeout'?",
                "───╯",
            ]
        );
    }

    #[test]
    fn a_place_at_the_end_of_a_line_or_of_the_file_is_shown_too() {
        let source = SourceFile::new("a.cfg", "frontend");
        for place in [(1, 9), (1, 500), (7, 1)] {
            let text = render(std::slice::from_ref(&source), &[diagnostic(place.0, place.1, 0, None)], false);
            assert!(text.starts_with("Error: unknown keyword 'timeoot'\n"), "{text}");
        }
    }

    #[test]
    fn what_is_about_a_whole_file_or_an_unknown_one_is_a_line() {
        let source = SourceFile::new("b.cfg", "x\n");
        let text = render(&[source], &[diagnostic(1, 2, 3, None)], false);
        assert_eq!(text, "a.cfg:1:2: error: unknown keyword 'timeoot'\n");
    }
}
