#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::*;
use crate::desired::effect;
use crate::testing::{Dice, Folder, backend, put, random_set, set};

/// A store with the state that it holds.
struct Kept {
    disk: Disk,
    state: State,
}

impl Kept {
    fn open(folder: &Path) -> Kept {
        Kept::try_open(folder, false).unwrap()
    }

    fn try_open(folder: &Path, restore: bool) -> Result<Kept, StoreError> {
        let disk = Disk::take(folder, restore)?;
        let state = disk.load()?;
        Ok(Kept { disk, state })
    }

    /// Commits a set when the state takes it.
    fn apply(&mut self, set: regate_proto::change::ChangeSet) -> bool {
        let before = self.state.clone();
        let Ok(applied) = self.state.apply(&set) else { return false };
        let digest = Some(self.state.digest());
        let entries = [Entry { revision: applied.revision, set: Arc::new(set), digest }];
        let effects = effect::between(&before, &self.state, &applied.touched);
        self.disk.commit(&Group { entries: &entries, effects: &effects, state: &self.state }).unwrap();
        self.disk.settle(&self.state).unwrap();
        true
    }
}

fn assert_same(left: &State, right: &State) {
    assert_eq!(left.revision(), right.revision());
    assert_eq!(left.digest(), right.digest());
    assert!(left.effective().eq(right.effective()));
    assert!(left.overlays().eq(right.overlays()));
}

#[test]
fn what_is_committed_is_there_after_a_restart() {
    for seed in 0..8 {
        let folder = Folder::create();
        let mut dice = Dice(seed);
        let mut kept = Kept::open(folder.path());
        let mut states = vec![State::default()];
        for _ in 0..120 {
            if kept.apply(random_set(&mut dice)) {
                states.push(kept.state.clone());
            }
            if dice.once_in(30) {
                let before = kept.state.clone();
                drop(kept);
                kept = Kept::open(folder.path());
                assert_same(&before, &kept.state);
            }
        }
        let newest = kept.state.revision();
        assert_eq!(kept.disk.entries(newest, 1000).unwrap().len() as u64, newest.0, "seed {seed}");
        for state in states {
            let found = kept.disk.state_at(state.revision()).unwrap().expect("it is in the log");
            assert_same(&found, &state);
        }
        assert!(kept.disk.state_at(Revision(newest.0 + 1)).unwrap().is_none());
    }
}

#[test]
fn a_folder_has_one_controller() {
    let folder = Folder::create();
    let _first = Kept::open(folder.path());
    let error = Disk::take(folder.path(), false).err().expect("it is taken");
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
}

#[test]
fn long_histories_are_cut_behind_checkpoints() {
    let folder = Folder::create();
    let mut kept = Kept::open(folder.path());
    for round in 0..150 {
        // Incompressible by repetition of the same row: each revision carries 250 kB of its own.
        assert!(kept.apply(set(vec![put(backend("big", Some(format!("{round}{}", "x".repeat(250_000)))))])));
    }
    let newest = kept.state.revision();
    assert!(checkpoint::list(&folder.path().join(CHECKPOINTS)).unwrap().len() == CHECKPOINTS_KEPT);
    let there = kept.disk.entries(newest, 1000).unwrap().len() as u64;
    assert!(there < 150 && there > 16, "{there} entries are left");
    assert!(kept.disk.state_at(Revision(1)).unwrap().is_none());
    let old = kept.disk.state_at(Revision(newest.0 - 20)).unwrap().expect("it is still at hand");
    assert_eq!(old.revision().0, newest.0 - 20);
    let state = kept.state.clone();
    drop(kept);
    assert_same(&Kept::open(folder.path()).state, &state);
}

fn filled(folder: &Path) -> State {
    let mut kept = Kept::open(folder);
    let mut dice = Dice(7);
    for _ in 0..100 {
        kept.apply(random_set(&mut dice));
    }
    kept.state
}

#[test]
fn an_emptied_database_is_never_a_new_one() {
    let folder = Folder::create();
    let state = filled(folder.path());
    let database = folder.path().join(DATABASE);
    std::fs::remove_dir_all(&database).unwrap();
    let error = Kept::try_open(folder.path(), false).err().expect("it must be refused");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(&format!("revision {}", state.revision().0)), "{error}");
    // Asked again it says the same: trying must not make it look right.
    assert!(Kept::try_open(folder.path(), false).is_err());
    assert_same(&Kept::try_open(folder.path(), true).unwrap().state, &state);
    assert_same(&Kept::open(folder.path()).state, &state);
}

