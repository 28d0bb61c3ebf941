//! HAProxy's command line (management manual, section 3).
//!
//! As observed, an option is known by the letters after its dash, what follows them is ignored (`-cq` is `-c`), and
//! numbers are read up to the first character that is none (`-n x` is `-n 0`). Options that tune what does not
//! exist here are accepted without a word.

use std::ffi::OsString;
use std::path::PathBuf;

use super::messages::Messages;

/// What a command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// What is wanted.
    pub wish: Wish,
    /// Files and folders of configuration, in order (`-f`, `--`).
    pub files: Vec<PathBuf>,
    /// The folder to go to before anything is read (`-C`).
    pub folder: Option<PathBuf>,
    /// Go into the background (`-D`).
    pub daemon: bool,
    /// Stay in the foreground, whatever else is said (`-d`, `-db`).
    pub foreground: bool,
    /// Behave as a master that watches workers does (`-W`, `-Ws`).
    pub master: bool,
    /// Tell systemd when ready (`-Ws`).
    pub notify: bool,
    /// No messages (`-q`).
    pub quiet: bool,
    /// More messages (`-V`, `-d`).
    pub verbose: bool,
    /// Warnings are errors (`-dW`).
    pub strict: bool,
    /// Show what is worth knowing and no warning (`-dD`).
    pub diagnose: bool,
    /// File for the process id (`-p`).
    pub pidfile: Option<PathBuf>,
    /// Most connections (`-n`); 0 leaves it to the configuration.
    pub maxconn: u32,
    /// Most connections of a proxy that says nothing about it (`-N`); 0 leaves it to the configuration.
    pub proxy_maxconn: u32,
    /// The name of the local peer (`-L`).
    pub local_peer: Option<String>,
    /// Whether there is to be a socket for a master's commands (`-S`).
    pub master_socket: bool,
    /// Where it listens, and what else is said of it, separated by commas.
    pub master_address: Option<String>,
    /// Processes to tell to finish once this one listens (`-sf`).
    pub finish: Vec<i32>,
    /// Processes to stop once this one listens (`-st`).
    pub terminate: Vec<i32>,
}

/// What a command line wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Forward traffic.
    #[default]
    Serve,
    /// Check the configuration (`-c`).
    Check,
    /// Evaluate a condition (`-cc`).
    Condition(String),
    /// Tell the version (`-v`), and how it was built (`-vv`).
    Version {
        /// Whether `-vv` was given.
        detailed: bool,
    },
}

/// Why a command line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The reason was told.
    Told,
    /// The usage is to be shown.
    Usage,
}

/// Reads the arguments after the program's name.
pub fn parse(words: &[OsString], messages: &mut Messages) -> Result<Arguments, Unusable> {
    let mut arguments = Arguments::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            arguments.files.extend(words.by_ref().map(PathBuf::from));
            break;
        }
        let Some(option) = text.strip_prefix('-') else { return Err(Unusable::Usage) };
        if takes_value(option) {
            let Some(value) = words.next() else {
                messages.alert(&format!("option -{option} expects an argument."));
                return Err(Unusable::Told);
            };
            valued(&mut arguments, option, value);
            continue;
        }
        match option.as_bytes() {
            [b'v', rest @ ..] => {
                arguments.wish = Wish::Version { detailed: rest.first() == Some(&b'v') };
                return Ok(arguments);
            }
            [b's', which @ (b'f' | b't'), ..] => {
                let mut pids = Vec::new();
                while let Some(pid) = words.next_if(|word| !word.as_encoded_bytes().starts_with(b"-")) {
                    pids.push(process_id(*which, &pid.to_string_lossy(), messages)?);
                }
                // The last list holds, and so does its kind.
                (arguments.finish, arguments.terminate) =
                    if *which == b'f' { (pids, Vec::new()) } else { (Vec::new(), pids) };
            }
            [b'S', ..] => {
                arguments.master_socket = true;
                let address = words.next_if(|word| !word.as_encoded_bytes().starts_with(b"-"));
                arguments.master_address = address.map(|word| word.to_string_lossy().into_owned());
            }
            [b'x', ..] => {
                if words.next_if(|word| !word.as_encoded_bytes().starts_with(b"-")).is_none() {
                    messages.alert("Unix socket path expected with the -x flag\n");
                    return Err(Unusable::Usage);
                }
            }
            other => plain(&mut arguments, other)?,
        }
    }
    let needs_files = matches!(arguments.wish, Wish::Serve | Wish::Check);
    if needs_files && arguments.files.is_empty() {
        return Err(Unusable::Usage);
    }
    Ok(arguments)
}

/// Options whose value is the next word, whatever that begins with.
fn takes_value(option: &str) -> bool {
    option == "cc"
        || matches!(option.as_bytes().first(), Some(b'f' | b'C' | b'p' | b'n' | b'N' | b'm' | b'L'))
}

