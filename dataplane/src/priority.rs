//! Whose turn it is where threads share a core: traffic's.

/// Lets other threads of the process go before this one. For what compiles, reads and writes changes and gives memory
/// back: a worker that wakes then runs at once, and what is done beside it takes what is left.
pub fn yield_to_traffic() {
    // Where the system refuses, work is as urgent as traffic, which is no reason not to do it.
    if let Err(error) = rustix::process::nice(COURTESY) {
        tracing::debug!("the thread's priority stays as it is: {error}");
    }
}

/// Steps of niceness: enough for a worker to go first, and for a fourth of a core when workers leave nothing.
const COURTESY: i32 = 6;
