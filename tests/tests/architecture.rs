//! Reads the sources and holds what the architecture promises: who imports whom, which crate stays behind which
//! fence, where `unsafe` may stand, how long files are and what things are called. Each rule is a row with its
//! reason; the reader of the sources is tested on crafted ones, so that every rule is known to fire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::fs;
use std::path::Path;

use regate_tests::harness::node::workspace;

/// What a module of a crate may import from the same crate, besides itself.
struct Direction {
    krate: &'static str,
    module: &'static str,
    may_import: &'static [&'static str],
    reason: &'static str,
}

/// A crate (or word) that only some places may name.
struct Fence {
    /// Crate names; `tonic` does not stand for `tonic_health`.
    words: &'static [&'static str],
    /// Paths, or beginnings of paths that end in `/`. `*` stands for any characters but `/`.
    places: &'static [&'static str],
    reason: &'static str,
}

/// A file that is longer than the rule says.
struct Long {
    path: &'static str,
    lines: usize,
    reason: &'static str,
}

const ANY: &[&str] = &["*"];

const DIRECTIONS: &[Direction] = &[
    row("dataplane", "main", ANY, "the program starts everything"),
    row("dataplane", "boot", ANY, "wiring knows every part, and no part knows the wiring"),
    row(
        "dataplane",
        "admin",
        &[
            "store", "live", "snapshot", "check", "matching", "notes", "inquiry", "priority", "streams",
            "fetch", "sample",
        ],
        "calls change the store, say how servers stand, give variables values, and read the rest",
    ),
    row(
        "dataplane",
        "store",
        &["snapshot", "live", "priority"],
        "the one writer compiles; it knows no door and no traffic",
    ),
    row(
        "dataplane",
        "proxy",
        &["snapshot", "live", "check", "fetch", "convert", "sample", "inquiry", "priority", "streams"],
        "the data path reads, and carries checks out; it can change nothing",
    ),
    row(
        "dataplane",
        "resolve",
        &["snapshot", "live", "check"],
        "resolution reads which names there are, notes where they lead and says so where servers stand and fall",
    ),
    row("dataplane", "check", &["snapshot", "live"], "checks read what to check and note what they find"),
    row(
        "dataplane",
        "snapshot",
        &["matching", "balance", "live", "check", "sample", "convert"],
        "compiled values hold their parts; they do no I/O",
    ),
    row(
        "dataplane",
        "fetch",
        &["snapshot", "live", "sample", "convert", "matching", "balance"],
        "hashes of targets are those of balancing; evaluation reads compiled samples, the message and what is observed",
    ),
    row(
        "dataplane",
        "convert",
        &["snapshot", "live", "sample", "fetch", "matching", "balance"],
        "a converter is a function of its input, of variables, maps and tables",
    ),
    row(
        "dataplane",
        "inquiry",
        &["snapshot"],
        "a question names compiled things, and knows neither who asks nor who answers",
    ),
    row("dataplane", "matching", &["sample"], "an index is a value"),
    row("dataplane", "sample", &[], "a value knows neither where it is from nor what is done with it"),
    row(
        "dataplane",
        "balance",
        &["snapshot", "live"],
        "an algorithm weighs compiled servers by what is observed",
    ),
    row("dataplane", "priority", &[], "a thread's urgency is its own"),
    row(
        "dataplane",
        "streams",
        &["snapshot", "live"],
        "what is told of a stream names the revision that it reads",
    ),
    row("dataplane", "live", &["sample"], "what is observed depends on nobody who observes"),
    row("dataplane", "notes", &[], "what was told is kept before there is a node"),
    row("controlplane", "main", ANY, "the program starts everything"),
    row("controlplane", "boot", ANY, "wiring knows every part, and no part knows the wiring"),
    row("controlplane", "admin", &["desired", "fleet"], "calls change the desired state and ask the nodes"),
    row("controlplane", "fleet", &["desired"], "sessions push what is desired"),
    row("controlplane", "desired", &[], "the desired state knows neither its callers nor its followers"),
    row("proto", "patterns", &[], "entries and their keys are values"),
    row("proto", "model", &["problem", "rules", "patterns"], "nouns are values"),
    row("proto", "problem", &["model", "change"], "a problem names its subject"),
    row("proto", "change", &["model", "problem", "state", "patterns"], "a change names what it changes"),
    row(
        "proto",
        "state",
        &["model", "change", "problem", "wire", "rules", "patterns"],
        "one function changes the state, whatever the door",
    ),
    row("proto", "rules", &["model", "problem", "config"], "rules are text and trees"),
    row(
        "proto",
        "config",
        &["model", "change", "problem", "rules", "state", "patterns"],
        "texts become rows",
    ),
    row("proto", "server_states", &["model"], "the text of a file names servers"),
    row("proto", "statistics", &["wire"], "counters on the wire become text"),
    row("proto", "wire", ANY, "conversions to and from protobuf know both sides; nobody needs them inside"),
];

