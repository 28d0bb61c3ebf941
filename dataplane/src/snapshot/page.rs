//! Statistics pages as the data path reads them.

use regate_proto::model::StatisticsPage;

use super::ConditionPlan;
use super::rules::RulePlan;

/// A statistics page.
#[derive(Debug)]
pub struct PagePlan {
    /// What it shows.
    pub page: StatisticsPage,
    /// Who may look.
    pub rules: Box<[RulePlan]>,
    /// Who may change something.
    pub admin: Box<[ConditionPlan]>,
}
