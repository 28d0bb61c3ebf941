//! What a look-up in a large list costs, by method.

use std::fmt::Write;

use super::requests::small_scene;
use super::{Course, remark, said};
use crate::bench::load::{Pace, Plan};
use crate::bench::round::{Scene, span_of};
use crate::bench::table::{Measure, Table};
use crate::harness::{Port, Result};

/// Several frontends of one process, each with other rules, under the same requests.
pub(super) fn run(course: &Course) -> Result<Table> {
    let sizes = Sizes::of(course.entries);
    let text = format!(
        "CPU a request of frontends that differ in their rules, in µs. Requests have {KEYS} names and {KEYS} addresses \
         in headers, drawn anew each time. `plain`: no rules. `map` and `map_ip`: {KEYS} look-ups a request among {} \
         entries, of which one in ten is found (addresses: every second, in networks of two lengths). `sub`, `end`, `reg`: one look-up among {} or {} patterns, of which every second request \
         matches one. The figures of look-ups are what one of them adds to `plain`, in ns.",
        sizes.exact, sizes.few, sizes.many,
    );
    let frontends = frontends();
    let mut measures = Vec::new();
    for frontend in &frontends {
        measures.push(Measure { name: frontend.title, digits: 2, ratio: true });
    }
    for frontend in &frontends[1..] {
        measures.push(Measure { name: frontend.added, digits: 0, ratio: true });
    }
    let mut table = Table::new("Look-ups in large lists", &text, &measures);
    let course = &course.without_nginx();
    course.rounds("lookups", |contestant| {
        let scene = Scene { request: request(), ..small_scene() };
        let (mut stage, mut setting) = scene.open()?;
        let ports: Vec<Port> = frontends.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
        setting.rules.files = files(sizes);
        for (frontend, port) in frontends.iter().zip(&ports) {
            let _ = write!(
                setting.rules.sections,
                "frontend {}\n  bind 127.0.0.1:{}\n{}  default_backend app\n",
                frontend.title,
                port.number(),
                frontend.rules
            );
        }
        let running = contestant.start(&setting)?;
        let mut costs = vec![0.0; frontends.len()];
        // Each comes again after the others, so that what else the machine does meets all of them.
        for _ in 0..TURNS {
            for (cost, port) in costs.iter_mut().zip(&ports) {
                let plan = Plan { target: port.address(), ..scene.plan(&running, Pace::Closed) };
                stage.load(plan);
                let span = span_of(&mut stage, running.process(), course.effort.span / TURNS)?;
                remark(&mut table, contestant, &span, true);
                *cost += span.cpu_per_request() / f64::from(TURNS);
            }
        }
        let added = frontends.iter().zip(&costs).skip(1);
        let mut values = costs.clone();
        values.extend(added.map(|(frontend, cost)| (cost - costs[0]) * 1000.0 / frontend.lookups));
        table.add(contestant, &values);
        Ok(said(&measures, &values))
    })?;
    Ok(table)
}

#[derive(Clone, Copy)]
struct Sizes {
    exact: usize,
    few: usize,
    many: usize,
}

struct Frontend {
    title: &'static str,
    added: &'static str,
    rules: String,
    lookups: f64,
}

impl Sizes {
    /// The stated ones with a million entries, fewer with fewer.
    fn of(entries: usize) -> Self {
        Self {
            exact: (entries / 10).clamp(10, 100_000),
            few: 1000,
            many: (entries / 100).clamp(1000, 10_000),
        }
    }
}

fn frontends() -> Vec<Frontend> {
    let each = |rule: &dyn Fn(usize) -> String| (0..KEYS).map(rule).collect::<String>();
    let list = |method: &str, file: &str| {
        format!(
            "  http-request set-var(txn.v) bool(true) if {{ req.hdr(x-t) -m {method} -f @folder@/{file} }}\n"
        )
    };
    let frontend = |title, added, rules, lookups| Frontend { title, added, rules, lookups };
    let keys = KEYS as f64;
    vec![
        frontend("plain", "", String::new(), 1.0),
        frontend(
            "map",
            "one map ns",
            each(&|n| format!("  http-request set-var(txn.v{n}) req.hdr(x-n{n}),map(@folder@/exact.map)\n")),
            keys,
        ),
        frontend(
            "map_ip",
            "one map_ip ns",
            each(&|n| format!("  http-request set-var(txn.v{n}) req.hdr(x-a{n}),map_ip(@folder@/ip.map)\n")),
            keys,
        ),
        frontend("sub-few", "one sub-few ns", list("sub", "few.lst"), 1.0),
        frontend("sub-many", "one sub-many ns", list("sub", "many.lst"), 1.0),
        frontend("end-few", "one end-few ns", list("end", "few.lst"), 1.0),
        frontend("end-many", "one end-many ns", list("end", "many.lst"), 1.0),
        frontend("reg-few", "one reg-few ns", list("reg", "few.reg"), 1.0),
        frontend("reg-many", "one reg-many ns", list("reg", "many.reg"), 1.0),
    ]
}

/// Six digits are drawn for each header. A text ends in three of them, or four, after digits that only make it new.
fn request() -> Vec<u8> {
    let mut text = "GET /index.html HTTP/1.1\r\nHost: regate.test\r\n".to_owned();
    for number in 0..KEYS {
        let _ = write!(text, "X-N{number}: h######.example\r\nX-A{number}: 10.1##.1##.1##\r\n");
    }
    text.push_str("X-T: /download/##-####x\r\n\r\n");
    text.into_bytes()
}

fn files(sizes: Sizes) -> Vec<(String, String)> {
    let million = 1_000_000 / sizes.exact.max(1);
    let exact: String = (0..sizes.exact).map(|n| format!("h{:06}.example value\n", n * million)).collect();
    let ip: String = (0..sizes.exact)
        .map(|n| {
            let (second, third, fourth) = (n / 1000 % 100, n / 10 % 100, n % 10);
            match fourth {
                9 if third % 2 == 0 => format!("10.1{second:02}.1{third:02}.0/24 network\n"),
                _ => format!("10.1{second:02}.1{third:02}.1{:02} value\n", fourth * 10),
            }
        })
        .collect();
    let texts = |count: usize| {
        (0..count).map(move |n| {
            let end = if n % 2 == 0 { 'x' } else { 'y' };
            if count > 1000 { format!("-{n:04}{end}") } else { format!("{n:03}{end}") }
        })
    };
    let lines = |count: usize| texts(count).map(|text| text + "\n").collect::<String>();
    let expressions = |count: usize| texts(count).map(|text| format!("[0-9]{text}$\n")).collect::<String>();
    let many = expressions(sizes.many).replace("[0-9]-", "[0-9][0-9]-");
    vec![
        ("exact.map".to_owned(), exact),
        ("ip.map".to_owned(), ip),
        ("few.lst".to_owned(), lines(sizes.few)),
        ("many.lst".to_owned(), lines(sizes.many)),
        ("few.reg".to_owned(), expressions(sizes.few)),
        ("many.reg".to_owned(), many),
    ]
}

/// Look-ups of one request by name, and by address.
const KEYS: usize = 8;
const TURNS: u32 = 2;
