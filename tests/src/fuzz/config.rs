//! The readers of configuration.

use regate_proto::change::Revision;
use regate_proto::config::conditions::evaluate;
use regate_proto::config::{
    Diagnostic, Environment, Loaded, SourceFile, read_haproxy, read_yaml, write_haproxy, write_yaml,
};
use regate_proto::model::Row;
use regate_proto::state::State;

/// Reads haproxy.cfg; what is accepted must be written, and read again, as it is.
pub fn haproxy(data: &[u8]) {
    let Ok(file) = SourceFile::from_bytes("fuzz.cfg", data.to_vec()) else { return };
    accept(&file, data, |file, environment| read_haproxy(std::slice::from_ref(file), environment));
}

/// Reads YAML; what is accepted must be written, and read again, as it is.
pub fn yaml(data: &[u8]) {
    let Ok(file) = SourceFile::from_bytes("fuzz.yaml", data.to_vec()) else { return };
    accept(&file, data, read_yaml);
}

/// Evaluates an expression of `.if`; an error stands within it.
pub fn conditions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err((at, sentence)) = evaluate(&text, &|name| name.len() % 2 == 0) {
        assert!(at <= text.chars().count(), "{at} of {text:?}");
        assert!(!sentence.is_empty());
    }
}

/// Configurations in HAProxy's form.
pub fn haproxy_seeds() -> Vec<Vec<u8>> {
    [PLAIN, CONDITIONAL, QUOTED].iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Configurations in YAML.
pub fn yaml_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![b"global:\n  maxconn: 10\n".to_vec(), b"{}".to_vec()];
    seeds.extend(["[", "{a: ", "- ", "? ", "a:\n "].map(|deep| deep.repeat(4000).into_bytes()));
    let file = SourceFile::new("seed.cfg", PLAIN);
    if let Ok(loaded) = with_nothing(|environment| read_haproxy(&[file], environment))
        && let Ok(text) = write_yaml(&loaded.rows)
    {
        seeds.push(text.into_bytes());
    }
    seeds
}

/// Expressions.
pub fn condition_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "defined(HOME) && !streq(\"a\",'b') || version_atleast(2.4-dev19)",
        "feature(OPENSSL) && (enabled(EPOLL) || strneq(a,b))",
        "!(!(!(1)))",
        "\"quoted word\"",
        "0",
        "strstr(a,b)",
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.push([b"(".repeat(1000), b"1".to_vec(), b")".repeat(1000)].concat());
    seeds.push(b"!".repeat(5000));
    seeds
}

fn accept(
    file: &SourceFile,
    data: &[u8],
    read: fn(&SourceFile, &Environment) -> Result<Loaded, Vec<Diagnostic>>,
) {
    let rows = match with_nothing(|environment| read(file, environment)) {
        Ok(loaded) => loaded.rows,
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            let characters = file.text.chars().count();
            for diagnostic in &diagnostics {
                let span = file.span(&diagnostic.place);
                assert!(span.start <= span.end && span.end <= characters, "{diagnostic:?}");
            }
            return;
        }
    };
    if State::restore(Revision(1), rows.clone(), Vec::new()).is_err() {
        return;
    }
    if let Ok(text) = write_haproxy(&rows) {
        let file = SourceFile::new("again.cfg", text);
        let again = with_nothing(|environment| read_haproxy(std::slice::from_ref(&file), environment));
        same(again, &rows, &file.text, data);
    }
    if let Ok(text) = write_yaml(&rows) {
        let file = SourceFile::new("again.yaml", text);
        same(with_nothing(|environment| read_yaml(&file, environment)), &rows, &file.text, data);
    }
}

fn same(again: Result<Loaded, Vec<Diagnostic>>, rows: &[Row], written: &str, data: &[u8]) {
    match again {
        Ok(loaded) if loaded.rows == rows => {}
        other => panic!("read:\n{}\nwritten:\n{written}\n{other:#?}", String::from_utf8_lossy(data)),
    }
}

/// Calls a reader that sees one variable and no file.
fn with_nothing<T>(read: impl FnOnce(&Environment) -> T) -> T {
    let variable = |name: &str| (name == "SET").then(|| "some value".to_owned());
    read(&Environment::new(&variable, &|_| Err(std::io::ErrorKind::NotFound.into())))
}

/// A configuration with a bit of everything.
pub(super) const PLAIN: &str = "global
  maxconn 100
  stats socket /tmp/a.sock mode 600 level admin
  log 127.0.0.1:514 local0 notice
defaults base
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 60000
  option httplog
  log global
frontend f from base
  bind :8080,127.0.0.1:8081 name one
  bind /tmp/b.sock mode 666
  maxconn 50
  option forwardfor except 127.0.0.0/8
  default_backend b
backend b from base
  balance leastconn
  option redispatch
  retries 2
  default-server weight 10 maxconn 20
  server s1 127.0.0.1:1 weight 20 id 5
  server s2 name:2 backup disabled send-proxy-v2
  server s3 unix@/tmp/c.sock
listen l
  bind *:9000
  mode tcp
  server s [::1]:3
";

const CONDITIONAL: &str = ".if defined(SET) && version_atleast(2.4)
global
  description \"${SET} and ${UNSET-default}\"
.elif feature(OPENSSL)
  nonsense
.else
.notice \"other\"
.endif
defaults
  timeout client 1d
";

const QUOTED: &str = "global
  description 'strong \"${SET}\"' # comment
  node \"weak \\\"${SET}\\\" \\x41\"
  setenv A b\\ c
defaults
  mode tcp
frontend f
  bind fd@3
  bind abns@name
";
