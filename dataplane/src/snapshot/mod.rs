//! What the data path reads: one immutable value per revision, compiled from the state.
//!
//! Pure: [`compile()`] opens nothing and waits for nothing, except that it resolves host names of servers that have
//! no address yet. What
//! was not touched by a change is shared with the snapshot before.

mod backend;
mod checks;
mod compile;
mod condition;
mod format;
mod frontend;
mod index;
mod lists;
mod logging;
mod manner;
mod naming;
mod page;
mod persistence;
mod rules;
mod sample;
mod tables;
mod tracking;

use std::collections::HashMap;
use std::sync::Arc;

use regate_proto::change::Revision;
use regate_proto::model::{Global, Name, Resolvers, Ring, Userlist};

// What plans are asked by.
pub use crate::balance::{Asker, Key, UNITS, address_of_cookie, may_open_with_cookie};
pub use backend::{BackendPlan, ServerPlan, Target};
pub use checks::{CheckPlan, ServerCheckPlan};
pub use compile::{compile, foresee_transition, note_transition};
pub use condition::{ConditionPlan, CriterionPlan, Patterns, TermPlan};
pub use format::{Encoding, FieldPlan, FormatPlan, Needs, Source, Step};
pub use frontend::{BindPlan, CapturePlan, ErrorPages, ForwardPlan, FrontendPlan, Page, SharedPages};
pub use index::Named;
pub use lists::{ListPlan, Lists, Turnover};
pub use logging::{LineFormat, LogPlan, LogRoute};
pub use manner::ServerManner;
pub use naming::Naming;
pub use page::PagePlan;
pub use persistence::CookiePlan;
pub use rules::{
    ActionPlan, ContentPlan, ListEditPlan, PatiencePlan, RedirectPlan, ReplyPlan, ResolvePlan, RoutePlan,
    RulePlan, RulesPlan, TargetPlan,
};
pub use sample::{SamplePlan, StepPlan};
pub use tables::{Place, TablePlan, Tables};
pub use tracking::{AmountPlan, StickPlan, TallyPlan, TrackPlan};

/// Everything that traffic needs to know, at one revision.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The revision of the state that it was compiled from.
    pub revision: Revision,
    /// The process-wide settings.
    pub global: Arc<Global>,
    /// The connection limit of the process before it was changed by hand; frontends without one keep to it.
    pub initial_maxconn: Option<u32>,
    /// Frontends that listen or may listen.
    pub frontends: HashMap<Name, Arc<FrontendPlan>>,
    /// Backends that may be routed to.
    pub backends: HashMap<Name, Arc<BackendPlan>>,
    /// Stick tables, by the name of their proxy.
    pub tables: Arc<Tables>,
    /// Those who resolve host names, in the order of listings.
    pub resolvers: Arc<[Arc<Resolvers>]>,
    /// Lists of patterns.
    pub lists: Lists,
    /// The lists of users.
    pub userlists: Arc<[Arc<Userlist>]>,
    /// Error pages that proxies share.
    pub http_errors: Arc<SharedPages>,
    /// Buffers of log lines, in the order of listings.
    pub rings: Arc<[Arc<Ring>]>,
}

impl Snapshot {
    /// Whether rules may lead to a backend of this name. One that is not there is nobody's to refuse.
    pub fn may_choose(&self, name: &Name) -> bool {
        self.backends.get(name).is_none_or(|backend| backend.published)
    }
}
