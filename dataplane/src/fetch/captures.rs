//! What was kept of a request and its response for lines and rules.

use std::cell::RefCell;

use regate_proto::model::Capture;

use crate::snapshot::CapturePlan;

/// What was kept of an exchange.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    /// Of the request, by place.
    pub request: Vec<Option<Box<[u8]>>>,
    /// Of the response, by place.
    pub response: Vec<Option<Box<[u8]>>>,
    /// The cookie of the request, and that of the response, as `name=value`.
    pub cookies: [Option<Box<[u8]>>; 2],
    /// What samples kept while they were evaluated, and is not in its place yet.
    fresh: RefCell<Vec<Fresh>>,
}

/// Of which message, for which place, what.
type Fresh = (Side, usize, Box<[u8]>);

/// Which of the two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The request.
    Request,
    /// The response.
    Response,
}

impl Side {
    /// The places that a frontend has for values of this message, in order.
    pub fn slots(self, plan: &CapturePlan) -> &[Capture] {
        match self {
            Side::Request => &plan.request,
            Side::Response => &plan.response,
        }
    }
}

impl Captures {
    /// Keeps something in a place, cut to its length.
    pub fn keep(&mut self, side: Side, place: usize, value: &[u8], length: u32) {
        let slots = match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        };
        if slots.len() <= place {
            slots.resize(place + 1, None);
        }
        if let Some(slot) = slots.get_mut(place) {
            *slot = Some(cut(value, length));
        }
    }

    /// Keeps something in a place, cut to its length, while others look: it is in its place once [`Captures::settle`]
    /// was called.
    pub fn note(&self, side: Side, place: usize, value: &[u8], length: u32) {
        if let Ok(mut fresh) = self.fresh.try_borrow_mut() {
            fresh.push((side, place, cut(value, length)));
        }
    }

    /// Whether something was noted that is not in its place.
    pub fn has_fresh(&self) -> bool {
        !self.fresh.borrow().is_empty()
    }

    /// Puts what was noted in its place.
    pub fn settle(&mut self) {
        if self.fresh.get_mut().is_empty() {
            return;
        }
        for (side, place, value) in std::mem::take(self.fresh.get_mut()) {
            self.keep(side, place, &value, u32::MAX);
        }
    }

    /// Keeps the cookie of a message, cut to a length.
    pub fn keep_cookie(&mut self, side: Side, value: &[u8], length: u32) {
        self.cookies[side as usize] = Some(cut(value, length));
    }

    /// What was kept in a place.
    pub fn value(&self, side: Side, place: usize) -> Option<&[u8]> {
        let slots = match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        };
        slots.get(place)?.as_deref()
    }

    /// The cookie of a message.
    pub fn cookie(&self, side: Side) -> Option<&[u8]> {
        self.cookies[side as usize].as_deref()
    }
}

fn cut(value: &[u8], length: u32) -> Box<[u8]> {
    value.get(..length as usize).unwrap_or(value).into()
}
