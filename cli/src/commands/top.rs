//! `regate top`: proxies and servers live in a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;

use crate::client::Target;
use crate::failure::Failure;
use crate::terminal;
use crate::top::columns::COLUMNS;
use crate::top::model::{Model, Setup};
use crate::top::session;
use crate::top::source::Source;
use crate::top::source::socket::Address;
use crate::top::text::Signs;
use crate::top::view::Sort;

/// Arguments of `regate top`.
#[derive(Args, Debug)]
#[command(after_help = "Keys: ? shows them. Examples: top; top --endpoint unix:///run/regate/admin.sock; \
    top --haproxy /run/haproxy/admin.sock --read-only; top --once --problems. NO_COLOR switches colours off.")]
pub struct Arguments {
    /// Watches HAProxy (or a double of it) by its text socket: a path, or HOST:PORT
    #[arg(long, value_name = "SOCKET")]
    haproxy: Option<String>,
    /// Seconds between two looks
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Changes nothing, whatever key is pressed
    #[arg(long)]
    read_only: bool,
    /// Prints one frame as plain text, after two looks, and ends
    #[arg(long, alias = "batch")]
    once: bool,
    /// With --once: how many characters a line has. Default: COLUMNS, or 120
    #[arg(long, value_name = "CHARACTERS", requires = "once", value_parser = clap::value_parser!(u16).range(20..=1000))]
    width: Option<u16>,
    /// Shows the rows of each node of a controller, not those of all together
    #[arg(long)]
    by_node: bool,
    /// Shows only what somebody should look at
    #[arg(long)]
    problems: bool,
    /// Shows the servers of all backends in one list
    #[arg(long)]
    flat: bool,
    /// Shows only rows with these words; !WORD for one that they must not have
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    filter: String,
    /// Sorts by a column, as its head names it (name, status, req/s …)
    #[arg(long, value_name = "COLUMN", value_parser = sort)]
    sort: Option<Sort>,
}

/// Shows, until somebody leaves.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if !arguments.once && !is_terminal {
        return Err(Failure::usage("this needs a terminal; --once prints one frame as plain text"));
    }
    let (source, name) = match &arguments.haproxy {
        Some(text) => {
            let address = Address::parse(text).map_err(|why| Failure::usage(format!("--haproxy {why}")))?;
            let name = address.to_string();
            (Source::socket(address), name)
        }
        None => {
            // What is written wrong is told before the screen is taken.
            let endpoint = target.endpoint()?;
            target.dialler(&endpoint)?;
            (Source::admin(target, arguments.by_node), endpoint.to_string())
        }
    };
    let mut model = Model::new(Setup {
        target: name,
        read_only: arguments.read_only,
        signs: Signs::of(|name| std::env::var(name).ok()),
        colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        interval: format!("{} s", arguments.interval.as_secs_f64()),
    });
    model.arrangement.only_problems = arguments.problems;
    model.arrangement.is_flat = arguments.flat;
    model.arrangement.filter = arguments.filter;
    model.arrangement.sort = arguments.sort;
    if arguments.once {
        let columns =
            || std::env::var("COLUMNS").ok()?.parse::<u16>().ok().filter(|width| (20..=1000).contains(width));
        let width = arguments.width.or_else(columns).unwrap_or(USUAL_WIDTH);
        let text = session::print(source, model, arguments.interval, width).await?;
        terminal::print(&text);
        return Ok(());
    }
    session::show(source, model, arguments.interval).await
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("seconds from 0.1 to 3600 are expected".to_owned()),
    }
}

fn sort(text: &str) -> Result<Sort, String> {
    if text.eq_ignore_ascii_case("name") {
        return Ok(Sort::Name { is_reversed: false });
    }
    let found = COLUMNS.iter().find(|traits| traits.title.eq_ignore_ascii_case(text));
    found.map(|traits| Sort::By { column: traits.column, is_reversed: false }).ok_or_else(|| {
        let titles: Vec<String> = COLUMNS.iter().map(|traits| traits.title.to_lowercase()).collect();
        format!("name or one of {} is expected", titles.join(", "))
    })
}

/// Characters of a line of plain text, where nobody says.
const USUAL_WIDTH: u16 = 120;
