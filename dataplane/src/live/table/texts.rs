//! Texts that entries refer to by number: names and addresses of servers, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// Texts by number, from 1; 0 is no text.
#[derive(Debug, Default)]
pub(super) struct Texts(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Texts {
    /// The text with this number.
    pub fn text(&self, number: u32) -> Option<Arc<str>> {
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        self.0.read().texts.get(at).cloned()
    }

    /// The number of a text, which gets one if it has none; 0 for an empty text, and when there are too many.
    pub fn number(&self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.0.read().numbers.get(text) {
            return *number;
        }
        let mut known = self.0.write();
        if let Some(number) = known.numbers.get(text) {
            return *number;
        }
        if known.texts.len() >= MOST {
            return 0;
        }
        let text: Arc<str> = Arc::from(text);
        known.texts.push(text.clone());
        let number = known.texts.len() as u32;
        known.numbers.insert(text, number);
        number
    }
}

/// Texts of a table: names of servers, of which there are far fewer.
const MOST: usize = 1 << 20;
