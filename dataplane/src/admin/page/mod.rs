//! What the data path cannot answer by itself: statistics pages, and what is counted, for Prometheus.
//!
//! Takes the questions of the workers ([`crate::inquiry`]), reads the state and what is observed, and answers in
//! pieces. A page is made while it is sent, so that ten thousand servers cost neither a worker's time nor memory.
//! It changes nothing but by [`Context::apply`]. Read next: `options.rs`, `html.rs`, `actions.rs`.

mod actions;
mod html;
mod metrics;
mod options;

use std::sync::Arc;

use regate_proto::model::PageScope;
use regate_proto::statistics::{Form, Rows, schema};
use regate_proto::wire::v1::{StatisticsKind, StatisticsRow};
use tokio::sync::{Semaphore, mpsc};

use self::options::{Notation, Options};
use super::{Context, statistics};
use crate::inquiry::{Asked, Body, Inquiry, PageRequest, Piece};

pub(super) use metrics::listen;

/// Answers questions until nobody asks any more.
pub(super) async fn serve(context: Arc<Context>, mut inquiries: mpsc::Receiver<Inquiry>) {
    let busy = Arc::new(Semaphore::new(MOST_ANSWERS));
    while let Some(inquiry) = inquiries.recv().await {
        let Ok(turn) = busy.clone().acquire_owned().await else { return };
        let context = context.clone();
        tokio::spawn(async move {
            let sheet = Sheet { text: String::new(), answer: inquiry.answer };
            // Nobody waits for what is left of an answer when the client has gone.
            let _ = match inquiry.asked {
                Asked::Page(request) => page(&context, &request, sheet).await,
                Asked::Metrics(query) => metrics::answer(&context, &query, sheet).await,
            };
            drop(turn);
        });
    }
}

/// The client has gone.
struct Gone;

/// An answer that is being written.
struct Sheet {
    /// What is not sent yet.
    text: String,
    answer: mpsc::Sender<Piece>,
}

impl Sheet {
    async fn head(&self, status: u16, lines: String, body: Body) -> Result<(), Gone> {
        let head = Piece::Head { status, lines: lines.into_bytes(), body };
        self.answer.send(head).await.map_err(|_| Gone)
    }

    /// A head, and a short body whose length it says.
    async fn whole(self, status: u16, lines: String, body: &str) -> Result<(), Gone> {
        let head = Piece::Head { status, lines: lines.into_bytes(), body: Body::Counted };
        self.answer.send(head).await.map_err(|_| Gone)?;
        self.answer.send(Piece::Body(body.as_bytes().to_vec())).await.map_err(|_| Gone)?;
        self.answer.send(Piece::End).await.map_err(|_| Gone)
    }

    /// Sends what has been written, once it is worth it.
    async fn spill(&mut self) -> Result<(), Gone> {
        if self.text.len() < ENOUGH { Ok(()) } else { self.send().await }
    }

    async fn send(&mut self) -> Result<(), Gone> {
        let text = std::mem::take(&mut self.text);
        // Other work of the admin side gets its turn, also where the client is fast.
        tokio::task::yield_now().await;
        self.answer.send(Piece::Body(text.into_bytes())).await.map_err(|_| Gone)
    }

    async fn end(mut self) -> Result<(), Gone> {
        self.send().await?;
        self.answer.send(Piece::End).await.map_err(|_| Gone)
    }
}

/// Answers a request for a page.
async fn page(context: &Arc<Context>, request: &PageRequest, mut sheet: Sheet) -> Result<(), Gone> {
    let page = &request.plan.page;
    let options = Options::parse(&request.target, page.prefix());
    if request.form.is_some() {
        let outcome = Some(actions::act(context, request).await);
        let location = Options { outcome, notation: Notation::Html, ..options }.link(page.prefix());
        let lines = format!(
            "cache-control: no-cache\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nlocation: {location}\r\n"
        );
        return sheet.head(303, lines, Body::Nothing).await;
    }
    let kind = match options.notation {
        Notation::Html => "text/html",
        Notation::Csv | Notation::Typed => "text/plain",
        Notation::Json | Notation::Schema => "application/json",
    };
    let refresh = page.refresh.filter(|_| options.refresh);
    let refresh = refresh.map_or_else(String::new, |span| format!("refresh: {}\r\n", span.get() / 1000));
    sheet
        .head(200, format!("cache-control: no-cache\r\ncontent-type: {kind}\r\n{refresh}"), Body::Endless)
        .await?;
    let form = match options.notation {
        Notation::Html => return html::write(context, request, &options, sheet).await,
        Notation::Schema => {
            sheet.text = schema();
            return sheet.end().await;
        }
        Notation::Csv => Form::Csv,
        Notation::Typed => Form::Typed,
        Notation::Json => Form::Json,
    };
    let mut rows = Rows::new(form).hiding(options.hidden);
    rows.begin(&mut sheet.text);
    for row in shown(context, request, &options, &[]) {
        rows.row(&row, &mut sheet.text);
        sheet.spill().await?;
    }
    rows.end(&mut sheet.text);
    sheet.end().await
}

/// The rows that a page shows, of these kinds or of all.
fn shown<'r>(
    context: &Arc<Context>,
    request: &'r PageRequest,
    options: &'r Options,
    kinds: &[StatisticsKind],
) -> impl Iterator<Item = StatisticsRow> + Send + use<'r> {
    rows(context, kinds, request.plan.page.legends)
        .filter(move |row| options.covers(&row.proxy) && is_in_scope(request, &row.proxy))
}

/// Every row of these kinds, or of all.
fn rows(
    context: &Arc<Context>,
    kinds: &[StatisticsKind],
    addresses: bool,
) -> impl Iterator<Item = StatisticsRow> + Send + use<> {
    let live = context.live.clone();
    let rows = context.store.read(|current| {
        let global = current.state.global();
        let wanted = statistics::Wanted {
            proxy_id: None,
            proxy: None,
            kinds: kinds.to_vec(),
            service_id: None,
            addresses,
            maxconn: context.maxconn(&global),
        };
        statistics::rows(current, live, wanted)
    });
    // Only a proxy that is asked for by its name can be missing.
    rows.into_iter().flatten()
}

/// Whether a page may show this proxy.
fn is_in_scope(request: &PageRequest, proxy: &str) -> bool {
    let scopes = &request.plan.page.scopes;
    let is = |scope: &PageScope| match scope {
        PageScope::Own => request.proxy.as_str() == proxy,
        PageScope::Named(name) => name == proxy,
    };
    scopes.is_empty() || scopes.iter().any(is)
}

/// Answers that are made at a time; further questions wait.
const MOST_ANSWERS: usize = 8;

/// Bytes of an answer that are worth being sent.
const ENOUGH: usize = 32 << 10;
