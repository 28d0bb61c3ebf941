//! What the data path asks of the admin side: answers that need the state, or change it.
//!
//! Owns the values that travel. The data path sends an [`Inquiry`] and goes on with other connections; the admin
//! side answers in [`Piece`]s, each made when the one before it was taken, so that a long answer holds neither a
//! worker nor much memory. Read next: `proxy/service.rs`, `admin/page/mod.rs`.

use std::net::SocketAddr;
use std::sync::Arc;

use regate_proto::model::Name;
use tokio::sync::mpsc;

use crate::snapshot::PagePlan;

/// A question.
#[derive(Debug)]
pub struct Inquiry {
    /// What is asked for.
    pub asked: Asked,
    /// Where the answer goes, the [`Piece::Head`] first.
    pub answer: mpsc::Sender<Piece>,
}

/// What is asked for.
#[derive(Debug)]
pub enum Asked {
    /// The statistics page of a proxy.
    Page(PageRequest),
    /// What is counted, for Prometheus: what follows the question mark in the target.
    Metrics(Vec<u8>),
}

/// A request for a statistics page that the proxy's rules let through.
#[derive(Debug)]
pub struct PageRequest {
    /// The page.
    pub plan: Arc<PagePlan>,
    /// The proxy that has it.
    pub proxy: Name,
    /// The target from where its beginning was recognised on.
    pub target: Vec<u8>,
    /// What is to be done; absent: something is to be shown.
    pub form: Option<Form>,
    /// Whether the client may change something.
    pub admin: bool,
    /// The user that the client named.
    pub user: Option<String>,
    /// The client.
    pub client: Option<SocketAddr>,
}

/// What a client sent to have something done.
#[derive(Debug)]
pub enum Form {
    /// All of it.
    Whole(Vec<u8>),
    /// More than is taken.
    TooLong,
}

/// A piece of an answer.
#[derive(Debug)]
pub enum Piece {
    /// The status, and the lines of the head, each with its end.
    Head {
        /// The status.
        status: u16,
        /// The lines.
        lines: Vec<u8>,
        /// What follows.
        body: Body,
    },
    /// Bytes of the body.
    Body(Vec<u8>),
    /// The body is whole.
    End,
}

/// What follows the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing; the lines say so.
    Nothing,
    /// Pieces of the length that the lines say.
    Counted,
    /// Pieces whose length nobody knows yet.
    Endless,
}

/// The way to the admin side. Cheap to clone.
pub type Inquiries = mpsc::Sender<Inquiry>;

/// Questions that wait for the admin side; further ones are refused.
pub const MOST_WAITING: usize = 64;