const FENCES: &[Fence] = &[
    Fence {
        words: &["tonic", "tonic_prost", "tonic_health", "tonic_reflection"],
        places: &[
            "proto/src/wire/",
            "dataplane/src/admin/",
            "controlplane/src/admin/",
            "controlplane/src/fleet/dial*",
            "controlplane/src/fleet/dial/",
            "controlplane/src/fleet/registry.rs",
            "cli/src/client*",
            "cli/src/client/",
            "cli/src/shim/",
            "cli/src/commands/",
        ],
        reason: "gRPC is an edge; behind it there are types of our own, and a registry keeps the channel to each node",
    },
    Fence {
        words: &["prost", "prost_types"],
        places: &[
            "proto/src/wire/",
            "dataplane/src/admin/",
            "controlplane/src/admin/",
            "controlplane/src/desired/recent.rs",
        ],
        reason: "generated types end where they are converted; who sends them measures them",
    },
    Fence {
        words: &["sled"],
        places: &["controlplane/src/desired/database.rs"],
        reason: "sled needs safeguards, and one file keeps them",
    },
    Fence {
        words: &["rustls", "tokio_rustls", "rustls_pki_types"],
        places: &[
            "dataplane/src/proxy/tls*",
            "dataplane/src/proxy/tls/",
            "dataplane/src/admin/tls*",
            "controlplane/src/admin/tls*",
            "controlplane/src/fleet/tls*",
            "cli/src/client/tls*",
        ],
        reason: "one place per door decides what is trusted",
    },
    Fence {
        words: &["hyper", "hyper_util", "http_body_util"],
        places: &[
            "dataplane/src/proxy/h2/",
            "dataplane/src/check/",
            "dataplane/src/admin/",
            "controlplane/src/admin/",
            "controlplane/src/fleet/dial*",
            "controlplane/src/fleet/dial/",
            "cli/src/client*",
            "cli/src/client/",
            "cli/src/demo*",
            "cli/src/demo/",
            "cli/src/shim/",
        ],
        reason: "hyper normalises HTTP/1 messages: the data path has an engine of its own",
    },
    Fence {
        words: &["unsafe"],
        places: &["dataplane/src/proxy/descriptor.rs"],
        reason: "descriptors that are inherited or passed need it, nothing else does",
    },
    Fence {
        words: &["regate_dataplane", "regate_controlplane"],
        places: &["cli/src/", "dataplane/src/main.rs", "controlplane/src/main.rs"],
        reason: "the planes meet in the contract alone; `regate run` starts both",
    },
    Fence { words: &["regate"], places: &["cli/src/main.rs"], reason: "nothing builds on the command line" },
    Fence {
        words: &["regate_proto"],
        places: &["dataplane/src/", "controlplane/src/", "cli/src/"],
        reason: "the contract calls its own parts by `crate`",
    },
    Fence {
        words: &[
            "tokio",
            "hyper",
            "socket2",
            "rustix",
            "TcpStream",
            "TcpListener",
            "UnixStream",
            "UdpSocket",
        ],
        places: &["dataplane/src/", "controlplane/src/", "cli/src/"],
        reason: "the contract is pure: no sockets, no runtime",
    },
];