fn valued(arguments: &mut Arguments, option: &str, value: &OsString) {
    let text = value.to_string_lossy();
    match option.as_bytes().first() {
        Some(b'f') => arguments.files.push(PathBuf::from(value)),
        Some(b'C') => arguments.folder = Some(PathBuf::from(value)),
        Some(b'p') => arguments.pidfile = Some(PathBuf::from(value)),
        Some(b'n') => arguments.maxconn = leading_number(&text),
        Some(b'N') => arguments.proxy_maxconn = leading_number(&text),
        Some(b'L') => arguments.local_peer = Some(text.into_owned()),
        Some(b'c') => arguments.wish = Wish::Condition(text.into_owned()),
        // -m limits memory by refusing it to the process, which would take its service down.
        _ => {}
    }
}

fn plain(arguments: &mut Arguments, option: &[u8]) -> Result<(), Unusable> {
    match option {
        [b'c', ..] => arguments.wish = Wish::Check,
        [b'D', ..] => arguments.daemon = true,
        [b'q', ..] => arguments.quiet = true,
        [b'V', ..] => arguments.verbose = true,
        [b'W', rest @ ..] => {
            arguments.master = true;
            arguments.notify |= rest.first() == Some(&b's');
        }
        [b'd', b'b', ..] => arguments.foreground = true,
        [b'd', b'W', ..] => arguments.strict = true,
        [b'd', b'D', ..] => arguments.diagnose = true,
        // Everything else that -d begins tunes or dumps what does not exist here.
        [b'd', _, ..] => {}
        [b'd'] => {
            arguments.foreground = true;
            arguments.verbose = true;
        }
        _ => return Err(Unusable::Usage),
    }
    Ok(())
}

fn process_id(which: u8, text: &str, messages: &mut Messages) -> Result<i32, Unusable> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    let option = if which == b'f' { "-sf" } else { "-st" };
    if !rest.is_empty() {
        messages.alert(&format!("{option} option: some bytes unconsumed in PID list {{{rest}}}"));
        return Err(Unusable::Told);
    }
    match number.parse::<i32>() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => {
            messages.alert(&format!("{option} option: '{text}' is no process id"));
            Err(Unusable::Told)
        }
    }
}

fn leading_number(text: &str) -> u32 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, Unusable> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&words, &mut Messages::new(true))
    }

    fn said(line: &str) -> Arguments {
        read(line).unwrap_or_default()
    }

    #[test]
    fn an_init_script_s_line_is_read() {
        let arguments = said(
            "-f /etc/a.cfg -f /etc/conf.d -D -p /run/x.pid -Ws -C / -n 500 -N 20 -L me -sf 12 13 -- c.cfg d.cfg",
        );
        assert_eq!(arguments.files, ["/etc/a.cfg", "/etc/conf.d", "c.cfg", "d.cfg"].map(PathBuf::from));
        assert_eq!(arguments.finish, [12, 13]);
        assert_eq!(arguments.pidfile, Some(PathBuf::from("/run/x.pid")));
        assert_eq!((arguments.maxconn, arguments.proxy_maxconn), (500, 20));
        assert!(arguments.daemon && arguments.master && arguments.notify && !arguments.foreground);
        assert_eq!(arguments.wish, Wish::Serve);
    }

    #[test]
    fn letters_after_an_option_s_own_are_ignored() {
        assert_eq!(said("-cq -f a"), said("-c -f a"));
        assert_eq!(said("-Dc -f a"), said("-D -f a"));
        assert_eq!(said("-dbW -f a"), said("-db -f a"));
        assert_eq!(said("-n x -f a").maxconn, 0);
        assert_eq!(said("-n 12k -f a").maxconn, 12);
    }

    #[test]
    fn options_without_meaning_here_are_accepted() {
        for option in [
            "-de",
            "-dp",
            "-dS",
            "-dG",
            "-dR",
            "-dL",
            "-dKhelp",
            "-dKall",
            "-dr",
            "-dV",
            "-dM",
            "-dM0,no-merge",
            "-dI",
            "-dF",
            "-dt",
            "-dC",
            "-dk",
            "-dX",
            "-m 100",
            "-x /run/old.sock",
            "-S /run/m.sock,mode,600",
            "-sf",
            "-st",
        ] {
            let arguments = said(&format!("{option} -f a -c"));
            assert_eq!((arguments.files.len(), arguments.wish), (1, Wish::Check), "{option}");
        }
    }

    #[test]
    fn versions_end_the_reading() {
        assert_eq!(said("-v").wish, Wish::Version { detailed: false });
        assert_eq!(said("-vv -Z").wish, Wish::Version { detailed: true });
        assert_eq!(said("-cc defined(HOME)").wish, Wish::Condition("defined(HOME)".to_owned()));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for (line, why) in [
            ("", Unusable::Usage),
            ("-c", Unusable::Usage),
            ("-c --", Unusable::Usage),
            ("-Z -f a", Unusable::Usage),
            ("-f a stray", Unusable::Usage),
            ("--help", Unusable::Usage),
            ("-x", Unusable::Usage),
            ("-f", Unusable::Told),
            ("-p", Unusable::Told),
            ("-sf 1x -f a", Unusable::Told),
            ("-st 0 -f a", Unusable::Told),
        ] {
            assert_eq!(read(line), Err(why), "{line}");
        }
    }
}
