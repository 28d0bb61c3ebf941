//! What became of a set of changes, and digests.

use super::{field, v1};
use crate::problem::Problem;
use crate::state::{Applied, Digest, Outcome};

impl From<&Applied> for v1::Applied {
    fn from(applied: &Applied) -> Self {
        v1::Applied {
            revision: applied.revision.0,
            outcomes: applied.outcomes.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Outcome> for v1::Outcome {
    fn from(outcome: &Outcome) -> Self {
        v1::Outcome { changed: outcome.changed, before: outcome.before.as_ref().map(Into::into) }
    }
}

impl TryFrom<v1::Outcome> for Outcome {
    type Error = Problem;

    fn try_from(outcome: v1::Outcome) -> Result<Self, Problem> {
        Ok(Outcome { changed: outcome.changed, before: field::optional("before", outcome.before)? })
    }
}

impl From<Digest> for v1::Digest {
    fn from(digest: Digest) -> Self {
        let [
            global,
            defaults,
            frontends,
            binds,
            backends,
            servers,
            resolvers,
            lists,
            entries,
            userlists,
            rings,
            http_errors,
        ] = digest.kinds;
        let overlays = digest.overlays;
        v1::Digest {
            global,
            defaults,
            frontends,
            binds,
            backends,
            servers,
            overlays,
            resolvers,
            lists,
            entries,
            userlists,
            rings,
            http_errors,
        }
    }
}

impl From<v1::Digest> for Digest {
    fn from(digest: v1::Digest) -> Self {
        let v1::Digest {
            global,
            defaults,
            frontends,
            binds,
            backends,
            servers,
            overlays,
            resolvers,
            lists,
            entries,
            userlists,
            rings,
            http_errors,
        } = digest;
        Digest {
            kinds: [
                global,
                defaults,
                frontends,
                binds,
                backends,
                servers,
                resolvers,
                lists,
                entries,
                userlists,
                rings,
                http_errors,
            ],
            overlays,
        }
    }
}
