//! Samples as they are evaluated: with what can be worked out beforehand.

use regate_proto::rules::{Argument, Converter, Fetch, Kind, Sample};
use regex::bytes::Regex;

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
    /// The regular expression among the arguments.
    pub regex: Option<Regex>,
}

impl SamplePlan {
    /// Compiles a sample; the reason where it cannot be evaluated.
    pub fn compile(sample: &Sample) -> Result<SamplePlan, String> {
        let steps: Result<Box<[StepPlan]>, String> = sample
            .conversions
            .iter()
            .map(|conversion| {
                let regex = conversion.arguments.iter().find_map(|argument| match argument {
                    Argument::Regex(text) => Some(Regex::new(text).map_err(|error| error.to_string())),
                    _ => None,
                });
                Ok(StepPlan {
                    converter: conversion.row.converter,
                    input: conversion.row.input,
                    arguments: conversion.arguments.clone().into(),
                    regex: regex.transpose()?,
                })
            })
            .collect();
        Ok(SamplePlan {
            fetch: sample.fetch(),
            arguments: sample.arguments.clone().into(),
            steps: steps?,
            kind: sample.kind(),
        })
    }
}
