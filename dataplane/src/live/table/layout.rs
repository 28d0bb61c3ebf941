//! Where in an entry's words each kind of data stands.
//!
//! Pure. An entry is a row of 32-bit words: a head of the shard's own, the key, then the data in the order in which it
//! is shown. Nothing is kept for what a table does not store.

use regate_proto::model::{DataForm, DataType, Stored, Table, TableKey};

/// Where everything of an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What its keys are.
    pub key: TableKey,
    /// What it keeps, in the order in which it is shown.
    pub store: Vec<Stored>,
    /// The first word of each kind, in the order of [`DataType::ALL`]; absent for what is not stored.
    offsets: [Option<u16>; DataType::ALL.len()],
    /// How many elements each kind has.
    elements: [u8; DataType::ALL.len()],
    /// The period of each rate.
    periods: [u32; DataType::ALL.len()],
    key_words: usize,
    words: usize,
    /// What each kind without an index means.
    meant: [Option<Spot>; DataType::ALL.len()],
}

/// Where one value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its first word.
    pub at: usize,
    /// How it is kept.
    pub form: DataForm,
    /// The period of a rate, in milliseconds.
    pub period: u32,
}

impl Layout {
    /// The layout of a table's entries.
    pub fn of(table: &Table) -> Layout {
        let key_words = key_words(table.key);
        let mut layout = Layout {
            key: table.key,
            store: table.store.clone(),
            offsets: [None; DataType::ALL.len()],
            elements: [0; DataType::ALL.len()],
            periods: [0; DataType::ALL.len()],
            key_words,
            words: HEAD + key_words,
            meant: [None; DataType::ALL.len()],
        };
        for stored in &table.store {
            let at = stored.data as usize;
            // A key has at most 2^14 words and the data at most some hundreds: both fit.
            layout.offsets[at] = u16::try_from(layout.words).ok();
            layout.elements[at] = stored.elements;
            layout.periods[at] = stored.period.map_or(0, |span| span.get());
            layout.words += width(stored.data.form()) * usize::from(stored.elements);
        }
        for data in DataType::ALL {
            layout.meant[data as usize] = layout.find(data, 0);
        }
        layout
    }

    /// Words of an entry.
    pub fn words(&self) -> usize {
        self.words
    }

    /// The words of the key.
    pub fn key_range(&self) -> std::ops::Range<usize> {
        HEAD..HEAD + self.key_words
    }

    /// Where an element of a kind stands, exactly as it is stored.
    pub fn spot(&self, data: DataType, element: u8) -> Option<Spot> {
        let at = data as usize;
        let first = self.offsets[at].filter(|_| element < self.elements[at])?;
        let form = data.form();
        let at_word = usize::from(first) + usize::from(element) * width(form);
        Some(Spot { at: at_word, form, period: self.periods[at] })
    }

    /// Where a kind stands; the first elements of the arrays stand for the kinds without an index
    /// (configuration manual 4.2 "stick-table", gpt and gpc).
    pub fn meant(&self, data: DataType, element: u8) -> Option<Spot> {
        // Most of what is counted is kept by no table.
        let first = self.meant[data as usize]?;
        if element == 0 { Some(first) } else { self.find(data, element) }
    }

    fn find(&self, data: DataType, element: u8) -> Option<Spot> {
        let stands_for = || match data {
            DataType::Gpt0 => self.spot(DataType::Gpt, 0),
            DataType::Gpc0 => self.spot(DataType::Gpc, 0),
            DataType::Gpc1 => self.spot(DataType::Gpc, 1),
            DataType::Gpc0Rate => self.spot(DataType::GpcRate, 0),
            DataType::Gpc1Rate => self.spot(DataType::GpcRate, 1),
            _ => None,
        };
        self.spot(data, element).or_else(stands_for)
    }

    /// Every value in the order in which it is shown, with its kind and its number among the elements.
    pub fn spots(&self) -> impl Iterator<Item = (&Stored, u8, Spot)> {
        self.store.iter().flat_map(move |stored| {
            (0..stored.elements)
                .filter_map(move |element| Some((stored, element, self.spot(stored.data, element)?)))
        })
    }
}

/// Words that the shard keeps for itself before the key.
pub(super) const HEAD: usize = 7;

/// Words of one element.
pub(super) const fn width(form: DataForm) -> usize {
    match form {
        DataForm::Signed | DataForm::Count | DataForm::Text => 1,
        DataForm::Long => 2,
        DataForm::Rate => 3,
    }
}

/// Words of a key: texts have their length before them.
fn key_words(key: TableKey) -> usize {
    let bytes = |length: u32| (length as usize).div_ceil(4);
    match key {
        TableKey::Ip | TableKey::Integer => 1,
        TableKey::Ipv6 => 4,
        TableKey::String(length) => 1 + bytes(length),
        TableKey::Binary(length) => bytes(length),
    }
}
