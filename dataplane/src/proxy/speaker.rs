//! What checks say that only the moment knows: texts of formats and values of samples, with the check's variables.

use std::cell::Cell;

use regate_proto::rules::{Kind, Variable};

use super::log::Purpose;
use super::worker::Worker;
use crate::check::standing::Place;
use crate::check::{self, Answer, Came, Read, ValuePlan, Voice};
use crate::fetch::{Facts, Headers, Response, View, evaluate};
use crate::live::Variables;
use crate::sample::Value;
use crate::snapshot::{FormatPlan, SamplePlan};

/// Evaluates for one check of a server.
pub(super) struct Speaker<'a> {
    worker: &'a Worker,
    place: Place<'a>,
    variables: Variables,
}

impl<'a> Speaker<'a> {
    /// For a check that begins, without variables of its own.
    pub(super) fn new(worker: &'a Worker, place: Place<'a>) -> Speaker<'a> {
        Speaker { worker, place, variables: Variables::new(worker.shared.live.variables.clone()) }
    }

    fn with_view<T>(&self, came: Came<'_>, look: impl FnOnce(&View<'_>) -> T) -> T {
        let answer = match came.http.then(|| check::read(came.bytes, came.closed)) {
            Some(Read::Answer(answer)) => Some(answer),
            _ => None,
        };
        let headers = answer.as_ref().map(Said);
        let response = answer.as_ref().zip(headers.as_ref()).map(|(answer, headers)| Response {
            status: answer.status,
            version: std::str::from_utf8(answer.version).unwrap_or_default(),
            reason: answer.reason,
            headers,
            body: &answer.body,
            body_length: answer.complete.then_some(answer.body.len() as u64),
            came: 0,
        });
        look(&View {
            snapshot: self.place.snapshot,
            live: self.place.live,
            now: self.worker.now(),
            frontend: None,
            backend: Some(self.place.backend),
            server: Some(self.place.server),
            source: None,
            destination: &|| None,
            bind_id: 0,
            request: None,
            response,
            payload: &[],
            opening: None,
            whole: came.closed,
            first: true,
            variables: &self.variables,
            answer: came.bytes,
            undecided: &Cell::new(false),
            connection: &(),
            facts: Facts { worker: self.worker.index, ..Facts::default() },
        })
    }

    fn filled(&self, purpose: Purpose, format: &FormatPlan, came: Came<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        self.with_view(came, |view| {
            self.worker.log.fill(&mut out, format, purpose, self.place.backend.mode, None, Some(view));
        });
        out
    }
}

impl Voice for Speaker<'_> {
    fn text(&self, format: &FormatPlan, came: Came<'_>) -> Vec<u8> {
        self.filled(Purpose::Message, format, came)
    }

    fn number(&self, sample: &SamplePlan, came: Came<'_>) -> Option<u32> {
        let value = self.with_view(came, |view| evaluate(sample, view)?.cast(Kind::Int)?.as_int());
        value.and_then(|number| u32::try_from(number).ok())
    }

    fn set(&self, variable: &Variable, value: Option<&ValuePlan>, came: Came<'_>) {
        let value = match value {
            Some(ValuePlan::Sample(sample)) => {
                self.with_view(came, |view| evaluate(sample, view).map(Value::into_owned))
            }
            Some(ValuePlan::Text(format)) => Some(Value::text(self.filled(Purpose::Value, format, came))),
            None => None,
        };
        match value {
            Some(value) => self.variables.set(variable, value),
            None => self.variables.unset(variable),
        }
    }
}

/// The headers of an answer.
struct Said<'a>(&'a Answer<'a>);

impl Headers for Said<'_> {
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>> {
        let Said(answer) = self;
        answer.headers.get(position).map(|(name, value)| Some((*name, *value)))
    }
}
