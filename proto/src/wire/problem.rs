//! Problems and refusals.

use super::choice::Choice;
use super::{field, v1};
use crate::model::Subject;
use crate::problem::{Code, Problem};

impl From<&Problem> for v1::Problem {
    fn from(problem: &Problem) -> Self {
        v1::Problem {
            index: problem.index,
            code: problem.code.number(),
            subject: problem.subject.as_ref().map(Into::into),
            detail: problem.detail.clone(),
        }
    }
}

impl TryFrom<v1::Problem> for Problem {
    type Error = Problem;

    fn try_from(problem: v1::Problem) -> Result<Self, Problem> {
        Ok(Problem {
            index: problem.index,
            code: field::required_choice::<Code>("code", problem.code)?,
            subject: field::optional::<_, Subject>("subject", problem.subject)?,
            detail: problem.detail,
        })
    }
}

impl From<&[Problem]> for v1::Refused {
    fn from(problems: &[Problem]) -> Self {
        v1::Refused { problems: problems.iter().map(Into::into).collect() }
    }
}

/// The reasons of a refusal. One that is not understood stands there with what is wrong with it.
impl From<v1::Refused> for Vec<Problem> {
    fn from(refused: v1::Refused) -> Self {
        let read = |problem| Problem::try_from(problem).unwrap_or_else(|flaw| flaw);
        refused.problems.into_iter().map(read).collect()
    }
}
