//! Real binaries: started with arguments, watched, signalled, measured, and killed with their whole group.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::trouble::{Result, Trouble};
use super::wait;

/// A program about to be started.
pub struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    folder: Option<PathBuf>,
    cores: Vec<usize>,
    inherited: Vec<OwnedFd>,
}

/// A running program, the leader of a process group of its own. Dropping it kills the group.
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

/// CPU time that a process group has used, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// All of it, exact (the scheduler's own account).
    pub total: u64,
    /// The part in user space: the kernel's split, sampled at clock ticks.
    pub user: u64,
    /// The part in the kernel.
    pub system: u64,
}

/// Memory of a process group, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident pages; shared ones counted once per process.
    pub resident: u64,
    /// Proportional share: a page mapped by n processes counts 1/n in each.
    pub proportional: u64,
}

impl Launch {
    /// A launch of the program at this path, or of this name in `PATH`.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_path_buf(),
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: None,
            cores: Vec::new(),
            inherited: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<str>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// Confines all threads of the process to these cores. An empty list means no confinement.
    #[must_use]
    pub fn cores(mut self, cores: &[usize]) -> Self {
        self.cores = cores.to_vec();
        self
    }

    /// Hands a descriptor down; the process finds it under the number that it has here.
    #[must_use]
    pub fn inherit(mut self, descriptor: OwnedFd) -> Self {
        self.inherited.push(descriptor);
        self
    }

    /// Starts the process.
    pub fn start(self) -> Result<Process> {
        let name =
            self.program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // Affinity belongs to the thread that forks, so a thread of its own carries it.
        let mut child = std::thread::scope(|scope| scope.spawn(|| self.spawn()).join())
            .map_err(|_| Trouble::new(format!("the thread that starts {name} died")))?
            .map_err(|trouble| trouble.while_doing(format_args!("starting {}", self.program.display())))?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let mut readers = Vec::new();
        if let Some(pipe) = child.stdout.take() {
            readers.push(drain(pipe, Arc::clone(&output)));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.push(drain(pipe, Arc::clone(&output)));
        }
        Ok(Process { name, child, output, readers, ended: None })
    }

    fn spawn(&self) -> Result<Child> {
        if !self.cores.is_empty() {
            confine_this_thread(&self.cores)?;
        }
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        // Other children must not inherit these too, so starts are taken in turn while the flag is off.
        let _turn = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
        for descriptor in &self.inherited {
            fcntl_setfd(descriptor.as_fd(), FdFlags::empty())?;
        }
        let child = command.spawn();
        for descriptor in &self.inherited {
            fcntl_setfd(descriptor.as_fd(), FdFlags::CLOEXEC)?;
        }
        Ok(child?)
    }
}