#[test]
fn damaged_images_are_refused_or_restored_but_never_empty() {
    let source = Folder::create();
    let state = filled(source.path());
    let image = std::fs::read(source.path().join(DATABASE).join("db")).unwrap();
    let mut dice = Dice(99);
    let mut refused = 0;
    for round in 0..32 {
        let mut broken = image.clone();
        match round % 4 {
            0 => broken.truncate(dice.below(image.len() as u64) as usize),
            1 => broken.truncate(dice.below(4096) as usize),
            2 => {
                for _ in 0..20 {
                    broken[dice.below(4096) as usize] ^= 1 << dice.below(8);
                }
            }
            _ => {
                let from = dice.below(image.len() as u64) as usize;
                let until = (from + 64 * 1024).min(image.len());
                broken[from..until].fill(0);
            }
        }
        let folder = Folder::create();
        copy_folder(source.path(), folder.path());
        std::fs::write(folder.path().join(DATABASE).join("db"), &broken).unwrap();
        match Kept::try_open(folder.path(), false) {
            // The journal made up for what was missing, or nothing that counts was hit.
            Ok(kept) => assert_same(&kept.state, &state),
            Err(error) => {
                refused += 1;
                assert!(matches!(error, StoreError::Damaged { .. }), "round {round}: {error}");
                let untouched = std::fs::read(folder.path().join(DATABASE).join("db")).unwrap();
                assert_eq!(untouched.len(), broken.len(), "round {round}: a refused start changes nothing");
                let restored = Kept::try_open(folder.path(), true).unwrap();
                assert_same(&restored.state, &state);
            }
        }
    }
    assert!(refused > 0, "no image was refused: the test does not test");
}

#[test]
fn a_journal_that_breaks_off_is_gone_on_from_and_a_hole_in_it_is_not() {
    let folder = Folder::create();
    let state = filled(folder.path());
    let journals = folder.path().join(JOURNALS);
    let (_, newest) = file::numbered(&journals, "journal").unwrap().pop().unwrap();
    let whole = std::fs::read(&newest).unwrap();

    std::fs::write(&newest, [&whole[..], b"RGTG\x10\0\0\0half"].concat()).unwrap();
    assert!(journal::read_after(&journals, Revision(0)).unwrap().hole.is_none());

    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    std::fs::write(&newest, &flipped).unwrap();
    assert!(journal::read_after(&journals, Revision(0)).unwrap().hole.is_some());
    // The database is whole, so nothing is missing.
    assert_same(&Kept::try_open(folder.path(), true).unwrap().state, &state);
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    for round in 0..12_u64 {
        let folder = Folder::create();
        let mut acknowledged = 0;
        // The same folder is killed several times over.
        for life in 0..3 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "desired::disk::tests::writes_until_killed", "--ignored", "--nocapture"])
                .env("REGATE_TEST_STORE", folder.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut dice = Dice(round * 10 + life);
            let until = acknowledged + 1 + dice.below(150);
            for line in lines.by_ref() {
                if let Some(number) = line.unwrap().strip_prefix("kept ").and_then(|text| text.parse().ok()) {
                    acknowledged = number;
                    if acknowledged >= until {
                        break;
                    }
                }
            }
            child.kill().unwrap();
            child.wait().unwrap();
            for line in lines.map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("kept ").and_then(|text| text.parse().ok()) {
                    acknowledged = number;
                }
            }
            assert!(acknowledged >= until, "the child ended by itself");
        }
        let kept = Kept::open(folder.path());
        assert!(kept.state.revision().0 >= acknowledged, "round {round}: {acknowledged} was acknowledged");
        for number in 1..=kept.state.revision().0 {
            let name = crate::testing::name(&format!("be{number}"));
            assert!(kept.state.backend(&name).is_some(), "round {round}: revision {number} is missing");
        }
    }
}

/// The child of the test above.
#[test]
#[ignore = "it is run by a_killed_writer_loses_nothing_that_it_acknowledged, and does not end by itself"]
fn writes_until_killed() {
    let Some(folder) = std::env::var_os("REGATE_TEST_STORE") else { return };
    let mut kept = Kept::open(Path::new(&folder));
    loop {
        let next = kept.state.revision().0 + 1;
        let text = next.is_multiple_of(7).then(|| "y".repeat(70_000));
        assert!(kept.apply(set(vec![put(backend(&format!("be{next}"), text))])));
        let mut out = std::io::stdout();
        writeln!(out, "\nkept {next}").unwrap();
        out.flush().unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&item.path(), &target);
        } else {
            std::fs::copy(item.path(), &target).unwrap();
        }
    }
}
