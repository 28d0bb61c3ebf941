//! What rules do with the entries of stick tables, as it is carried out.

use regate_proto::model::{DataType, Mode, Name};
use regate_proto::rules::tracking::Amount;
use regate_proto::rules::{RuleSet, Stick, StickKind, Tally, Track};

use super::condition::Acls;
use super::{ConditionPlan, Place, SamplePlan};
use crate::live::Life;

/// An entry that is held from now on.
#[derive(Debug)]
pub struct TrackPlan {
    /// The number of the tracker.
    pub tracker: u8,
    /// What the key is.
    pub key: SamplePlan,
    /// The table.
    pub table: Name,
    /// Where it was found last.
    pub place: Place,
    /// How long the entry is held.
    pub life: Life,
    /// Whether an HTTP request is counted at once, which is under way already.
    pub request: bool,
}

/// A value of a tracked entry that is changed.
#[derive(Debug)]
pub struct TallyPlan {
    /// What is changed.
    pub data: DataType,
    /// Which of the elements of an array.
    pub element: u8,
    /// The number of the tracker that holds the entry.
    pub tracker: u8,
    /// Whether the amount is added; otherwise it is written.
    pub adds: bool,
    /// How much.
    pub amount: AmountPlan,
}

/// A number, or a sample that gives one.
#[derive(Debug)]
pub enum AmountPlan {
    /// This one.
    Fixed(u32),
    /// A sample.
    Sample(SamplePlan),
}

/// Which server the clients of a backend stay with.
#[derive(Debug)]
pub struct StickPlan {
    /// When it is looked at, and what for.
    pub kind: StickKind,
    /// What the key is.
    pub key: SamplePlan,
    /// The table.
    pub table: Name,
    /// Where it was found last.
    pub place: Place,
    /// When.
    pub condition: Option<ConditionPlan>,
}

impl TrackPlan {
    /// Compiles a rule of this set; the table of the proxy at hand must be named by now.
    pub(super) fn compile(set: RuleSet, mode: Mode, track: &Track) -> Result<TrackPlan, String> {
        let early = matches!(set, RuleSet::TcpConnection | RuleSet::TcpSession);
        Ok(TrackPlan {
            tracker: track.tracker,
            key: SamplePlan::compile(&track.key)?,
            table: named(track.table.as_ref())?,
            place: Place::default(),
            life: if early { Life::Session } else { Life::Stream },
            request: !early && mode == Mode::Http,
        })
    }
}

impl TallyPlan {
    /// Compiles an action.
    pub(super) fn compile(tally: &Tally) -> Result<TallyPlan, String> {
        Ok(TallyPlan {
            data: tally.data,
            element: tally.element,
            tracker: tally.tracker,
            adds: tally.adds,
            amount: AmountPlan::compile(&tally.amount)?,
        })
    }
}

impl AmountPlan {
    /// Compiles a number.
    pub(super) fn compile(amount: &Amount) -> Result<AmountPlan, String> {
        Ok(match amount {
            Amount::Fixed(number) => AmountPlan::Fixed(*number),
            Amount::Sample(sample) => AmountPlan::Sample(SamplePlan::compile(sample)?),
        })
    }
}

impl StickPlan {
    /// Compiles a rule; the table of the backend at hand must be named by now.
    pub(super) fn compile(stick: &Stick, acls: &mut Acls<'_>) -> Result<StickPlan, String> {
        Ok(StickPlan {
            kind: stick.kind,
            key: SamplePlan::compile(&stick.key)?,
            table: named(stick.table.as_ref())?,
            place: Place::default(),
            condition: acls.maybe(stick.condition.as_ref())?,
        })
    }
}

fn named(table: Option<&Name>) -> Result<Name, String> {
    table.cloned().ok_or_else(|| "it names no table".to_owned())
}
