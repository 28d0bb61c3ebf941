//! What samples are fetched from, and how (configuration manual 7.3.2 to 7.3.7).
//!
//! Owns the evaluation of fetches: [`evaluate`] for a whole sample, one file for each subject. It reads what a
//! [`View`] shows and changes nothing but variables. Read `view.rs` first.

mod http;
mod process;
mod view;

use regate_proto::rules::{Argument, Fetch};

use crate::convert;
use crate::sample::Value;
use crate::snapshot::SamplePlan;

pub use view::{Headers, Request, Response, View};

/// The value of a sample; `None` where it has none.
pub fn evaluate<'a>(plan: &'a SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    let mut value = fetch(plan, view)?;
    for step in &plan.steps {
        value = convert::apply(step, value.cast(step.input)?, view)?;
    }
    Some(value)
}

fn fetch<'a>(plan: &'a SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    let arguments = Arguments(&plan.arguments);
    match plan.fetch {
        Fetch::AlwaysFalse => Some(Value::Bool(false)),
        Fetch::AlwaysTrue => Some(Value::Bool(true)),
        Fetch::Bool => arguments.text(0).map(|text| Value::Bool(matches!(text, "true" | "1" | "yes" | "on"))),
        Fetch::Int => arguments.int(0).map(Value::Int),
        Fetch::Str => arguments.text(0).map(|text| Value::text(text.as_bytes())),
        Fetch::Var => match plan.arguments.first() {
            Some(Argument::Variable(variable)) => view.variables.value(variable),
            _ => None,
        },
        Fetch::Src => view.source.map(|address| Value::ip(address.ip())),
        Fetch::SrcPort => view.source.map(|address| Value::Int(address.port().into())),
        Fetch::Dst => view.destination().map(|address| Value::ip(address.ip())),
        Fetch::DstPort => view.destination().map(|address| Value::Int(address.port().into())),
        Fetch::FrontendName => Some(Value::text(view.frontend.name.as_str().as_bytes())),
        Fetch::BackendName => view.backend.map(|backend| Value::text(backend.name.as_str().as_bytes())),
        Fetch::ServerName => view.server.map(|server| Value::text(server.name.as_str().as_bytes())),
        Fetch::UsableServers => process::usable_servers(arguments.name(0), view),
        Fetch::WaitEnd => Some(Value::Bool(view.whole)),
        Fetch::FirstRequest => Some(Value::Bool(view.first)),
        Fetch::Method => view.request.as_ref().map(|request| Value::Method(request.method.into())),
        Fetch::Path => http::path(view),
        Fetch::PathQuery => http::path_query(view),
        Fetch::Query => http::query(view),
        Fetch::Url => view.request.as_ref().map(|request| Value::text(request.target)),
        Fetch::UrlParameter => http::url_parameter(&arguments, view),
        Fetch::RequestVersion => view.request.as_ref().map(|request| Value::text(request.version.as_bytes())),
        Fetch::RequestHeader => http::header(http::request(view)?, &arguments),
        Fetch::RequestHeaderCount => http::header_count(http::request(view)?, &arguments),
        Fetch::RequestFullHeader => http::full_header(http::request(view)?, &arguments),
        Fetch::RequestHeaderIp => http::header_ip(http::request(view)?, &arguments),
        Fetch::RequestHeaderValue => http::header_value(http::request(view)?, &arguments),
        Fetch::RequestCookie => http::request_cookie(http::request(view)?, &arguments),
        Fetch::Status => view.response.as_ref().map(|response| Value::Int(response.status.into())),
        Fetch::ResponseHeader => http::header(http::response(view)?, &arguments),
        Fetch::ResponseHeaderCount => http::header_count(http::response(view)?, &arguments),
        Fetch::Header => http::header(http::response(view).or_else(|| http::request(view))?, &arguments),
    }
}

/// The arguments of a fetch or a converter, as evaluation asks for them.
pub(crate) struct Arguments<'a>(pub(crate) &'a [Argument]);

impl<'a> Arguments<'a> {
    /// A text; `None` where there is none or an empty one.
    pub(crate) fn text(&self, at: usize) -> Option<&'a str> {
        match self.0.get(at) {
            Some(Argument::Text(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// An integer.
    pub(crate) fn int(&self, at: usize) -> Option<i64> {
        match self.0.get(at) {
            Some(Argument::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// The name of a proxy or of a table.
    pub(crate) fn name(&self, at: usize) -> Option<&'a regate_proto::model::Name> {
        match self.0.get(at) {
            Some(Argument::Name(name)) => Some(name),
            _ => None,
        }
    }
}
