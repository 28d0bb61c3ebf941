//! The words of a rule, taken one by one.

use super::Mistake;

/// Words that are read from the first to the last.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Words<'a> {
    /// Words that nobody has taken yet; an empty one ends them, as a missing one does.
    pub fn new(words: impl IntoIterator<Item = &'a str>) -> Words<'a> {
        Words { words: words.into_iter().collect(), next: 0 }
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied().filter(|word| !word.is_empty())
    }

    /// Takes the next word, an empty one too.
    pub fn any(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.next).copied()?;
        self.next += 1;
        Some(word)
    }

    /// Takes the next word.
    pub fn maybe(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    /// Takes the next word; refuses its absence, saying what is expected.
    pub fn take(&mut self, expected: &str) -> Result<&'a str, Mistake> {
        self.maybe().ok_or_else(|| {
            Mistake::new(0, format!("{expected} is missing"))
                .expecting(format!("{expected} is expected here"))
                .in_word(self.next)
        })
    }

    /// Takes the next word if it is this one.
    pub fn accept(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    /// The position of the next word.
    pub fn position(&self) -> usize {
        self.next
    }

    /// A mistake in the word that was taken last.
    pub fn wrong(&self, message: impl Into<String>) -> Mistake {
        Mistake::new(0, message).in_word(self.next.saturating_sub(1))
    }

    /// Places the mistake of a text in the word that was taken last.
    pub fn place<T>(&self, outcome: Result<T, Mistake>) -> Result<T, Mistake> {
        outcome.map_err(|mistake| mistake.in_word(self.next.saturating_sub(1)))
    }

    /// Refuses words that nobody took.
    pub fn finish(&self) -> Result<(), Mistake> {
        match self.peek() {
            None => Ok(()),
            Some(extra) => Err(Mistake::new(0, format!("'{extra}' is not expected here")).in_word(self.next)),
        }
    }
}
