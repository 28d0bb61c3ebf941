//! The entries of stick tables, kept over a restart; and the thread that sweeps tables and writes them down.
//!
//! A file beside the last good state, not a part of it: it is written in the background and at a stop, some entries at a
//! time, so that no request waits for it; a file that cannot be read costs nothing but the entries. What was written is
//! complete or not there: the file ends with a sum over itself.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use regate_proto::model::{DataType, Name};

use super::unix_millis;
use crate::live::table::{Cursor, Datum, Record};
use crate::live::{Kept, Live, Table};

/// The file of the entries.
#[derive(Clone, Debug)]
pub struct TablesFile {
    path: PathBuf,
}

/// The thread that looks after tables.
#[derive(Debug)]
pub struct Caretaker {
    end: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl TablesFile {
    /// The one in a node's folder.
    pub fn in_folder(folder: &Path) -> TablesFile {
        TablesFile { path: folder.join("tables") }
    }

    /// The entries that were written, by table; nothing when the file is not there or does not hold what was written.
    pub fn load(&self) -> HashMap<Name, Kept> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return HashMap::new(),
            Err(error) => {
                tracing::warn!("{}: {error}: tables begin empty", self.path.display());
                return HashMap::new();
            }
        };
        match read(&mut Summed::new(BufReader::new(file)), unix_millis()) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!("{}: {error}: tables begin empty", self.path.display());
                HashMap::new()
            }
        }
    }

    /// Writes the entries of all tables.
    pub fn save(&self, live: &Live) {
        let draft = self.path.with_extension("new");
        let written = File::create(&draft).and_then(|file| {
            let mut out = Summed::new(BufWriter::new(file));
            write(&mut out, &live.tables.all(), || live.process.now(), unix_millis())?;
            out.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
            fs::rename(&draft, &self.path)
        });
        if let Err(error) = written {
            tracing::warn!("{}: the entries of tables cannot be kept: {error}", self.path.display());
        }
    }
}

impl Caretaker {
    /// Starts it; without a file it sweeps only.
    pub fn start(live: Arc<Live>, file: Option<TablesFile>) -> io::Result<Caretaker> {
        let (end, ended) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("tables".to_owned())
            .spawn(move || look_after(&live, file.as_ref(), &ended))?;
        Ok(Caretaker { end, thread })
    }

    /// Writes the entries down once more, and ends it.
    pub fn stop(self) {
        // One that is gone needs no telling, and one that panicked has said so.
        let _ = self.end.send(());
        let _ = self.thread.join();
    }
}

fn look_after(live: &Live, file: Option<&TablesFile>, ended: &mpsc::Receiver<()>) {
    let changes = || live.tables.all().iter().map(|table| table.updates()).sum::<u64>();
    let (mut saved, mut saved_at, mut pause) = (changes(), Instant::now(), LEAST_PAUSE);
    loop {
        let last = !matches!(ended.recv_timeout(TURN), Err(RecvTimeoutError::Timeout));
        for table in live.tables.all() {
            // A bounded number under each lock; what is left is for the next turn.
            for _ in 0..SWEEPS_OF_A_TURN {
                if table.sweep(live.process.now()) {
                    break;
                }
            }
        }
        if let Some(file) = file
            && (last || saved_at.elapsed() >= pause)
        {
            let seen = changes();
            if seen != saved {
                let begun = Instant::now();
                file.save(live);
                // Large tables are written more rarely: the thread rests most of the time.
                pause = LEAST_PAUSE.max(begun.elapsed().saturating_mul(REST));
                saved = seen;
            }
            saved_at = Instant::now();
        }
        if last {
            return;
        }
    }
}

/// Writes or reads, and sums what passes.
struct Summed<S> {
    inner: S,
    sum: crc32fast::Hasher,
}

impl<S> Summed<S> {
    fn new(inner: S) -> Summed<S> {
        Summed { inner, sum: crc32fast::Hasher::new() }
    }
}

impl<W: Write> Summed<W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.inner.write_all(bytes)
    }

    /// A number in as few bytes as it needs, seven bits each, the lowest first.
    fn number(&mut self, mut number: u64) -> io::Result<()> {
        let (mut bytes, mut length) = ([0; 10], 0);
        loop {
            let low = (number & 0x7f) as u8;
            number >>= 7;
            bytes[length] = if number == 0 { low } else { low | 0x80 };
            length += 1;
            if number == 0 {
                return self.bytes(&bytes[..length]);
            }
        }
    }

    /// Bytes after their length.
    fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.number(bytes.len() as u64)?;
        self.bytes(bytes)
    }
}

impl<R: Read> Summed<R> {
    fn bytes_into(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.sum.update(bytes);
        Ok(())
    }

    fn take_number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.bytes_into(&mut byte)?;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    fn take_small<N: TryFrom<u64>>(&mut self) -> io::Result<N> {
        N::try_from(self.take_number()?).map_err(|_| damaged())
    }

