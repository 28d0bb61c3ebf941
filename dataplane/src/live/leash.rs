//! Sessions of a server that may have to be cut from outside.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::net::Shutdown;
use slab::Slab;

use super::ServerLive;

/// The connections of a server's sessions, each by a descriptor of its own.
#[derive(Debug, Default)]
pub struct Leashes(Mutex<Slab<OwnedFd>>);

/// A session's entry; dropping it takes it out.
#[derive(Debug)]
pub struct Leash {
    server: Arc<ServerLive>,
    key: usize,
}

impl Leashes {
    /// Ends all connections that are entered, in both directions; their sessions notice.
    pub fn cut_all(&self) {
        for (_, connection) in self.0.lock().iter() {
            // One that has ended already needs no cutting.
            let _ = rustix::net::shutdown(connection, Shutdown::Both);
        }
    }
}

impl Leash {
    /// Enters a session by the connection that it has to the server.
    pub fn hold(server: &Arc<ServerLive>, connection: BorrowedFd<'_>) -> io::Result<Leash> {
        let own = connection.try_clone_to_owned()?;
        let key = server.leashes.0.lock().insert(own);
        Ok(Leash { server: server.clone(), key })
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.server.leashes.0.lock().try_remove(self.key);
    }
}