const LONG: &[Long] = &[
    Long {
        path: "proto/src/config/keywords.rs",
        lines: 1100,
        reason: "a table of names, one line each; cutting it would only hide a name",
    },
    Long {
        path: "proto/src/rules/converters/rows.rs",
        lines: 1600,
        reason: "a table of converters, whose examples take most of it",
    },
    Long {
        path: "dataplane/src/proxy/rules.rs",
        lines: 650,
        reason: "one match over every action, with the view that all of them look through",
    },
    Long {
        path: "dataplane/src/proxy/exchange.rs",
        lines: 700,
        reason: "one exchange from top to bottom, the rules for its response in between",
    },
    Long {
        path: "dataplane/src/snapshot/backend.rs",
        lines: 640,
        reason: "a backend is compiled with its servers, whole or one by one",
    },
    Long {
        path: "dataplane/src/proxy/story.rs",
        lines: 680,
        reason: "what an exchange leaves behind, counters and line, is told from the same facts",
    },
    Long {
        path: "dataplane/src/live/table.rs",
        lines: 630,
        reason: "the entries of stick tables, their age and their eviction share one lock",
    },
    Long {
        path: "proto/src/config/assemble.rs",
        lines: 680,
        reason: "sections and lines of every kind come together here",
    },
    Long {
        path: "cli/src/shim/sentence.rs",
        lines: 650,
        reason: "every sentence of the text socket stands here and nowhere else",
    },
    Long {
        path: "cli/src/shim/double.rs",
        lines: 700,
        reason: "a data plane of the tests' own, a row per query",
    },
];

/// Lines of a file, tests left out.
const MOST_LINES: usize = 600;

/// Words that say nothing about what a thing is.
const EMPTY_WORDS: &[&str] = &["util", "utils", "helper", "helpers", "manager", "managers", "misc"];

/// Files for tests only, besides those that end in `_tests.rs`: the tests and the generators of values for them.
const TEST_FILES: &[&str] = &["tests.rs", "arbitrary.rs"];

/// Folders of such files.
const TEST_FOLDERS: &[&str] = &["tests", "arbitrary"];

/// More of such files, each by its path: what tests share, declared for tests only.
const TEST_PATHS: &[&str] = &["controlplane/src/testing.rs", "controlplane/src/fleet/simulator.rs"];

const CRATES: &[&str] = &["proto", "dataplane", "controlplane", "cli"];