    fn take_text(&mut self) -> io::Result<Vec<u8>> {
        let length = self.take_number()?;
        if length > LONGEST_TEXT {
            return Err(damaged());
        }
        let mut bytes = vec![0; length as usize];
        self.bytes_into(&mut bytes)?;
        Ok(bytes)
    }
}

fn write<W: Write>(
    out: &mut Summed<W>,
    tables: &[Arc<Table>],
    now: impl Fn() -> u64,
    unix: u64,
) -> io::Result<()> {
    out.bytes(HEAD)?;
    out.number(unix)?;
    for table in tables {
        out.number(1)?;
        out.text(table.name.as_str().as_bytes())?;
        let kinds = table.kinds();
        out.number(kinds.len() as u64)?;
        for (data, element, period) in &kinds {
            out.text(data.name().as_bytes())?;
            out.number(u64::from(*element))?;
            out.number(u64::from(*period))?;
        }
        let mut next = Some(Cursor::default());
        while let Some(cursor) = next {
            let batch = table.walk(cursor, now(), |_| true);
            for record in &batch.records {
                out.number(1)?;
                write_record(out, record)?;
            }
            next = batch.next;
        }
        out.number(0)?;
    }
    out.number(0)?;
    let sum = out.sum.clone().finalize();
    out.bytes(&sum.to_le_bytes())?;
    out.inner.flush()
}

fn write_record<W: Write>(out: &mut Summed<W>, record: &Record) -> io::Result<()> {
    out.text(&record.key)?;
    out.number(u64::from(record.idle))?;
    out.number(u64::from(record.update))?;
    out.number(u64::from(record.origin))?;
    for value in &record.values {
        match value {
            Datum::Number(number) => out.number(*number as u64)?,
            Datum::Rate { age, count, before, .. } => {
                for part in [age, count, before] {
                    out.number(u64::from(*part))?;
                }
            }
            Datum::Text(text) => out.text(text.as_deref().unwrap_or_default().as_bytes())?,
        }
    }
    Ok(())
}

fn read<R: Read>(from: &mut Summed<R>, unix: u64) -> io::Result<HashMap<Name, Kept>> {
    let mut head = [0; HEAD.len()];
    from.bytes_into(&mut head)?;
    if head != *HEAD {
        return Err(damaged());
    }
    let age = unix.saturating_sub(from.take_number()?);
    let mut found = HashMap::new();
    while from.take_number()? == 1 {
        let name = String::from_utf8(from.take_text()?).map_err(|_| damaged())?;
        let name = Name::new(&name).map_err(|_| damaged())?;
        let count: u16 = from.take_small()?;
        let mut kinds = Vec::new();
        for _ in 0..count {
            let data = String::from_utf8(from.take_text()?).map_err(|_| damaged())?;
            let data = DataType::from_name(&data).ok_or_else(damaged)?;
            kinds.push((data, from.take_small()?, from.take_small()?));
        }
        let mut records = Vec::new();
        while from.take_number()? == 1 {
            records.push(read_record(from, &kinds)?);
        }
        found.insert(name, Kept { kinds, records, read: Instant::now(), age });
    }
    let expected = from.sum.clone().finalize();
    let mut sum = [0; 4];
    from.bytes_into(&mut sum)?;
    if u32::from_le_bytes(sum) == expected { Ok(found) } else { Err(damaged()) }
}

fn read_record<R: Read>(from: &mut Summed<R>, kinds: &[(DataType, u8, u32)]) -> io::Result<Record> {
    use regate_proto::model::DataForm;
    let mut record = Record {
        id: 0,
        key: from.take_text()?,
        uses: 0,
        idle: from.take_small()?,
        expires_in: 0,
        update: from.take_small()?,
        origin: from.take_small()?,
        values: Vec::with_capacity(kinds.len()),
    };
    for (data, ..) in kinds {
        record.values.push(match data.form() {
            DataForm::Signed | DataForm::Count | DataForm::Long => Datum::Number(from.take_number()? as i64),
            DataForm::Rate => {
                let (age, count, before) = (from.take_small()?, from.take_small()?, from.take_small()?);
                Datum::Rate { age, count, before, rate: 0 }
            }
            DataForm::Text => {
                let text = String::from_utf8(from.take_text()?).map_err(|_| damaged())?;
                Datum::Text(Some(text).filter(|text| !text.is_empty()).map(Arc::from))
            }
        });
    }
    Ok(record)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not what was written there")
}

const HEAD: &[u8; 16] = b"regate tables 1\n";
/// How often tables are looked after.
const TURN: Duration = Duration::from_millis(100);
/// Sweeps of a table in a turn, each of a bounded number of entries.
const SWEEPS_OF_A_TURN: usize = 400;
/// The shortest time between two writings.
const LEAST_PAUSE: Duration = Duration::from_secs(3);
/// How many times as long as a writing took the thread rests after it.
const REST: u32 = 40;
/// The longest name, key or text.
const LONGEST_TEXT: u64 = 1 << 20;

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
