//! The last malformed message of a proxy, as it came.

use std::net::SocketAddr;
use std::time::SystemTime;

use parking_lot::Mutex;
use regate_proto::model::Name;

/// What is kept of the last malformed request of a frontend, or response of a backend: one message, of the size of a
/// buffer at most.
#[derive(Debug, Default)]
pub struct Exhibit(Mutex<Option<Box<Malformed>>>);

/// A malformed message.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// Its place among all of the process, from 0.
    pub event: u64,
    /// When the mistake showed.
    pub at: SystemTime,
    /// The proxy on the other side: its name and its number.
    pub other: Option<(Name, u32)>,
    /// The server, with its number.
    pub server: Option<(Name, u32)>,
    /// The client's address.
    pub source: Option<SocketAddr>,
    /// What had come of it.
    pub content: Box<[u8]>,
    /// Where in the content the mistake shows.
    pub position: usize,
    /// Bytes before the content that had gone on already.
    pub skipped: u64,
    /// What was being read.
    pub part: Part,
    /// What was expected instead, in a few words.
    pub expected: &'static str,
    /// Bytes of the buffer that the content left free.
    pub room: usize,
}

/// A part of a message, of which one is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The method of a request, or the version of a response.
    Start,
    /// The target.
    Target,
    /// The version of a request.
    Version,
    /// The status.
    Status,
    /// The reason phrase.
    Phrase,
    /// The end of the first line.
    LineEnd,
    /// The beginning of a field line.
    FieldStart,
    /// The name of a field.
    FieldName,
    /// A byte in the value of a field.
    FieldValue,
    /// The end of a field line.
    FieldEnd,
    /// What a field says as a whole.
    Field,
    /// The head as a whole.
    Head,
    /// How the body is framed.
    Framing,
    /// The size of a chunk.
    ChunkSize,
    /// The end of a chunk.
    ChunkEnd,
    /// The trailers.
    Trailers,
}

impl Exhibit {
    /// Keeps a message in the place of the one before.
    pub fn show(&self, malformed: Malformed) {
        *self.0.lock() = Some(Box::new(malformed));
    }

    /// The message that is kept.
    pub fn look(&self) -> Option<Malformed> {
        self.0.lock().as_deref().cloned()
    }
}
