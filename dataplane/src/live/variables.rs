//! The variables that rules set and samples read (configuration manual 2.8).

use std::cell::RefCell;
use std::sync::Arc;

use parking_lot::RwLock;
use regate_proto::rules::{Scope, Variable};

use super::Trackers;
use crate::sample::Value;

/// Variables that live as long as the process.
#[derive(Debug, Default)]
pub struct ProcessVariables(RwLock<Vec<(Arc<str>, Value<'static>)>>);

/// The variables that a stream sees.
#[derive(Debug, Default)]
pub struct Variables {
    /// The entries of stick tables that rules hold.
    pub trackers: Trackers,
    own: RefCell<Vec<(Variable, Value<'static>)>>,
    process: Arc<ProcessVariables>,
}

impl ProcessVariables {
    /// A variable's value.
    pub fn value(&self, name: &str) -> Option<Value<'static>> {
        self.0.read().iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone())
    }

    /// Gives a variable a value, or none.
    pub fn set(&self, name: &Arc<str>, value: Option<Value<'static>>) {
        let mut all = self.0.write();
        all.retain(|(known, _)| known != name);
        all.extend(value.map(|value| (name.clone(), value)));
    }
}

impl Variables {
    /// Variables of a session that has just begun.
    pub fn new(process: Arc<ProcessVariables>) -> Variables {
        Variables { trackers: Trackers::default(), own: RefCell::default(), process }
    }

    /// A variable's value.
    pub fn value<'a>(&self, variable: &Variable) -> Option<Value<'a>> {
        if variable.scope == Scope::Process {
            return self.process.value(&variable.name);
        }
        self.own.borrow().iter().find(|(known, _)| known == variable).map(|(_, value)| value.clone())
    }

    /// Gives a variable a value.
    pub fn set(&self, variable: &Variable, value: Value<'static>) {
        if variable.scope == Scope::Process {
            return self.process.set(&variable.name, Some(value));
        }
        let mut own = self.own.borrow_mut();
        match own.iter_mut().find(|(known, _)| known == variable) {
            Some((_, old)) => *old = value,
            None => own.push((variable.clone(), value)),
        }
    }

    /// Takes a variable's value away.
    pub fn unset(&self, variable: &Variable) {
        match variable.scope {
            Scope::Process => self.process.set(&variable.name, None),
            _ => self.own.borrow_mut().retain(|(known, _)| known != variable),
        }
    }

    /// A phase is over: forgets the variables that lived as long as it.
    pub fn forget(&self, scopes: &[Scope]) {
        let mut own = self.own.borrow_mut();
        if !own.is_empty() {
            own.retain(|(known, _)| !scopes.contains(&known.scope));
        }
    }
}
