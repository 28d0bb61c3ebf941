//! Trees to headers and lines of words.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::assemble::{Assembler, Header};
use super::super::diagnostic::{Diagnostic, SourceFile};
use super::super::directives::arguments::{expecting, join};
use super::super::directives::{self, Section};
use super::super::environment::Environment;
use super::super::lexer::{Dialect, Word, cut};
use super::super::{Loaded, keywords};
use super::tree::{self, Node, Style, Value};

/// The keys of a document, and the sections that they hold.
pub(in super::super) const GROUPS: [(&str, Section); 9] = [
    ("global", Section::Global),
    ("resolvers", Section::Resolvers),
    ("userlists", Section::Userlist),
    ("rings", Section::Ring),
    ("http-errors", Section::HttpErrors),
    ("defaults", Section::Defaults),
    ("frontends", Section::Frontend),
    ("backends", Section::Backend),
    ("listens", Section::Listen),
];

/// Directives whose arguments may be a map: the words that come first, as keys, and then parameters.
pub(in super::super) const STRUCTURED: [(&str, &[&str]); 5] = [
    ("bind", &["address"]),
    ("server", &["name", "address"]),
    ("server-template", &["prefix", "range", "address"]),
    ("default-server", &[]),
    ("stats socket", &["address"]),
];

/// Reads one YAML text.
pub fn read_yaml(file: &SourceFile, environment: &Environment) -> Result<Loaded, Vec<Diagnostic>> {
    environment.enter(&file.name);
    let mut reader = Reader { assembler: Assembler::new(environment), environment };
    reader.assembler.file = Arc::clone(&file.name);
    match tree::parse(&file.text) {
        Ok(Some(root)) => reader.document(&root),
        Ok(None) => {}
        Err(issue) => reader.assembler.error(issue),
    }
    reader.assembler.finish()
}

struct Reader<'a> {
    assembler: Assembler<'a>,
    environment: &'a Environment<'a>,
}

