//! Samples as they are evaluated: with what can be worked out beforehand.

use regate_proto::rules::{Argument, Converter, Fetch, Kind, Sample};

use super::Place;
use crate::convert::Prepared;

/// A sample that can be evaluated.
#[derive(Clone, Debug)]
pub struct SamplePlan {
    /// What is fetched.
    pub fetch: Fetch,
    /// With which arguments.
    pub arguments: Box<[Argument]>,
    /// What the value goes through.
    pub steps: Box<[StepPlan]>,
    /// The type of the value.
    pub kind: Kind,
    /// Where the table that the arguments name was found last.
    pub table: Place,
}

/// A converter that can be applied.
#[derive(Clone, Debug)]
pub struct StepPlan {
    /// What it does.
    pub converter: Converter,
    /// The type that it takes.
    pub input: Kind,
    /// With which arguments.
    pub arguments: Box<[Argument]>,
    /// What of the arguments was worked out.
    pub prepared: Prepared,
}

impl SamplePlan {
    /// Compiles a sample; the reason where it cannot be evaluated.
    pub fn compile(sample: &Sample) -> Result<SamplePlan, String> {
        let steps: Result<Box<[StepPlan]>, String> = sample
            .conversions
            .iter()
            .map(|conversion| {
                Ok(StepPlan {
                    converter: conversion.row.converter,
                    input: conversion.row.input,
                    arguments: conversion.arguments.clone().into(),
                    prepared: Prepared::of(conversion)?,
                })
            })
            .collect();
        Ok(SamplePlan {
            fetch: sample.fetch(),
            arguments: sample.arguments.clone().into(),
            steps: steps?,
            kind: sample.kind(),
            table: Place::default(),
        })
    }
}
