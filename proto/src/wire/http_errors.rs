//! Error pages that proxies share.

use super::frontend::model_error_pages;
use super::{field, v1};
use crate::model::{ErrorReply, HttpErrors};
use crate::problem::Problem;

impl From<&HttpErrors> for v1::HttpErrors {
    fn from(row: &HttpErrors) -> Self {
        v1::HttpErrors {
            name: row.name.to_string(),
            order: row.order,
            pages: row.pages.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::HttpErrors> for HttpErrors {
    type Error = Problem;

    fn try_from(row: v1::HttpErrors) -> Result<Self, Problem> {
        let pages = model_error_pages("pages", row.pages)?;
        let is_own =
            |reply: &ErrorReply| matches!(reply, ErrorReply::File { .. } | ErrorReply::Location { .. });
        if let Some(at) = pages.iter().position(|page| !is_own(&page.reply)) {
            let text = "a whole message or a redirection is expected in shared pages";
            return Err(field::malformed(&format!("pages[{at}].reply"), text));
        }
        Ok(HttpErrors { name: field::name("name", &row.name)?, order: row.order, pages })
    }
}