impl Reader<'_> {
    fn document(&mut self, root: &Node) {
        if root.is_null() {
            return;
        }
        let Some(pairs) = self.map(root, "a configuration") else { return };
        let known = GROUPS.map(|(known, _)| known);
        for (key, _) in pairs {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name) {
                let help = match keywords::nearest(name, known) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("{} are accepted", join(&known, "and")),
                };
                self.assembler.error(key.issue(format!("unknown key '{name}'"), Some(help)));
            }
        }
        // What others refer to is read first, wherever it stands.
        for wanted in [Some(Section::Global), Some(Section::Defaults), None] {
            for (key, value) in pairs {
                let Some((_, section)) = GROUPS.iter().find(|(known, _)| Some(*known) == key.text()) else {
                    continue;
                };
                let early = matches!(section, Section::Global | Section::Defaults);
                if wanted == Some(*section) || wanted.is_none() && !early {
                    self.group(*section, key, value);
                }
            }
        }
    }

    fn group(&mut self, section: Section, key: &Node, value: &Node) {
        match &value.value {
            _ if section == Section::Global => self.section(section, key, value),
            _ if value.is_null() => {}
            Value::List(items) => {
                for item in items {
                    self.section(section, item, item);
                }
            }
            Value::Map(_) if section == Section::Defaults => self.section(section, key, value),
            _ => self.assembler.error(value.issue("a list of sections is expected here", None)),
        }
    }

    /// Reads a section; `at` stands for the line that would open it.
    fn section(&mut self, section: Section, at: &Node, value: &Node) {
        let keyword = Word {
            text: section.word().to_owned(),
            line: at.line,
            column: at.column,
            length: at.length.max(1),
        };
        if value.is_null() && section == Section::Global {
            let header = Header { section, keyword: &keyword, name: None, from: None, order: 0 };
            return self.assembler.open(&header, false);
        }
        let Some(pairs) = self.map(value, "a section") else { return };
        let attributes: &[&str] = match section {
            Section::Global => &[],
            Section::Resolvers | Section::Ring | Section::Userlist | Section::HttpErrors => &["name"],
            Section::Defaults => &["name", "from"],
            _ => &["name", "from", "order"],
        };
        let mut attribute = |name: &str| {
            let (_, value) =
                pairs.iter().find(|(key, _)| attributes.contains(&name) && key.text() == Some(name))?;
            self.one_word(value)
        };
        let (name, from, order) = (attribute("name"), attribute("from"), attribute("order"));
        let order = match order.as_ref().map(|word| (word, word.text.parse::<u32>())) {
            None => 0,
            Some((_, Ok(order))) if order > 0 => order,
            Some((word, _)) => {
                self.assembler.error(expecting(
                    word,
                    format!("'{}' is not a place", word.text),
                    "a number from 1 is expected",
                ));
                0
            }
        };
        let unnamed = section == Section::Defaults && name.is_none();
        let header = Header { section, keyword: &keyword, name: name.as_ref(), from: from.as_ref(), order };
        self.assembler.open(&header, unnamed);
        for (key, value) in pairs {
            if !key.text().is_some_and(|text| attributes.contains(&text)) {
                self.setting(section, &[], key, value);
            }
        }
    }

    /// Reads one key of a section, or of a map under such a key.
    fn setting(&mut self, section: Section, before: &[Word], key: &Node, value: &Node) {
        let Some(mut words) = self.words(key) else { return };
        if let (true, Some(first)) = (before.is_empty(), words.first_mut()) {
            match first.text.as_str() {
                "binds" => first.text = "bind".to_owned(),
                "servers" => first.text = "server".to_owned(),
                "server-templates" => first.text = "server-template".to_owned(),
                "without" => first.text = "no".to_owned(),
                _ => {}
            }
        }
        let words = [before, &words].concat();
        if words.is_empty() {
            return self.assembler.error(key.issue("a directive is expected here", None));
        }
        let Value::List(items) = &value.value else { return self.value(section, &words, value) };
        for item in items {
            match &item.value {
                Value::List(_) => {
                    self.assembler.error(item.issue("a list within a list has no meaning here", None))
                }
                _ => self.value(section, &words, item),
            }
        }
    }

    fn value(&mut self, section: Section, words: &[Word], value: &Node) {
        let name = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        if let Value::Map(_) = &value.value {
            if let Some((_, first)) = STRUCTURED.iter().find(|(known, _)| *known == name) {
                return self.structured(words, first, value);
            }
            if words.len() > 2 {
                return self.assembler.error(value.issue(format!("'{name}' takes no map"), None));
            }
            let Some(pairs) = self.map(value, "a map") else { return };
            for (key, value) in pairs {
                self.setting(section, words, key, value);
            }
            return;
        }
        let second = words.get(1).map(|word| word.text.as_str());
        let row = words.first().and_then(|first| directives::find(section, &first.text, second));
        let switch =
            row.filter(|row| row.name == name && (row.syntax.is_empty() || row.syntax.starts_with('[')));
        match (value.truth(), switch) {
            (Some(true), Some(_)) => self.assembler.line(words),
            (Some(false), Some(row)) if row.negatable => {
                let no = words.first().map(|first| Word { text: "no".to_owned(), ..first.clone() });
                let line: Vec<Word> = no.into_iter().chain(words.iter().cloned()).collect();
                self.assembler.line(&line);
            }
            // A switch that is off unless it is said needs no line.
            (Some(false), Some(_)) => {}
            _ if value.is_null() => self.assembler.line(words),
            _ => {
                let Some(arguments) = self.words(value) else { return };
                if arguments.is_empty() {
                    return self
                        .assembler
                        .error(value.issue(format!("'{name}' has an empty argument"), None));
                }
                let line = [words, &arguments].concat();
                self.assembler.line(&line);
            }
        }
    }

    /// A bind, server or text socket as a map: the words that come first, then parameters in their order.
    fn structured(&mut self, words: &[Word], first: &[&str], value: &Node) {
        let Some(pairs) = self.map(value, "a map") else { return };
        let mut line = words.to_vec();
        for name in first {
            let Some((_, found)) = pairs.iter().find(|(key, _)| key.text() == Some(name)) else {
                let help = format!("a key '{name}' is expected here");
                return self.assembler.error(value.issue(format!("the {name} is missing"), Some(help)));
            };
            let Some(word) = self.one_word(found) else { return };
            line.push(word);
        }
        for (key, value) in pairs.iter().filter(|(key, _)| !first.iter().any(|name| key.text() == Some(name)))
        {
            let Some(mut key_words) = self.words(key) else { return };
            match value.truth() {
                Some(false) => line.extend(key_words.into_iter().filter_map(negated_parameter)),
                Some(true) => line.append(&mut key_words),
                None if value.is_null() => line.append(&mut key_words),
                None => {
                    let Some(arguments) = self.words(value) else { return };
                    line.extend(key_words.into_iter().chain(arguments));
                }
            }
        }
        self.assembler.line(&line);
    }

    /// The pairs of a map whose keys are texts and different.
    fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Node, Node)]> {
        let Value::Map(pairs) = &node.value else {
            self.assembler.error(node.issue(format!("{what} is expected here, as a map"), None));
            return None;
        };
        let mut seen = BTreeSet::new();
        for (key, _) in pairs {
            match key.text() {
                Some(text) if seen.insert(text) => {}
                Some(text) => {
                    let help = Some("use a list to repeat a directive".to_owned());
                    self.assembler.error(key.issue(format!("'{text}' is given twice"), help));
                }
                None => {
                    self.assembler.error(key.issue("a key must be a text", None));
                    return None;
                }
            }
        }
        Some(pairs)
    }

    fn one_word(&mut self, node: &Node) -> Option<Word> {
        let words = self.words(node)?;
        match words.as_slice() {
            [only] => Some(only.clone()),
            _ => {
                self.assembler.error(node.issue("one word is expected here", None));
                None
            }
        }
    }

    /// A scalar cut into words, each with its place as near as the spelling allows.
    fn words(&mut self, node: &Node) -> Option<Vec<Word>> {
        let Value::Scalar { text, style } = &node.value else {
            self.assembler.error(node.issue("a text is expected here", None));
            return None;
        };
        let (file, section) = (Arc::clone(&self.assembler.file), self.assembler.section_name());
        let environment = self.environment;
        let variable = |name: &str| match name {
            ".FILE" => Some(file.to_string()),
            ".LINE" => Some(node.line.to_string()),
            ".SECTION" => Some(section.clone()),
            name => environment.variable(name),
        };
        let first_column = if *style == Style::Quoted { node.column.saturating_add(1) } else { node.column };
        match cut(text, Dialect::Scalar, node.line, first_column, &variable) {
            Ok(mut words) => {
                if *style == Style::Block {
                    for word in &mut words {
                        (word.column, word.length) = (node.column, node.length);
                    }
                }
                Some(words)
            }
            Err(mut issue) => {
                if *style == Style::Block {
                    (issue.column, issue.length) = (node.column, node.length);
                }
                self.assembler.error(issue);
                None
            }
        }
    }
}

/// The word that says the opposite of a parameter; none when not saying it is enough.
fn negated_parameter(word: Word) -> Option<Word> {
    let opposite = match word.text.as_str() {
        "backup" => "no-backup",
        "send-proxy" | "send-proxy-v2" => "no-send-proxy",
        "disabled" => "enabled",
        _ => return None,
    };
    Some(Word { text: opposite.to_owned(), ..word })
}
