//! Formats as they are rendered: texts joined, flags worked out, samples compiled, and what must be known for them.

use regate_proto::rules::Format;
use regate_proto::rules::log_format::{Alias, Cast, Content, Flag, FlagSet, Item};

use super::SamplePlan;

/// A format that can be rendered.
#[derive(Clone, Debug, Default)]
pub struct FormatPlan {
    /// Its parts, in order.
    pub steps: Box<[Step]>,
    /// Whether the whole is one object of fields with names.
    pub object: Option<Encoding>,
    /// What its aliases need that is not free to know.
    pub needs: Needs,
}

/// A part of a format.
#[derive(Clone, Debug)]
pub enum Step {
    /// Text that stands as it is.
    Text(Box<[u8]>),
    /// Something that is looked up.
    Field(Box<FieldPlan>),
}

/// Something that is looked up.
#[derive(Clone, Debug)]
pub struct FieldPlan {
    /// The key in an object.
    pub name: Option<Box<str>>,
    /// The type in an object.
    pub cast: Option<Cast>,
    /// The flags in force.
    pub flags: FlagSet,
    /// What is looked up.
    pub source: Source,
}

/// What a field shows.
#[derive(Clone, Debug)]
pub enum Source {
    /// Something of the stream.
    Alias(Alias),
    /// A sample's value.
    Sample(SamplePlan),
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON.
    Json,
    /// CBOR, in hexadecimal digits.
    Cbor,
    /// CBOR as it is.
    BinaryCbor,
}

/// What takes a system call or a shared counter to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The address that the client connected to.
    pub destination: bool,
    /// The address from which the server was connected to.
    pub source: bool,
    /// The number of the request.
    pub request_number: bool,
    /// The number of the line.
    pub line_number: bool,
}

impl FormatPlan {
    /// Compiles the format of a line of a frontend that keeps so many headers of requests and of responses.
    pub fn of_line(format: &Format, captures: [usize; 2]) -> Result<FormatPlan, String> {
        // Without captures these show nothing at all, and the spaces around them are one.
        let is_shown = |item: &Item| match item {
            Item::Field(field) => match field.content {
                Content::Alias(Alias::RequestHeaders | Alias::RequestHeaderList) => captures[0] > 0,
                Content::Alias(Alias::ResponseHeaders | Alias::ResponseHeaderList) => captures[1] > 0,
                _ => true,
            },
            _ => true,
        };
        let items = format.items.iter().filter(|item| is_shown(item)).cloned().collect();
        FormatPlan::compile(&Format { items }.with_merged_spaces())
    }

    /// Compiles a format whose spaces count.
    pub fn compile(format: &Format) -> Result<FormatPlan, String> {
        let mut steps = Vec::new();
        let mut needs = Needs::default();
        for (item, flags) in format.resolved() {
            match item {
                Item::Text(text) => steps.push(Step::Text(text.as_bytes().into())),
                Item::Field(field) => {
                    let source = match &field.content {
                        Content::Alias(alias) => {
                            needs.add(*alias);
                            Source::Alias(*alias)
                        }
                        Content::Sample(sample) => Source::Sample(SamplePlan::compile(sample)?),
                    };
                    let name = field.name.as_deref().map(Box::from);
                    steps.push(Step::Field(Box::new(FieldPlan { name, cast: field.cast, flags, source })));
                }
                Item::Options(_) => {}
            }
        }
        let flags = format.leading_flags();
        let object = match (flags.has(Flag::Json), flags.has(Flag::Cbor), flags.has(Flag::Binary)) {
            (true, ..) => Some(Encoding::Json),
            (false, true, true) => Some(Encoding::BinaryCbor),
            (false, true, false) => Some(Encoding::Cbor),
            (false, false, _) => None,
        };
        Ok(FormatPlan { steps: steps.into(), object, needs })
    }

    /// The bytes that it always gives, where nothing is looked up.
    pub fn constant(&self) -> Option<Vec<u8>> {
        let texts: Option<Vec<&[u8]>> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Text(text) => Some(text.as_ref()),
                Step::Field(_) => None,
            })
            .collect();
        texts.filter(|_| self.object.is_none()).map(|texts| texts.concat())
    }

    /// Whether anything of the stream as a whole is in it, rather than samples alone.
    pub fn has_aliases(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Field(field) if matches!(field.source, Source::Alias(_))))
    }
}

impl Needs {
    /// What either needs.
    #[must_use]
    pub fn or(self, other: Needs) -> Needs {
        Needs {
            destination: self.destination || other.destination,
            source: self.source || other.source,
            request_number: self.request_number || other.request_number,
            line_number: self.line_number || other.line_number,
        }
    }

    fn add(&mut self, alias: Alias) {
        match alias {
            Alias::FrontendIp | Alias::FrontendPort => self.destination = true,
            Alias::BackendSourceIp | Alias::BackendSourcePort => self.source = true,
            Alias::RequestCounter => self.request_number = true,
            Alias::LogCounter => self.line_number = true,
            _ => {}
        }
    }
}
