//! The names of the rule language beside HAProxy's: what there is, what there is not, and why. LANGUAGE.md says it to
//! readers, and this holds it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use regate_proto::rules::action::{self, RuleSet};
use regate_proto::rules::log_format::ALIASES;
use regate_proto::rules::{acl, converters, fetches, maps, tables};
use regate_tests::harness::{Folder, Result, oracle};

/// Why names of HAProxy's are not there: what they begin with, and the reason.
const REASONS: &[(&str, &str)] = &[
    ("ssl_", "TLS is not there yet"),
    ("sc0_clr_gpc", "short forms of `sc_clr_gpc` that no manual mentions"),
    ("sc1_clr_gpc", "short forms of `sc_clr_gpc` that no manual mentions"),
    ("sc2_clr_gpc", "short forms of `sc_clr_gpc` that no manual mentions"),
    ("internal.", "they show how HAProxy keeps messages inside"),
    ("cpu_", "they show how HAProxy's scheduler runs a task"),
    ("lat_", "they show how HAProxy's scheduler runs a task"),
    ("fcgi", "FastCGI is not there"),
    ("res.cache_", "caches are not there"),
    ("cache-", "caches are not there"),
    ("res.comp", "compression is not there yet"),
    ("ot-group", "OpenTracing is not there"),
    ("send-spoe-group", "offloading to agents (SPOE) is not there"),
    ("use-service", "services are written in Lua, which is not there"),
    ("do-resolve", "it is not there yet"),
    ("set-bandwidth-limit", "limits of bandwidth are not there"),
];

/// The names of a kind that HAProxy registers.
fn registered(kind: &str) -> Result<Vec<String>> {
    let folder = Folder::create()?;
    let file = folder.write("proxy.cfg", "defaults\n mode http\nbackend b\n")?;
    let output = Command::new(oracle::haproxy()?)
        .arg(format!("-dK{kind}"))
        .args(["-q", "-c", "-f"])
        .arg(file)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

/// The name that a line begins with, after what stands in brackets.
fn name(line: &str) -> Option<String> {
    let line = line.split_once(']').filter(|_| line.starts_with('[')).map_or(line, |(_, rest)| rest);
    let is_part = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let name: String = line.trim().chars().take_while(is_part).collect();
    (!name.is_empty()).then_some(name)
}

/// A kind of names: those of HAProxy, how many Regate has of any version, and what of HAProxy's it has not.
struct Tally {
    title: &'static str,
    theirs: usize,
    ours: usize,
    missing: BTreeSet<String>,
}

fn tallies() -> Result<Vec<Tally>> {
    let names =
        |lines: Vec<String>| -> BTreeSet<String> { lines.iter().filter_map(|line| name(line)).collect() };
    let theirs = names(registered("smp")?);
    let missing = theirs.iter().filter(|name| fetches::find(name).is_none()).cloned().collect();
    let samples =
        Tally { title: "sample fetches", theirs: theirs.len(), ours: fetches::rows().count(), missing };
    let theirs: BTreeSet<String> = names(registered("cnv")?)
        .into_iter()
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()))
        .collect();
    let missing = theirs.iter().filter(|name| converters::find(name).is_none()).cloned().collect();
    let ours = converters::ROWS.len() + maps::CONVERTERS.len() + tables::CONVERTERS.len();
    let converters = Tally { title: "converters", theirs: theirs.len(), ours, missing };
    let theirs: BTreeSet<String> =
        registered("acl")?.iter().filter(|line| line.contains(" = ")).filter_map(|line| name(line)).collect();
    let is_known =
        |name: &str| acl::KEYWORDS.iter().any(|known| known.name == name) || fetches::find(name).is_some();
    let missing = theirs.iter().filter(|name| !is_known(name)).cloned().collect();
    let keywords =
        Tally { title: "names for ACLs alone", theirs: theirs.len(), ours: acl::KEYWORDS.len(), missing };
    Ok(vec![samples, converters, keywords, actions()?])
}

/// Actions, each with its set of rules.
fn actions() -> Result<Tally> {
    let mut theirs = BTreeSet::new();
    let mut missing = BTreeSet::new();
    for line in registered("cfg")? {
        let line = line.trim();
        for set in RuleSet::ALL {
            let Some(rest) = line.strip_prefix(set.words()) else { continue };
            let Some(action) = rest.strip_prefix(' ').and_then(|rest| rest.split(' ').next()) else {
                continue;
            };
            let bare = action.trim_end_matches('*');
            if bare.is_empty() || !bare.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            theirs.insert(format!("{} {bare}", set.words()));
            let spelled = |row: &action::Row| {
                row.name.trim_end_matches('(') == bare || (bare == "track-sc" && row.name == "track-sc0")
            };
            if !action::ROWS.iter().any(|row| spelled(row) && row.sets.contains(&set)) {
                missing.insert(format!("{} {bare}", set.words()));
            }
        }
    }
    let ours = action::ROWS.iter().map(|row| row.sets.len()).sum();
    Ok(Tally { title: "actions, counted in each set of rules", theirs: theirs.len(), ours, missing })
}

/// The part of the document that is made of the tables.
fn written(tallies: &[Tally]) -> String {
    let mut text =
        String::from("| | HAProxy 2.6 | of them here | here in all |\n| --- | --- | --- | --- |\n");
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for tally in tallies {
        let there = tally.theirs - tally.missing.len();
        let _ = writeln!(text, "| {} | {} | {there} | {} |", tally.title, tally.theirs, tally.ours);
        for name in &tally.missing {
            let last = name.rsplit(' ').next().unwrap_or(name);
            let reason = REASONS.iter().find(|(begin, _)| last.starts_with(begin));
            let (_, reason) = reason.unwrap_or_else(|| panic!("nobody says why '{name}' is missing"));
            reasons.entry(reason).or_default().push(name);
        }
    }
    let _ = writeln!(text, "| variables of log lines | 64 | 64 | {} |", ALIASES.len() + 1);
    text.push_str("\nWhat is not there:\n\n");
    for (reason, names) in reasons {
        let shown = match names.len() > 30 {
            true => format!("{} names, `{}` to `{}`", names.len(), names[0], names[names.len() - 1]),
            false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        let _ = writeln!(text, "- {reason}: {shown}.");
    }
    text
}

#[test]
fn the_document_says_which_names_there_are() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../LANGUAGE.md");
    let document = std::fs::read_to_string(&path)?;
    let (begin, end) = ("<!-- begin of the tables -->\n", "<!-- end of the tables -->\n");
    let expected = written(&tallies()?);
    let (before, rest) = document.split_once(begin).expect("the mark where the tables begin");
    let (found, after) = rest.split_once(end).expect("the mark where the tables end");
    if std::env::var_os("REGATE_WRITE_DOCUMENTS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{expected}{end}{after}"))?;
        return Ok(());
    }
    assert_eq!(found, expected, "REGATE_WRITE_DOCUMENTS=1 writes LANGUAGE.md anew");
    Ok(())
}
