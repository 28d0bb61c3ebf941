//! `make bench`: Regate, Debian's HAProxy and nginx under one load, in turn; the table goes to a file.

#![allow(clippy::print_stdout, reason = "a program whose output is its purpose")]

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use regate_tests::bench::cases::{Case, Course};
use regate_tests::bench::contestant::Contestant;
use regate_tests::bench::round::{Effort, LOAD_CORE};
use regate_tests::harness::node::workspace;
use regate_tests::harness::process::confine_this_thread;
use regate_tests::harness::{Result, Trouble};

/// Measures Regate beside HAProxy and nginx.
#[derive(Parser)]
struct Options {
    /// Run only this case; may be given several times.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Rounds of each contestant in each case.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each part of a round is measured.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Entries of the large lists and tables.
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// Two rounds of one second: with small lists and tables: a look, not a measurement. Writes no
    /// file unless one is named.
    #[arg(long)]
    quick: bool,
    /// Leave Regate out.
    #[arg(long)]
    without_regate: bool,
    /// Leave nginx out.
    #[arg(long)]
    without_nginx: bool,
    /// Where the table goes.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            println!("bench: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let cases = chosen(options)?;
    let (contestants, absent) = contestants(options)?;
    let effort = if options.quick {
        Effort { rounds: 2, span: Duration::from_secs(1) }
    } else {
        Effort {
            rounds: options.rounds.max(1),
            span: Duration::from_secs_f64(options.seconds.clamp(0.1, 600.0)),
        }
    };
    let mut text = heading(&contestants, effort)?;
    // The load's core. Everything started from here on stays there, unless it is told otherwise.
    confine_this_thread(&[LOAD_CORE]).map_err(|trouble| {
        Trouble::new(format!("{trouble}: the bench needs two cores, one for the proxy alone"))
    })?;
    for sentence in &absent {
        let _ = write!(text, "\n{sentence}\n");
    }
    let entries =
        if options.quick { options.entries.min(QUICK) } else { options.entries }.clamp(1000, 1_000_000);
    let course = Course { contestants, effort, entries, report: |line| println!("{line}") };
    for case in cases {
        let table = case.run(&course)?.markdown();
        println!("\n{table}");
        let _ = write!(text, "\n{table}");
    }
    let output = match &options.output {
        Some(path) => path.clone(),
        None if options.quick || !options.cases.is_empty() || options.without_regate => return Ok(()),
        None => workspace().join("tests/bench-results.md"),
    };
    std::fs::write(&output, text)?;
    println!("written to {}", output.display());
    Ok(())
}

/// Entries of large lists and tables in a quick look.
const QUICK: usize = 20_000;

fn chosen(options: &Options) -> Result<Vec<Case>> {
    let known: Vec<&str> = Case::ALL.iter().map(|case| case.name).collect();
    if let Some(unknown) = options.cases.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Trouble::new(format!("there is no case {unknown:?}; there are {}", known.join(", "))));
    }
    let wanted = |case: &Case| options.cases.is_empty() || options.cases.iter().any(|name| name == case.name);
    Ok(Case::ALL.into_iter().filter(wanted).collect())
}

/// Who takes part, and a sentence about each who does not.
fn contestants(options: &Options) -> Result<(Vec<Contestant>, Vec<String>)> {
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for contestant in Contestant::ALL {
        let left_out = match contestant {
            Contestant::Haproxy => false,
            Contestant::Regate => options.without_regate,
            Contestant::Nginx => options.without_nginx,
        };
        match if left_out { Some("left out as told".to_owned()) } else { contestant.absence() } {
            None => present.push(contestant),
            Some(why) if contestant == Contestant::Haproxy => return Err(Trouble::new(why)),
            Some(why) if contestant == Contestant::Regate && !left_out => return Err(Trouble::new(why)),
            Some(why) => absent.push(format!("{contestant} did not take part: {why}.")),
        }
    }
    Ok((present, absent))
}

fn heading(contestants: &[Contestant], effort: Effort) -> Result<String> {
    let versions: Vec<String> = contestants.iter().map(|who| who.version()).collect::<Result<_>>()?;
    let date = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    Ok(format!(
        "# Bench results\n\n{}, on {}. {}, in turn, {} rounds of {} s a part. Each cell is the median of the rounds \
         with the least and the greatest; ratios are of medians, to HAProxy's. The proxy has core 0 to itself, the \
         load generator, the origin and the log sink share core 1, all over loopback. CPU is that of the proxy's \
         whole process group, exact by the scheduler's account and split into user and system by the kernel's ticks.\n",
        String::from_utf8_lossy(&date.stdout).trim(),
        machine(),
        versions.join(", "),
        effort.rounds,
        effort.span.as_secs_f64(),
    ))
}

/// Processor, cores, memory and kernel.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after_colon = |text: String, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kilobytes: f64 = after_colon(read("/proc/meminfo"), "MemTotal")
        .split(' ')
        .next()
        .unwrap_or_default()
        .parse()
        .unwrap_or(0.0);
    format!(
        "a machine with {cores} cores ({}), {:.0} GiB of memory and Linux {}",
        after_colon(read("/proc/cpuinfo"), "model name"),
        kilobytes / f64::from(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}
