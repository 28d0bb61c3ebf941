//! Holds `deny.toml` against what is really built: its bans with their wrappers, and its licences.
//!
//! The graph comes from `cargo tree`, which resolves features as the build does; Cargo.lock also lists crates that
//! no build ever takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use regate_tests::harness::node::workspace;

/// A banned crate and the crates that may depend on it all the same.
#[derive(Debug, PartialEq)]
struct Ban {
    name: String,
    wrappers: Vec<String>,
}

/// Who depends on a crate, and the crate's licence.
#[derive(Debug, Default)]
struct Package {
    parents: BTreeSet<String>,
    licence: String,
}

#[test]
fn no_banned_crate_is_built() {
    let bans = bans(&policy());
    assert!(bans.len() > 10, "deny.toml's bans were not read: {bans:?}");
    assert_eq!(breaches(&packages(&tree()), &bans), Vec::<String>::new());
}

#[test]
fn every_licence_is_allowed() {
    let allowed = licences(&policy());
    let packages = packages(&tree());
    assert!(packages.len() > 50 && allowed.contains("MIT"), "neither tree nor policy may be empty");
    let refused: Vec<String> = packages
        .iter()
        .filter(|(_, package)| !satisfies(&package.licence, &allowed))
        .map(|(name, package)| format!("{name}: {:?}", package.licence))
        .collect();
    assert_eq!(refused, Vec::<String>::new());
}

#[test]
fn a_banned_crate_is_found_unless_its_wrapper_brings_it() {
    let policy = "deny = [\n    { crate = \"ring\", reason = \"x\" },\n    \
                  { crate = \"fxhash\", wrappers = [\"sled\"], reason = \"y\" },\n]\n";
    let bans = bans(policy);
    assert_eq!(bans[1], Ban { name: "fxhash".to_owned(), wrappers: vec!["sled".to_owned()] });
    let fine = "0app v1\tMIT\n1sled v0.34.7\tMIT\n2fxhash v0.2.1\tMIT\n";
    assert_eq!(breaches(&packages(fine), &bans), Vec::<String>::new());
    let bad = format!("{fine}1fxhash v0.2.1\tMIT (*)\n1ring v0.17.0\tISC\n");
    assert_eq!(breaches(&packages(&bad), &bans), ["ring through app", "fxhash through app"]);
}

#[test]
fn licences_are_read_as_expressions() {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "ISC"].map(str::to_owned).into();
    for good in
        ["MIT", "MIT/GPL-3.0", "MIT OR LGPL-2.1-or-later", "(MIT OR GPL-2.0) AND ISC", "Apache-2.0 / MIT"]
    {
        assert!(satisfies(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "", "(MIT AND GPL-2.0) OR AGPL-3.0"] {
        assert!(!satisfies(bad, &allowed), "{bad}");
    }
}

fn policy() -> String {
    std::fs::read_to_string(workspace().join("deny.toml")).expect("deny.toml")
}

fn tree() -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args([
            "tree",
            "--workspace",
            "--edges",
            "normal,build,dev",
            "--prefix",
            "depth",
            "--format",
            "{p}\t{l}",
        ])
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn packages(tree: &str) -> BTreeMap<String, Package> {
    let mut packages: BTreeMap<String, Package> = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (node, licence) = line.split_once('\t').unwrap_or((line, ""));
        let name = node.trim_start_matches(|first: char| first.is_ascii_digit());
        let depth: usize = node[..node.len() - name.len()].parse().expect("a depth");
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        path.truncate(depth);
        let package = packages.entry(name.clone()).or_default();
        package.parents.extend(path.last().cloned());
        package.licence = licence.trim_end_matches("(*)").trim().to_owned();
        path.push(name);
    }
    packages
}

fn breaches(packages: &BTreeMap<String, Package>, bans: &[Ban]) -> Vec<String> {
    let mut found = Vec::new();
    for ban in bans {
        let Some(package) = packages.get(&ban.name) else { continue };
        let parents = package.parents.iter().filter(|parent| !ban.wrappers.contains(parent));
        found.extend(parents.map(|parent| format!("{} through {parent}", ban.name)));
    }
    found
}

fn bans(policy: &str) -> Vec<Ban> {
    let lines = policy.lines().filter(|line| line.trim_start().starts_with("{ crate ="));
    lines
        .map(|line| {
            let (head, _) = line.split_once("reason").expect("every ban has a reason");
            let mut words = head.split('"').skip(1).step_by(2).map(str::to_owned);
            Ban { name: words.next().expect("a name"), wrappers: words.collect() }
        })
        .collect()
}

fn licences(policy: &str) -> BTreeSet<String> {
    policy
        .lines()
        .skip_while(|line| *line != "allow = [")
        .skip(1)
        .take_while(|line| *line != "]")
        .filter_map(|line| line.split('"').nth(1).map(str::to_owned))
        .collect()
}

/// Whether an SPDX expression can be met with these licences. `/` is an old spelling of OR.
fn satisfies(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any(&words, &mut at, allowed) && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allowed);
    }
    met
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = any(words, at, allowed);
        *at += 1;
        return met;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&name)
}