impl Process {
    /// The process id, which is the group's id as well.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output and standard error so far, in the order of arrival.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.poll().is_none()
    }

    /// Waits until its output contains `needle`; fails early when the process ends without having said so.
    pub fn wait_for_output(&mut self, needle: &str, deadline: Duration) -> Result<()> {
        let what = format!("{:?} from {}", needle, self.name);
        self.wait_until(&what, deadline, |process| process.output().contains(needle))
    }

    /// Waits for a condition; fails early, with the output, when the process ends before.
    pub fn wait_until(
        &mut self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result<()> {
        let met = wait::until(what, deadline, || {
            if condition(self) {
                return Some(true);
            }
            (!self.is_running()).then_some(false)
        });
        match met {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.finish_output();
                // The last words may have held what was waited for.
                if condition(self) {
                    return Ok(());
                }
                Err(Trouble::new(format!(
                    "{} ended ({:?}) before {what}; it wrote:\n{}",
                    self.name,
                    self.ended,
                    self.output()
                )))
            }
            Err(trouble) => Err(Trouble::new(format!("{trouble}; {} wrote:\n{}", self.name, self.output()))),
        }
    }

    /// Waits for the end of the process and returns its status; the output is complete afterwards.
    pub fn wait_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        let status = wait::until(&what, deadline, || self.poll())?;
        self.finish_output();
        Ok(status)
    }

    /// Sends a signal to the process itself (not to its group).
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.id()?, signal)?)
    }

    /// Sends SIGTERM and waits for the end; kills the group when the deadline passes, and says so.
    pub fn terminate(&mut self, deadline: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.poll() {
            return Ok(status);
        }
        self.signal(Signal::TERM)?;
        self.wait_exit(deadline).inspect_err(|_| self.kill())
    }

    /// Kills the whole group at once, as a crash would.
    pub fn kill(&mut self) {
        if let Ok(group) = self.id() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if self.ended.is_none() {
            self.ended = self.child.wait().ok();
        }
        self.finish_output();
    }

    /// CPU time used so far by the group's living threads.
    pub fn cpu(&self) -> Result<CpuTime> {
        let mut sum = CpuTime::default();
        for pid in self.members()? {
            let folder = PathBuf::from(format!("/proc/{pid}"));
            let Ok(stat) = fs::read_to_string(folder.join("stat")) else { continue };
            let Some((user, system)) = ticks(&stat) else { continue };
            sum.user += user * TICK;
            sum.system += system * TICK;
            for task in fs::read_dir(folder.join("task"))?.flatten() {
                let account = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
                let time = account.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
                sum.total += time.unwrap_or(0);
            }
        }
        Ok(sum)
    }

    /// Memory in use by the group.
    pub fn memory(&self) -> Result<Memory> {
        let mut sum = Memory::default();
        for pid in self.members()? {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            sum.resident += kilobytes(&rollup, "Rss:") * 1024;
            sum.proportional += kilobytes(&rollup, "Pss:") * 1024;
        }
        Ok(sum)
    }

    /// How many descriptors the leader has open.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }

    /// The ids of the group's processes.
    fn members(&self) -> Result<Vec<u32>> {
        let group = self.pid();
        let mut members = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            if pid == group || group_of(&stat) == Some(group) {
                members.push(pid);
            }
        }
        Ok(members)
    }

    fn id(&self) -> Result<Pid> {
        i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| Trouble::new(format!("{} has no usable process id", self.name)))
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    fn finish_output(&mut self) {
        // A grandchild that holds the pipe would keep the readers for ever; the leader is gone, so it goes too.
        if let Ok(group) = self.id() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Confines the calling thread, and what it starts from now on, to these cores.
pub fn confine_this_thread(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set).map_err(|error| {
        Trouble::from(error).while_doing(format_args!("confining a thread to the cores {cores:?}"))
    })
}

fn drain(mut pipe: impl Read + Send + 'static, output: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length) = pipe.read(&mut chunk) {
            if length == 0 {
                return;
            }
            output.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..length]);
        }
    })
}

/// The fields after the command name, which may itself hold spaces and parentheses.
fn after_name(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    stat.rfind(')').and_then(|end| stat.get(end + 1..)).map(str::split_whitespace)
}

fn group_of(stat: &str) -> Option<u32> {
    after_name(stat)?.nth(2)?.parse().ok()
}

/// User and system time of `/proc/PID/stat` (fields 14 and 15), threads that have ended included.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let mut fields = after_name(stat)?.skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn kilobytes(rollup: &str, name: &str) -> u64 {
    rollup
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

static STARTS: Mutex<()> = Mutex::new(());

/// Nanoseconds in one of `/proc`'s clock ticks (`USER_HZ` is 100 on every Linux this runs on).
const TICK: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn output_status_and_cpu_of_a_real_process_are_seen() {
        let mut shell = Launch::new("/bin/sh")
            .args([
                "-c",
                "echo ready $WORD; i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo done; sleep 100",
            ])
            .env("WORD", "now")
            .cores(&[0])
            .start()
            .expect("start");
        shell.wait_for_output("ready now", wait::PATIENCE).expect("first line");
        shell.wait_for_output("done", wait::PATIENCE).expect("second line");
        assert!(shell.cpu().expect("cpu").total > 0);
        assert!(shell.memory().expect("memory").resident > 0);
        let status = fs::read_to_string(format!("/proc/{}/status", shell.pid())).expect("status");
        assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
        assert!(shell.is_running());
        assert!(!shell.terminate(wait::PATIENCE).expect("end").success());
    }

    #[test]
    fn a_process_that_ends_early_is_reported_with_its_words() {
        let mut shell =
            Launch::new("/bin/sh").args(["-c", "echo cannot >&2; exit 3"]).start().expect("start");
        let trouble = shell.wait_for_output("ready", wait::PATIENCE).expect_err("it never says ready");
        assert!(trouble.to_string().contains("cannot"), "{trouble}");
        assert_eq!(shell.wait_exit(wait::PATIENCE).expect("status").code(), Some(3));
    }

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 42 42 0 -1 0 0 0 0 0 11 12 0 0 20 0 1 0 1 0 0";
        assert_eq!(group_of(stat), Some(42));
        assert_eq!(ticks(stat), Some((11, 12)));
    }
}
