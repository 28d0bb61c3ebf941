#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where it fails")]

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;
use regate_proto::change::{Layer, OverlayValue, Setting};
use regate_proto::model::{
    Backend, BackendSettings, Frontend, FrontendSettings, Mode, Name, Server, ServerAddress, ServerHost,
    ServerPort, ServerRef, ServerSettings, Subject, Weight,
};
use regate_proto::state::diff;

use super::*;

/// Traffic that is only noted. It refuses snapshots with a frontend called `taken`.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) published: AtomicUsize,
    /// Whoever holds it keeps publications waiting.
    pub(crate) gate: Mutex<()>,
}

impl Traffic for Noted {
    type Prepared = ();

    fn prepare(&self, snapshot: &Snapshot) -> Result<(), Vec<Problem>> {
        let taken = name("taken");
        match snapshot.frontends.contains_key(&taken) {
            true => {
                Err(vec![Problem::about(Code::Impossible, &Subject::Frontend(taken), "the port is taken")])
            }
            false => Ok(()),
        }
    }

    fn publish(&self, _: Arc<Snapshot>, (): ()) {
        drop(self.gate.lock());
        self.published.fetch_add(1, Ordering::SeqCst);
    }
}

/// A folder that goes with its owner.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("regate-store-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn backend(text: &str) -> Row {
    Row::Backend(Backend {
        name: name(text),
        id: 0,
        order: 0,
        guid: None,
        from: None,
        listen: false,
        disabled: false,
        description: None,
        settings: Box::new(BackendSettings { mode: Some(Mode::Http), ..BackendSettings::default() }),
    })
}

pub(crate) fn frontend(text: &str, backend: &str) -> Row {
    Row::Frontend(Frontend {
        name: name(text),
        id: 0,
        order: 0,
        guid: None,
        from: None,
        listen: false,
        disabled: false,
        description: None,
        settings: Box::new(FrontendSettings {
            mode: Some(Mode::Http),
            default_backend: Some(name(backend)),
            ..FrontendSettings::default()
        }),
    })
}

pub(crate) fn at(backend: &str, server: &str) -> ServerRef {
    ServerRef { backend: name(backend), server: name(server) }
}

pub(crate) fn server(backend: &str, server: &str, weight: u64) -> Row {
    let host = ServerHost::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Row::Server(Server {
        at: at(backend, server),
        id: 0,
        order: 0,
        guid: None,
        address: ServerAddress::Inet { host, port: ServerPort::Fixed(9) },
        admin: None,
        paused: Default::default(),
        settings: ServerSettings { weight: Some(Weight::new(weight).unwrap()), ..ServerSettings::default() },
    })
}

pub(crate) fn put(row: Row) -> Change {
    Change::Put(Layer::Spec, row)
}

pub(crate) fn weigh(backend: &str, server: &str, weight: u64) -> Change {
    Change::set_server(&name(backend), &name(server), Setting::Weight(Weight::new(weight).unwrap()))
}

pub(crate) fn set(changes: Vec<Change>) -> ChangeSet {
    ChangeSet { base: None, origin: Origin::default(), changes }
}

pub(crate) struct Running {
    pub(crate) store: Store,
    pub(crate) traffic: Arc<Noted>,
    pub(crate) live: Arc<Live>,
    thread: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(folder: Option<&Path>, beginning: Beginning) -> Result<Running, Vec<Problem>> {
        let loaded = Loaded::open(folder, false).unwrap();
        let (traffic, live) = (Arc::new(Noted::default()), Arc::new(Live::new(1)));
        let (store, thread) = Store::start(loaded, beginning, traffic.clone(), live.clone())?;
        Ok(Running { store, traffic, live, thread })
    }

    /// Hands work in without waiting for its outcome.
    fn hand_in(&self, work: Work) -> Pending {
        block_on(self.store.submit(work))
    }

    pub(crate) fn apply(&self, changes: Vec<Change>) -> Result<Done, Vec<Problem>> {
        block_on(outcome(self.hand_in(Work::Set(set(changes)))))
    }

    pub(crate) fn state(&self) -> State {
        self.store.read(|current| current.state.clone())
    }