#[test]
fn imports_point_one_way() {
    let mut breaches = Vec::new();
    for source in sources(CRATES) {
        breaches.extend(direction_breaches(&source));
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn fences_hold() {
    let sources = sources(CRATES);
    let breaches: Vec<String> =
        FENCES.iter().flat_map(|fence| sources.iter().filter_map(|source| fence.breach(source))).collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn crates_depend_as_the_planes_do() {
    for (krate, may) in [
        ("proto", &[][..]),
        ("dataplane", &["regate-proto"]),
        ("controlplane", &["regate-proto"]),
        ("cli", &["regate-proto", "regate-dataplane", "regate-controlplane"]),
    ] {
        let manifest = fs::read_to_string(workspace().join(krate).join("Cargo.toml")).expect("a manifest");
        let built = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let built = built.split("\n[").next().unwrap_or_default();
        for line in built.lines().filter(|line| line.starts_with("regate")) {
            let name = line.split([' ', '.', '=']).next().unwrap_or_default();
            assert!(may.contains(&name), "{krate} may not depend on {name}");
        }
    }
}

#[test]
fn modules_are_where_their_names_say() {
    for source in sources(&["proto", "dataplane", "controlplane", "cli", "tests"]) {
        assert!(
            !source.code.contains("#[path"),
            "{}: a #[path] hides where a module is; it is for tests in foo_tests.rs only",
            source.path
        );
        let generates = source.path.starts_with("proto/src/wire/");
        assert!(
            generates || !source.code.contains("include!("),
            "{}: only generated code is included",
            source.path
        );
    }
}

#[test]
fn files_stay_readable() {
    let sources = sources(&["proto", "dataplane", "controlplane", "cli", "tests"]);
    let mut breaches = Vec::new();
    for source in &sources {
        match LONG.iter().find(|long| long.path == source.path) {
            None if source.lines > MOST_LINES => {
                breaches.push(format!("{}: {} lines", source.path, source.lines))
            }
            Some(long) if source.lines > long.lines => {
                breaches.push(format!(
                    "{}: {} lines, allowed {} ({})",
                    long.path, source.lines, long.lines, long.reason
                ));
            }
            Some(long) if source.lines <= MOST_LINES => {
                breaches.push(format!("{}: needs no exception", long.path))
            }
            _ => {}
        }
    }
    for long in LONG.iter().filter(|long| !sources.iter().any(|source| source.path == long.path)) {
        breaches.push(format!("{}: an exception for a file that is not there", long.path));
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn names_say_what_things_are() {
    let breaches: Vec<String> = sources(&["proto", "dataplane", "controlplane", "cli", "tests"])
        .iter()
        .flat_map(name_breaches)
        .collect();
    assert_eq!(breaches, Vec::<String>::new());
}

/// A file's text as the rules see it.
struct Source {
    /// Relative to the workspace, with `/`.
    path: String,
    /// Without comments, the insides of strings, and the test module at the end.
    code: String,
    /// Lines before the test module.
    lines: usize,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let production = without_tests(text);
        Self { path: path.to_owned(), code: strip(&production), lines: production.lines().count() }
    }

    fn krate(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The names of the modules from the crate's root down to this file's.
    fn modules(&self) -> Vec<&str> {
        let inner = self.path.split_once("/src/").map_or("", |(_, inner)| inner);
        let mut modules: Vec<&str> = inner.trim_end_matches(".rs").split('/').collect();
        if matches!(modules.last(), Some(&"mod" | &"lib")) {
            modules.pop();
        }
        modules
    }
}

impl Fence {
    fn breach(&self, source: &Source) -> Option<String> {
        if self.places.iter().any(|place| is_in(&source.path, place)) {
            return None;
        }
        let word = self.words.iter().find(|word| names_crate(&source.code, word))?;
        Some(format!("{} names {word}: {}", source.path, self.reason))
    }
}

const fn row(
    krate: &'static str,
    module: &'static str,
    may_import: &'static [&'static str],
    reason: &'static str,
) -> Direction {
    Direction { krate, module, may_import, reason }
}

fn direction_breaches(source: &Source) -> Vec<String> {
    let krate = source.krate();
    let modules = source.modules();
    let Some(own) = modules.first() else { return Vec::new() };
    if !DIRECTIONS.iter().any(|direction| direction.krate == krate) {
        return Vec::new();
    }
    let Some(direction) = DIRECTIONS.iter().find(|row| row.krate == krate && row.module == *own) else {
        return vec![format!("{}: module {own} has no row that says what it may import", source.path)];
    };
    if direction.may_import == ANY {
        return Vec::new();
    }
    let mut breaches: Vec<String> = imports(&source.code, &modules)
        .into_iter()
        .filter(|name| name != own && !direction.may_import.contains(&name.as_str()))
        // Lower-case names are modules; types that lib.rs re-exports have modules of their own.
        .filter(|name| name.starts_with(|first: char| first.is_lowercase()))
        .map(|name| format!("{} imports {name}: {}", source.path, direction.reason))
        .collect();
    breaches.sort();
    breaches.dedup();
    breaches
}

/// The top-level modules of its own crate that a module names, through `crate` or through enough `super`s.
fn imports(code: &str, modules: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if !code[..at].ends_with(|before: char| before == '_' || before.is_alphanumeric() || before == '$') {
            found.extend(heads(&code[at + "crate::".len()..]));
        }
    }
    let climb = "super::".repeat(modules.len());
    for (at, _) in code.match_indices(&climb) {
        let before = &code[..at];
        if !before.ends_with("super::") && !before.ends_with(|c: char| c == '_' || c.is_alphanumeric()) {
            found.extend(heads(&code[at + climb.len()..]));
        }
    }
    found
}

/// The first names of a path or of each path in a `{}` group.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![name_at(rest)] };
    let (mut depth, mut names, mut start) = (0_usize, Vec::new(), true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && !character.is_whitespace() => {
                names.push(name_at(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|character| *character == '_' || character.is_alphanumeric()).collect()
}

/// Whether the code names a crate at the head of a path, or a keyword or type as a word.
fn names_crate(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = &code[..at];
        let after = &code[at + word.len()..];
        let whole = !before.ends_with(|c: char| c == '_' || c.is_alphanumeric())
            && !after.starts_with(|c: char| c == '_' || c.is_alphanumeric());
        let inner = before.ends_with("::") && !before.ends_with(" ::") && !before.ends_with("(::");
        let is_path =
            after.starts_with("::") || before.ends_with("use ") || before.ends_with("extern crate ");
        let is_type = word.starts_with(|first: char| first.is_uppercase());
        whole && (word == "unsafe" || is_type || (is_path && !inner))
    })
}

fn is_in(path: &str, place: &str) -> bool {
    if let Some((start, end)) = place.split_once('*') {
        return path.strip_prefix(start).is_some_and(|rest| rest.ends_with(end) && !rest.contains('/'));
    }
    if place.ends_with('/') { path.starts_with(place) } else { path == place }
}

fn name_breaches(source: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    if let Some(word) = empty_word(stem) {
        breaches.push(format!("{}: {word} says nothing about what is inside", source.path));
    }
    for keyword in ["fn ", "struct ", "enum ", "trait ", "mod ", "type "] {
        for (at, _) in source.code.match_indices(keyword) {
            if source.code[..at].ends_with(|before: char| before == '_' || before.is_alphanumeric()) {
                continue;
            }
            let name = name_at(&source.code[at + keyword.len()..]);
            if let Some(word) = empty_word(&snake(&name)) {
                breaches.push(format!("{}: {name}: {word} says nothing about what it is", source.path));
            }
            // A row of the text socket's table is called by its command, and some commands begin with `get`.
            let is_command = source.path.starts_with("cli/src/shim/commands/");
            if keyword == "fn " && name.starts_with("get_") && !is_command {
                breaches
                    .push(format!("{}: {name}: a reading function is called by what it gives", source.path));
            }
        }
    }
    breaches
}

fn empty_word(name: &str) -> Option<&'static str> {
    EMPTY_WORDS.iter().find(|word| name.split('_').any(|part| part == **word)).copied()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(character.to_lowercase());
    }
    out
}

/// Removes comments and what stands inside quotes.
fn strip(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") {
            at += rest.windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(length) = raw_string(rest, out.last().copied()) {
            out.extend_from_slice(b"\"\"");
            at += length;
        } else if rest[0] == b'"' {
            out.extend_from_slice(b"\"\"");
            at += string(rest);
        } else if let Some(length) = character(rest) {
            out.extend_from_slice(b"' '");
            at += length;
        } else {
            out.push(rest[0]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Leaves out test modules: the declaration of one in a child file, the whole rest from one in place.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let mut declaration = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("#[") || line.starts_with("mod ")) {
            declaration.push(line);
            if line.starts_with("mod ") {
                break;
            }
        }
        match declaration.last() {
            Some(line) if line.starts_with("mod ") && line.ends_with('{') => break,
            Some(line) if line.starts_with("mod ") => {}
            // Something else for tests only: it counts.
            _ => kept.extend(declaration.into_iter().flat_map(|line| [line, "\n"])),
        }
    }
    kept
}

fn raw_string(rest: &[u8], before: Option<u8>) -> Option<usize> {
    if before.is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) && before != Some(b'b') {
        return None;
    }
    let hashes = rest.strip_prefix(b"r")?.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let end = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = &rest[2 + hashes..];
    Some(
        body.windows(end.len())
            .position(|window| window == end)
            .map_or(rest.len(), |at| 2 + hashes + at + end.len()),
    )
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// A character literal; a lifetime has no closing quote.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'\'') {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map(|at| at + 4);
    }
    let text = String::from_utf8_lossy(&rest[1..rest.len().min(6)]).into_owned();
    let length = text.chars().next()?.len_utf8();
    (rest.get(1 + length) == Some(&b'\'')).then_some(2 + length)
}

