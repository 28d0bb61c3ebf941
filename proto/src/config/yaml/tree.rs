//! YAML documents as trees whose nodes know where they stand.
//!
//! Owns the bounds on what a text may make of itself: depth, and nodes after aliases are replaced.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::super::diagnostic::{Issue, to_u32};

/// Deepest nesting accepted; the schema needs five levels.
const DEEPEST: usize = 32;
/// Most nodes accepted, aliases replaced.
const MOST_NODES: usize = 4_000_000;

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub value: Value,
    /// Where it begins, from 1.
    pub line: u32,
    /// The column of its first character, from 1.
    pub column: u32,
    /// How many characters it takes on that line.
    pub length: u32,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text.
    Scalar {
        /// The text, quotes resolved.
        text: String,
        /// How it was written.
        style: Style,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in its order.
    Map(Vec<(Node, Node)>),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes, on one line: every character stands where it stands in the text.
    Plain,
    /// In quotes, on one line.
    Quoted,
    /// Over several lines, or as a block.
    Block,
}

impl Node {
    /// An issue about this node.
    pub fn issue(&self, message: impl Into<String>, help: Option<String>) -> Issue {
        Issue { line: self.line, column: self.column, length: self.length, message: message.into(), help }
    }

    /// Its text, if it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing stands there: an empty plain scalar, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, style: Style::Plain } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// The truth that it says, if it is `true` or `false` without quotes.
    pub fn truth(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, style: Style::Plain } if text == "true" => Some(true),
            Value::Scalar { text, style: Style::Plain } if text == "false" => Some(false),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(pairs) => pairs.iter().map(|(key, value)| key.count() + value.count()).sum(),
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(pairs) => {
                pairs.iter().map(|(key, value)| key.depth().max(value.depth())).max().unwrap_or(0)
            }
        }
    }
}

/// A collection that is not complete.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Node>,
}

/// The tree of a text with one document; `None` when it is empty.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Issue> {
    let mut builder = Builder { open: Vec::new(), anchors: HashMap::new(), root: None, nodes: 0 };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let mark = error.marker();
                return Err(Issue {
                    line: to_u32(mark.line().max(1)),
                    column: to_u32(mark.col()) + 1,
                    length: 1,
                    message: format!("this is not YAML: {}", error.info()),
                    help: None,
                });
            }
        }
    }
    Ok(builder.root)
}

struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event, span: Span) -> Result<(), Issue> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let one_line = span.start.line() == span.end.line();
                let style = match style {
                    ScalarStyle::Plain if one_line || text.is_empty() => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if one_line => Style::Quoted,
                    _ => Style::Block,
                };
                let node = node(Value::Scalar { text: text.into_owned(), style }, span);
                self.complete(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Value::List(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => self.begin(Value::Map(Vec::new()), anchor, span),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.complete(open.node, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::DocumentStart(_) if self.root.is_some() => {
                let here = node(Value::List(Vec::new()), span);
                Err(here.issue("a second document begins here", Some("one document is expected".to_owned())))
            }
            _ => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Issue> {
        let here = node(Value::List(Vec::new()), span);
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(here.issue("this alias has no complete anchor before it", None));
        };
        self.nodes += target.count();
        if self.nodes > MOST_NODES || self.open.len() + target.depth() > DEEPEST {
            return Err(here.issue("this alias makes the document too large", None));
        }
        let target = target.clone();
        self.complete(target, 0)
    }

    fn begin(&mut self, value: Value, anchor: usize, span: Span) -> Result<(), Issue> {
        let node = Node { length: 1, ..node(value, span) };
        if self.open.len() >= DEEPEST {
            return Err(
                node.issue("this is nested too deeply", Some(format!("{DEEPEST} levels are accepted")))
            );
        }
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Issue> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            let help = format!("{MOST_NODES} values are accepted, aliases replaced");
            return Err(node.issue("the document is too large", Some(help)));
        }
        if anchor != 0 {
            self.nodes += node.count();
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(open) => match (&mut open.node.value, open.key.take()) {
                (Value::List(items), _) => items.push(node),
                (Value::Map(pairs), Some(key)) => pairs.push((key, node)),
                (Value::Map(_), None) => open.key = Some(node),
                (Value::Scalar { .. }, _) => {}
            },
        }
        Ok(())
    }
}

fn node(value: Value, span: Span) -> Node {
    let one_line = span.start.line() == span.end.line();
    let length = if one_line { span.end.col().saturating_sub(span.start.col()) } else { 1 };
    Node {
        value,
        line: to_u32(span.start.line().max(1)),
        column: to_u32(span.start.col()) + 1,
        length: to_u32(length),
    }
}