    fn end(self) {
        let Running { store, thread, .. } = self;
        drop(store);
        thread.join().unwrap();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn weight_of(state: &State, at: &ServerRef) -> u16 {
    state.server(at).unwrap().settings.weight.unwrap().get()
}

#[test]
fn what_waits_is_committed_together_and_only_culprits_are_refused() {
    let running = Running::start(None, Beginning::default()).unwrap();
    running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    let gate = running.traffic.gate.lock();
    let first = running.hand_in(Work::Set(set(vec![weigh("b", "s", 2)])));
    // The writer waits at the gate with the first set, or will: these come together after it, or partly with it.
    let sets = [
        set(vec![weigh("b", "s", 3)]),
        set(vec![weigh("b", "nobody", 3)]),
        set(vec![weigh("b", "s", 4)]),
        set(vec![put(frontend("taken", "b"))]),
        set(vec![put(server("b", "t", 7))]),
    ];
    let pending: Vec<Pending> = sets.into_iter().map(|set| running.hand_in(Work::Set(set))).collect();
    drop(gate);
    assert_eq!(block_on(outcome(first)).unwrap().applied.revision, Revision(2));
    let outcomes: Vec<Result<u64, Code>> = pending
        .into_iter()
        .map(|pending| match block_on(outcome(pending)) {
            Ok(done) => Ok(done.applied.revision.0),
            Err(problems) => Err(problems[0].code),
        })
        .collect();
    assert_eq!(outcomes, [Ok(3), Err(Code::NotFound), Ok(4), Err(Code::Impossible), Ok(5)]);
    let state = running.state();
    assert_eq!((state.revision(), weight_of(&state, &at("b", "s"))), (Revision(5), 4));
    assert!(state.server(&at("b", "t")).is_some() && state.frontend(&name("taken")).is_none());
    let compiled = running.store.read(|current| current.snapshot.clone());
    assert_eq!(compiled.revision, Revision(5));
    assert_eq!(compiled.backends[&name("b")].servers.len(), 2);
    running.end();
}

#[test]
fn sets_that_wait_are_published_once() {
    let running = Running::start(None, Beginning::default()).unwrap();
    running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    let before = running.traffic.published.load(Ordering::SeqCst);
    let gate = running.traffic.gate.lock();
    let pending: Vec<Pending> =
        (0..100).map(|at| running.hand_in(Work::Set(set(vec![weigh("b", "s", at % 5 + 2)])))).collect();
    drop(gate);
    for pending in pending {
        block_on(outcome(pending)).unwrap();
    }
    let published = running.traffic.published.load(Ordering::SeqCst) - before;
    // The first may have been taken alone, and those that came while it waited are one commit.
    assert!(published <= 3, "{published} publications");
    assert_eq!(running.state().revision(), Revision(101));
    running.end();
}

#[test]
fn a_rehearsal_tells_and_changes_nothing() {
    let running = Running::start(None, Beginning::default()).unwrap();
    running.apply(vec![put(backend("b")), put(server("b", "s", 1)), put(server("b", "t", 1))]).unwrap();
    let before = running.state();
    let rows = vec![backend("b"), server("b", "s", 9), server("b", "u", 1)];
    let replace = |rows| Work::Replace { base: None, origin: Origin::default(), rows };
    let done = block_on(outcome(block_on(running.store.submit_told(replace(rows.clone()), true)))).unwrap();
    assert_eq!(done.applied.revision, Revision(2));
    assert_eq!(done.changes.len(), 3, "t goes, s changes, u comes: {:?}", done.changes);
    assert!(diff(&before, &running.state()).is_empty());
    assert_eq!(running.state().revision(), Revision(1));
    let taken = rows.iter().cloned().chain([frontend("taken", "b")]).collect();
    let refused = block_on(outcome(block_on(running.store.submit_told(replace(taken), true)))).unwrap_err();
    assert_eq!(refused[0].code, Code::Impossible);
    let done = block_on(outcome(block_on(running.store.submit_told(replace(rows), false)))).unwrap();
    assert_eq!(done.applied.revision, Revision(2));
    assert_eq!(weight_of(&running.state(), &at("b", "s")), 9);
    running.end();
}

#[test]
fn a_follower_takes_what_leads_to_the_state_that_was_meant() {
    let running = Running::start(None, Beginning::default()).unwrap();
    running.apply(vec![put(backend("old"))]).unwrap();
    let mut truth = State::default();
    truth.apply(&set(vec![put(backend("b")), put(server("b", "s", 1))])).unwrap();
    truth.renumber(Revision(41));
    let follow = |changes, base: Option<u64>, target: u64, digest| {
        let set = ChangeSet { base: base.map(Revision), origin: Origin::default(), changes };
        Work::Follow { set, full: base.is_none(), target: Revision(target), digest }
    };
    let whole = diff(&State::default(), &truth);
    let done = block_on(outcome(running.hand_in(follow(whole, None, 41, truth.digest())))).unwrap();
    assert_eq!(done.applied.revision, Revision(41));
    assert!(diff(&truth, &running.state()).is_empty(), "what was there before is gone");

    let step = vec![weigh("b", "s", 5)];
    let wrong =
        block_on(outcome(running.hand_in(follow(step.clone(), Some(41), 42, truth.digest())))).unwrap_err();
    assert_eq!(wrong[0].code, Code::Conflict);
    assert!(diff(&truth, &running.state()).is_empty(), "a refused step leaves no trace");
    let standing = running.store.standing().borrow().clone();
    assert_eq!(standing.refused.map(|(revision, _)| revision), Some(Revision(42)));
    truth.apply(&set(step.clone())).unwrap();
    let stale =
        block_on(outcome(running.hand_in(follow(step.clone(), Some(40), 42, truth.digest())))).unwrap_err();
    assert_eq!(stale[0].code, Code::Conflict);
    block_on(outcome(running.hand_in(follow(step, Some(41), 42, truth.digest())))).unwrap();
    assert_eq!((running.state().revision(), running.state().digest()), (Revision(42), truth.digest()));
    running.end();
}

#[test]
fn a_restart_goes_on_where_the_last_process_stopped() {
    let folder = Folder::new();
    let controller = Controller { name: "c".to_owned(), endpoint: "unix:///c".to_owned(), allow_local: true };
    let first = Running::start(Some(&folder.0), Beginning::default()).unwrap();
    first.apply(vec![put(backend("b")), put(server("b", "s", 10))]).unwrap();
    first.apply(vec![weigh("b", "s", 20)]).unwrap();
    block_on(outcome(first.hand_in(Work::Manage(controller.clone())))).unwrap();
    let before = first.state();
    first.end();

    let second = Running::start(Some(&folder.0), Beginning::default()).unwrap();
    assert!(diff(&before, &second.state()).is_empty());
    assert_eq!(second.state().revision(), before.revision());
    assert_eq!(second.store.managed().as_deref(), Some(&controller));
    second.end();

    // A configuration file replaces the spec, and what was changed by hand stays where it still fits.
    let rows = vec![backend("b"), server("b", "s", 50), server("b", "t", 1)];
    let beginning = Beginning { rows: Some(rows), release: true };
    let third = Running::start(Some(&folder.0), beginning).unwrap();
    assert_eq!(weight_of(&third.state(), &at("b", "s")), 20);
    let laid: Vec<OverlayValue> = third.state().overlays().map(|overlay| overlay.value.clone()).collect();
    assert_eq!(laid, [OverlayValue::Setting(Setting::Weight(Weight::new(20).unwrap()))]);
    assert_eq!(third.store.managed(), None);
    third.end();
    let fourth = Running::start(Some(&folder.0), Beginning::default()).unwrap();
    assert_eq!((fourth.store.managed(), fourth.state().servers(&name("b")).len()), (None, 2));
    fourth.end();
}

#[test]
fn a_start_drops_rows_added_by_hand_that_fit_no_longer() {
    let folder = Folder::new();
    let first = Running::start(Some(&folder.0), Beginning::default()).unwrap();
    first.apply(vec![put(backend("b")), put(backend("gone"))]).unwrap();
    first.apply(vec![Change::Put(Layer::Overlay, server("gone", "s", 1))]).unwrap();
    first.apply(vec![Change::Put(Layer::Overlay, server("b", "s", 1))]).unwrap();
    first.end();
    let beginning = Beginning { rows: Some(vec![backend("b")]), release: false };
    let second = Running::start(Some(&folder.0), beginning).unwrap();
    assert!(second.state().server(&at("b", "s")).is_some());
    assert!(second.state().backend(&name("gone")).is_none());
    second.end();
}

#[test]
fn who_watches_slowly_is_told_and_slows_nobody() {
    let running = Running::start(None, Beginning::default()).unwrap();
    running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    let mut subscription = running.store.subscribe(Some(Revision(0)));
    assert!(!subscription.missed);
    assert_eq!(subscription.past.len(), 1);
    for at in 0..3000 {
        running.apply(vec![weigh("b", "s", at % 7 + 2)]).unwrap();
    }
    let lagged = block_on(subscription.coming.recv());
    assert!(matches!(lagged, Err(tokio::sync::broadcast::error::RecvError::Lagged(_))), "{lagged:?}");
    assert!(running.store.subscribe(Some(Revision(1))).missed, "the past is bounded");
    assert!(!running.store.subscribe(Some(Revision(3001))).missed);
    running.end();
}

/// The part of [`a_kill_loses_nothing_that_was_acknowledged`] that is killed: it writes until then.
#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os("REGATE_KILLED_IN") else { return };
    let running = Running::start(Some(Path::new(&folder)), Beginning::default()).unwrap();
    let known = running.state().backend(&name("b")).is_some();
    if !known {
        running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    }
    // Rows with long texts make the log grow beyond a generation.
    for number in running.state().revision().0.. {
        let mut row = backend(&format!("x{}", number % 20));
        if let Row::Backend(row) = &mut row {
            row.description = Some(format!("{number:040000}"));
        }
        let done = running.apply(vec![put(row)]).unwrap();
        use std::io::Write;
        writeln!(std::io::stdout(), "acknowledged {}", done.applied.revision.0).unwrap();
    }
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let mut last = 0;
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::writes_until_it_is_killed", "--nocapture"])
            .env("REGATE_KILLED_IN", &folder.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(revision) = line.strip_prefix("acknowledged ") {
                last = revision.parse().unwrap();
                seen += 1;
            }
            if seen == 40 + round * 37 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let (_, kept) = Disk::open(&folder.0, false).unwrap();
        assert!(
            kept.state.revision().0 >= last,
            "{} is acknowledged, {:?} is there",
            last,
            kept.state.revision()
        );
        assert!(kept.state.backend(&name("b")).is_some());
    }
    assert!(last > 300, "only {last} commits");
}