fn sources(crates: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for krate in crates {
        collect(&workspace().join(krate).join("src"), &format!("{krate}/src"), &mut sources);
    }
    assert!(sources.len() >= crates.len(), "the sources were not found");
    sources
}

fn collect(folder: &Path, path: &str, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let inner = format!("{path}/{name}");
        if entry.file_type().expect("a type").is_dir() {
            if !TEST_FOLDERS.contains(&name.as_str()) {
                collect(&entry.path(), &inner, sources);
            }
        } else if name.ends_with(".rs")
            && !TEST_FILES.contains(&name.as_str())
            && !name.ends_with("_tests.rs")
            && !TEST_PATHS.contains(&inner.as_str())
        {
            sources.push(Source::new(&inner, &fs::read_to_string(entry.path()).expect("a source")));
        }
    }
}

mod the_reader_of_sources {
    use super::*;

    fn directions(path: &str, text: &str) -> Vec<String> {
        direction_breaches(&Source::new(path, text))
    }

    fn fences(path: &str, text: &str) -> usize {
        let source = Source::new(path, text);
        FENCES.iter().filter(|fence| fence.breach(&source).is_some()).count()
    }

    #[test]
    fn sees_imports_in_every_spelling() {
        let path = "dataplane/src/proxy/http.rs";
        for text in [
            "use crate::store::Store;",
            "use crate::{live::X, store::{A, B}};",
            "use crate::{\n    live::{X, Y},\n    store,\n};",
            "fn f() { crate::store::f() }",
            "use super::super::store::Store;",
        ] {
            assert_eq!(directions(path, text).len(), 1, "{text}");
        }
        for text in [
            "use crate::live::X; use super::pool::Pool; use crate::proxy::pool;",
            "// crate::store\nconst X: &str = \"crate::store\";",
            "use crate::live::Y;\n#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}\n",
            "use other_crate::store::X;",
        ] {
            assert_eq!(directions(path, text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(directions("dataplane/src/proxy/mod.rs", "use super::admin::A;").len(), 1);
        assert_eq!(directions("dataplane/src/proxy/h1/head.rs", "use super::super::admin::A;").len(), 0);
        assert_eq!(
            directions("dataplane/src/proxy/h1/head.rs", "use super::super::super::admin::A;").len(),
            1
        );
        assert_eq!(directions("dataplane/src/boot.rs", "use crate::admin::A;").len(), 0);
        assert_eq!(directions("dataplane/src/sundries.rs", "").len(), 1);
    }

    #[test]
    fn sees_what_is_outside_its_fence() {
        for (path, text) in [
            ("dataplane/src/store/mod.rs", "use tonic::Status;"),
            ("dataplane/src/store/mod.rs", "fn f(s: tonic_health::X) {}"),
            ("controlplane/src/desired/store.rs", "use sled;"),
            ("dataplane/src/proxy/worker.rs", "use ::rustls::X;"),
            ("dataplane/src/proxy/h1/mod.rs", "use hyper::Request;"),
            ("dataplane/src/proxy/worker.rs", "unsafe { f() }"),
            ("dataplane/src/live/mod.rs", "use regate_controlplane::X;"),
            ("proto/src/model/mod.rs", "use std::net::TcpStream;"),
            ("proto/src/state/mod.rs", "use prost::Message;"),
        ] {
            assert_eq!(fences(path, text), 1, "{path}: {text}");
        }
        for (path, text) in [
            ("dataplane/src/admin/mod.rs", "use tonic::Status;"),
            ("controlplane/src/fleet/dial.rs", "use tonic::Status;"),
            ("controlplane/src/desired/database.rs", "use sled::Db;"),
            ("dataplane/src/proxy/tls.rs", "use rustls::X;"),
            ("dataplane/src/proxy/descriptor.rs", "unsafe { f() }"),
            (
                "dataplane/src/proxy/worker.rs",
                "// unsafe tonic::X\nlet a = \"sled::Db\"; let b = '\"'; let c = r#\"hyper::\"#;",
            ),
            (
                "dataplane/src/proxy/worker.rs",
                "use crate::admin::tonic; fn hyperbole() {} #![forbid(unsafe_code)]",
            ),
        ] {
            assert_eq!(fences(path, text), 0, "{path}: {text}");
        }
    }

    #[test]
    fn sees_empty_names() {
        let breaches = |path, text| name_breaches(&Source::new(path, text)).len();
        assert_eq!(breaches("a/src/utils.rs", ""), 1);
        assert_eq!(breaches("a/src/a.rs", "struct PoolManager; fn get_x() {} mod helpers {}"), 3);
        assert_eq!(breaches("a/src/a.rs", "struct Pool; fn target() {} fn get() {} // fn get_x"), 0);
    }

    #[test]
    fn counts_lines_up_to_the_tests() {
        assert_eq!(Source::new("a/src/a.rs", "a\nb\n#[cfg(test)]\nmod tests {\nc\n}\n").lines, 2);
        assert_eq!(Source::new("a/src/a.rs", "a\n#[cfg(test)]\nmod tests;\nb\n").lines, 2);
        assert_eq!(
            Source::new("a/src/a.rs", "a\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;\nb\n").lines,
            2
        );
        assert_eq!(Source::new("a/src/a.rs", "a\n#[cfg(test)]\n#[allow(x)]\nmod tests {\nb\n}\n").lines, 1);
        assert_eq!(Source::new("a/src/a.rs", "a\n#[cfg(test)]\nimpl X {\n}\n").lines, 3);
    }
}
