//! Variables of rules (configuration manual 2.8).

use std::fmt;
use std::sync::Arc;

use super::Mistake;

/// How long a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// As long as the process.
    Process,
    /// As long as the client's connection.
    Session,
    /// One request with its response.
    Transaction,
    /// While the request is processed.
    Request,
    /// While the response is processed.
    Response,
    /// One health check.
    Check,
}

/// A variable: its scope and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable {
    /// How long it lives.
    pub scope: Scope,
    /// What it is called within its scope.
    pub name: Arc<str>,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 6] =
        [Scope::Process, Scope::Session, Scope::Transaction, Scope::Request, Scope::Response, Scope::Check];

    /// Its prefix, without the point.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Process => "proc",
            Scope::Session => "sess",
            Scope::Transaction => "txn",
            Scope::Request => "req",
            Scope::Response => "res",
            Scope::Check => "check",
        }
    }
}

impl Variable {
    /// Reads `txn.name`. The name is of letters, digits, `_` and `.`.
    pub fn parse(text: &str) -> Result<Variable, Mistake> {
        let help = "'proc.', 'sess.', 'txn.', 'req.', 'res.' or 'check.' and a name are expected";
        let Some((prefix, name)) = text.split_once('.') else {
            return Err(Mistake::new(0, format!("'{text}' is no variable")).expecting(help));
        };
        let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.word() == prefix) else {
            return Err(Mistake::new(0, format!("'{prefix}' is no scope of variables")).expecting(help));
        };
        let wrong = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        match wrong {
            Some(at) => {
                Err(Mistake::new(prefix.len() + 1 + at, format!("'{name}' is no name of a variable"))
                    .expecting("letters, digits, '_' and '.' are accepted"))
            }
            None if name.is_empty() => {
                Err(Mistake::new(text.len(), "the variable has no name").expecting(help))
            }
            None => Ok(Variable { scope, name: Arc::from(name) }),
        }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.word(), self.name)
    }
}
