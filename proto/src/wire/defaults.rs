//! Named sets of settings.

use super::{field, v1};
use crate::model::Defaults;
use crate::problem::Problem;

impl From<&Defaults> for v1::Defaults {
    fn from(defaults: &Defaults) -> Self {
        v1::Defaults {
            name: defaults.name.to_string(),
            order: defaults.order,
            from: defaults.from.as_ref().map(ToString::to_string),
            disabled: defaults.disabled,
            frontend: field::unless_default(&*defaults.frontend),
            backend: field::unless_default(&*defaults.backend),
        }
    }
}

impl TryFrom<v1::Defaults> for Defaults {
    type Error = Problem;

    fn try_from(defaults: v1::Defaults) -> Result<Self, Problem> {
        Ok(Defaults {
            name: field::name("name", &defaults.name)?,
            order: defaults.order,
            from: field::optional_name("from", defaults.from)?,
            disabled: defaults.disabled,
            frontend: Box::new(field::defaulted("frontend", defaults.frontend)?),
            backend: Box::new(field::defaulted("backend", defaults.backend)?),
        })
    }
}
