//! What was kept of a request and its response for lines and rules.

/// What was kept of an exchange.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    /// Of the request, by place.
    pub request: Vec<Option<Box<[u8]>>>,
    /// Of the response, by place.
    pub response: Vec<Option<Box<[u8]>>>,
    /// The cookie of the request, and that of the response, as `name=value`.
    pub cookies: [Option<Box<[u8]>>; 2],
}

/// Which of the two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The request.
    Request,
    /// The response.
    Response,
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
