//! The one thread of the process that writes lines to standard output, standard error and inherited descriptors.
//!
//! Writing there may block for as long as the reader likes, so workers only append to a bounded queue.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use regate_proto::model::LogAddress;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::proxy::descriptor;

/// A destination of the writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream(usize);

#[derive(Debug, Default)]
struct Writer {
    channels: Mutex<Vec<Channel>>,
    /// Told when something was appended.
    appended: Condvar,
    /// Told when something was written.
    written: Condvar,
}

#[derive(Debug)]
struct Channel {
    address: LogAddress,
    file: std::sync::Arc<OwnedFd>,
    bytes: Vec<u8>,
    lines: u64,
    /// Whether the thread is writing what it has taken.
    busy: bool,
    /// Lines that could not be written, not yet told to a worker.
    failed: u64,
}

/// The stream to an address; `None` when its descriptor is not open.
pub(super) fn open(address: &LogAddress) -> Option<Stream> {
    let writer = writer()?;
    let mut channels = writer.channels.lock();
    if let Some(at) = channels.iter().position(|channel| channel.address == *address) {
        return Some(Stream(at));
    }
    let file = file(address)?;
    channels.push(Channel {
        address: address.clone(),
        file: std::sync::Arc::new(file),
        bytes: Vec::new(),
        lines: 0,
        busy: false,
        failed: 0,
    });
    Some(Stream(channels.len() - 1))
}

/// Waits until everything appended is written, or the time is over.
pub(crate) fn settle(limit: Duration) {
    let Some(Some(writer)) = WRITER.get() else { return };
    let deadline = Instant::now() + limit;
    let mut channels = writer.channels.lock();
    while channels.iter().any(|channel| channel.busy || !channel.bytes.is_empty()) {
        if writer.written.wait_until(&mut channels, deadline).timed_out() {
            return;
        }
    }
}

impl Stream {
    /// Queues lines; gives how many were dropped, by this call or by the writer since the last one.
    pub(super) fn append(self, bytes: &[u8], lines: u64) -> u64 {
        let Some(writer) = writer() else { return lines };
        let mut channels = writer.channels.lock();
        let Some(channel) = channels.get_mut(self.0) else { return lines };
        let failed = std::mem::take(&mut channel.failed);
        if channel.bytes.len() + bytes.len() > QUEUE_BYTES {
            return failed + lines;
        }
        channel.bytes.extend_from_slice(bytes);
        channel.lines += lines;
        writer.appended.notify_one();
        failed
    }
}

/// The process's writer; `None` when its thread could not be started.
fn writer() -> Option<&'static Writer> {
    WRITER
        .get_or_init(|| {
            let writer: &'static Writer = Box::leak(Box::default());
            let thread = std::thread::Builder::new().name("log".to_owned()).spawn(|| writer.run());
            thread.is_ok().then_some(writer)
        })
        .as_deref()
}

impl Writer {
    fn run(&self) {
        let mut spare = Vec::new();
        loop {
            let mut channels = self.channels.lock();
            let Some(at) = channels.iter().position(|channel| !channel.bytes.is_empty()) else {
                self.appended.wait(&mut channels);
                continue;
            };
            let channel = &mut channels[at];
            std::mem::swap(&mut channel.bytes, &mut spare);
            let lines = std::mem::take(&mut channel.lines);
            let file = channel.file.clone();
            channel.busy = true;
            drop(channels);
            let outcome = write_all(&file, &spare);
            spare.clear();
            let mut channels = self.channels.lock();
            let channel = &mut channels[at];
            channel.busy = false;
            if outcome.is_err() {
                channel.failed += lines;
            }
            self.written.notify_all();
        }
    }
}

fn file(address: &LogAddress) -> Option<OwnedFd> {
    match address {
        LogAddress::Stdout => io::stdout().as_fd().try_clone_to_owned().ok(),
        LogAddress::Stderr => io::stderr().as_fd().try_clone_to_owned().ok(),
        LogAddress::Descriptor(number) => descriptor::copy_of(*number).ok(),
        _ => None,
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(file, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

static WRITER: OnceLock<Option<&'static Writer>> = OnceLock::new();

/// Bytes that may wait for one destination.
const QUEUE_BYTES: usize = 1024 * 1024;
