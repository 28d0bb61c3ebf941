//! ACLs, rules and routes (configuration manual 4.2 and 7).

use crate::model::{Capture, Route, Rules, ServerRoute};
use crate::rules::action::{Slot, read_redirect, read_reply};
use crate::rules::standing::Standing;
use crate::rules::{
    Acl, Action as RuleAction, Checkpoint, Condition, Mistake, Rule, RuleSet, Stick, StickKind, Test, Words,
    condition,
};

use super::super::diagnostic::{Gravity, Issue};
use super::arguments::{Arguments, Reading, TIME, about, expecting};
use super::{Action, Directive, Draft, Lines, Sections, vain};

/// A directive that adds a rule of one set.
macro_rules! rule {
    ($set:expr, $name:literal, $sections:expr, $sides:expr, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: "<action> [ { if | unless } <condition> ]",
            negatable: false,
            repeats: true,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let rule = read(draft, arguments, Some($set.checkpoints()), |words, file| {
                        Rule::parse($set, words, file)
                    })?;
                    let mut rule = declared(draft, arguments, rule)?;
                    rule.place = Standing(Some(arguments.place()));
                    each(draft, $sides, |rules| rules.push($set, rule.clone()));
                    Ok(())
                },
                write: |draft, lines| {
                    write(draft, $sides, lines, |rules| rules.of($set).map(Rule::words).collect());
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// A directive that adds a condition.
macro_rules! condition {
    ($name:literal, $place:expr, $sections:expr, $sides:expr, $field:ident, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: "{ if | unless } <condition>",
            negatable: false,
            repeats: true,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let condition = read(draft, arguments, $place, |words, _| needed(words))?;
                    each(draft, $sides, |rules| rules.$field.push(condition.clone()));
                    Ok(())
                },
                write: |draft, lines| {
                    write(draft, $sides, lines, |rules| rules.$field.iter().map(Condition::words).collect());
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// A directive about the servers that clients stay with.
macro_rules! stick {
    ($kind:expr, $place:expr, $name:literal, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: Sections::SERVING,
            syntax: "<sample> [table <table>] [ { if | unless } <condition> ]",
            negatable: false,
            repeats: true,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let stick =
                        read(draft, arguments, Some([$place; 2]), |words, _| Stick::parse($kind, words))?;
                    each(draft, Sides::BACK, |rules| rules.sticks.push(stick.clone()));
                    Ok(())
                },
                write: |draft, lines| {
                    let mine = |stick: &&Stick| stick.kind == $kind;
                    write(draft, Sides::BACK, lines, |rules| {
                        rules.sticks.iter().filter(mine).map(Stick::words).collect()
                    });
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "acl",
        sections: Sections::PROXY,
        syntax: "<name> <fetch> [<flag>]* [<pattern>]*",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| {
                let acl = read(draft, arguments, None, |words, _| Acl::parse(words))?;
                each(draft, Sides::BOTH, |rules| rules.acls.push(acl.clone()));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::BOTH, lines, |rules| rules.acls.iter().map(Acl::words).collect());
            },
        },
        accepted: &[
            "acl local src 127.0.0.1/8 ::1",
            "acl api path_beg -i /api",
            "acl many int(3) 5:",
            "acl host req.hdr(host),lower -m end .example.com",
        ],
        refused: &["acl", "acl a", "acl a pth /", "acl 'a b' path /", "acl or path /", "acl a src -m no 1"],
    },
    rule!(
        RuleSet::TcpConnection,
        "tcp-request connection",
        Sections::FRONT,
        Sides::FRONT,
        &["tcp-request connection reject if { src 10.0.0.0/8 }"],
        &["tcp-request connection", "tcp-request connection deny", "tcp-request connection accept if nobody"]
    ),
    rule!(
        RuleSet::TcpSession,
        "tcp-request session",
        Sections::FRONT,
        Sides::FRONT,
        &["tcp-request session accept"],
        &["tcp-request session"]
    ),
    Directive {
        name: "tcp-request inspect-delay",
        sections: Sections::PROXY,
        syntax: "<time>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let time = (TIME.read)(arguments)?;
                arguments.finish()?;
                each(draft, Sides::BOTH, |rules| rules.inspect_delay = Some(time));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::BOTH, lines, |rules| {
                    rules.inspect_delay.iter().map(|time| (TIME.write)(time)).collect()
                });
            },
        },
        accepted: &["tcp-request inspect-delay 5s"],
        refused: &[
            "tcp-request inspect-delay",
            "tcp-request inspect-delay x",
            "tcp-request inspect-delay 1s 2s",
        ],
    },
    rule!(
        RuleSet::TcpContent,
        "tcp-request content",
        Sections::PROXY,
        Sides::BOTH,
        &["tcp-request content accept if HTTP_1.1", "tcp-request content set-var(sess.a) src"],
        &["tcp-request content", "tcp-request content deny"]
    ),
    Directive {
        name: "timeout tarpit",
        sections: Sections::PROXY,
        syntax: "<time>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let time = (TIME.read)(arguments)?;
                arguments.finish()?;
                each(draft, Sides::BOTH, |rules| rules.tarpit = Some(time));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::BOTH, lines, |rules| {
                    rules.tarpit.iter().map(|time| (TIME.write)(time)).collect()
                });
            },
        },
        accepted: &["timeout tarpit 5s"],
        refused: &["timeout tarpit", "timeout tarpit x"],
    },
    Directive {
        name: "monitor-uri",
        sections: Sections::FRONT,
        syntax: "<uri>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let uri = arguments.take("a target")?.text.clone();
                arguments.finish()?;
                each(draft, Sides::FRONT, |rules| rules.monitor_uri = Some(uri.clone()));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::FRONT, lines, |rules| {
                    rules.monitor_uri.iter().map(|uri| vec![uri.clone()]).collect()
                });
            },
        },
        accepted: &["monitor-uri /alive"],
        refused: &["monitor-uri", "monitor-uri /a /b"],
    },
    condition!(
        "monitor fail",
        None,
        Sections::LISTENING,
        Sides::FRONT,
        monitor_fail,
        &["monitor fail if { nbsrv(app) :0 }"],
        &["monitor fail", "monitor fail if", "monitor fail if nobody"]
    ),
    rule!(
        RuleSet::HttpRequest,
        "http-request",
        Sections::PROXY,
        Sides::BOTH,
        &[
            "http-request deny if { path /private } !{ src 10.0.0.0/8 }",
            "http-request set-header X-Source %[src]",
            "http-request return status 200 content-type text/plain string fine if METH_GET or METH_HEAD",
        ],
        &["http-request", "http-request dney", "http-request deny if nobody", "http-request set-header X"]
    ),
    Directive {
        name: "redirect",
        sections: Sections::PROXY,
        syntax: "{ location | prefix | scheme } <to> [code <code>] [<option>]* [ { if | unless } <condition> ]",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| {
                let rule = read(draft, arguments, Some(RuleSet::HttpRequest.checkpoints()), |words, _| {
                    let action = RuleAction::Redirect(read_redirect(words)?);
                    Ok(Rule { action, condition: Condition::parse(words)?, place: Standing::default() })
                })?;
                each(draft, Sides::BOTH, |rules| rules.redirects.push(rule.clone()));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::BOTH, lines, |rules| {
                    rules.redirects.iter().map(|rule| rule.words().split_off(1)).collect()
                });
            },
        },
        accepted: &["redirect scheme https code 301 if { dst_port 80 }"],
        refused: &["redirect", "redirect to /", "redirect prefix", "redirect prefix / code 200"],
    },
    Directive {
        name: "use_backend",
        sections: Sections::LISTENING,
        syntax: "<backend> [ { if | unless } <condition> ]",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| {
                let route = read(draft, arguments, Some([Checkpoint::UseBackend; 2]), |words, _| {
                    Route::parse(words)
                })?;
                each(draft, Sides::FRONT, |rules| rules.routes.push(route.clone()));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::FRONT, lines, |rules| rules.routes.iter().map(Route::words).collect());
            },
        },
        accepted: &["use_backend api if { path_beg /api }", "use_backend %[req.hdr(host),lower]"],
        refused: &["use_backend", "use_backend a if", "use_backend 'a b'", "use_backend %[pth]"],
    },
    Directive {
        name: "use-server",
        sections: Sections::SERVING,
        syntax: "<server> { if | unless } <condition>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| {
                let route = read(draft, arguments, Some([Checkpoint::UseServer; 2]), |words, _| {
                    ServerRoute::parse(words)
                })?;
                each(draft, Sides::BACK, |rules| rules.servers.push(route.clone()));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::BACK, lines, |rules| {
                    rules.servers.iter().map(ServerRoute::words).collect()
                });
            },
        },
        accepted: &["use-server www if { path_beg /www }"],
        refused: &["use-server", "use-server a if nobody"],
    },
    stick!(
        StickKind::On,
        Checkpoint::UseServer,
        "stick on",
        &["stick on src", "stick on req.hdr(x-user),lower table users if METH_GET"],
        &["stick on", "stick on sorce", "stick on src table", "stick on src when TRUE", "stick on status"]
    ),
    stick!(
        StickKind::Match,
        Checkpoint::UseServer,
        "stick match",
        &["stick match src table pop if { src 10.0.0.0/8 }"],
        &["stick match"]
    ),
    stick!(
        StickKind::StoreRequest,
        Checkpoint::UseServer,
        "stick store-request",
        &["stick store-request src unless TRUE"],
        &["stick store-request src table a b"]
    ),
    stick!(
        StickKind::StoreResponse,
        Checkpoint::StickStore,
        "stick store-response",
        &["stick store-response res.hdr(x-user) table users"],
        &["stick store-response path"]
    ),
    condition!(
        "force-persist",
        Some([Checkpoint::BackendContent; 2]),
        Sections::SERVING,
        Sides::BACK,
        force_persist,
        &["force-persist if { src 10.0.0.0/8 }"],
        &["force-persist", "force-persist if nobody"]
    ),
    condition!(
        "ignore-persist",
        Some([Checkpoint::BackendContent; 2]),
        Sections::SERVING,
        Sides::BACK,
        ignore_persist,
        &["ignore-persist unless { path_end .gif }"],
        &["ignore-persist"]
    ),
    Directive {
        name: "tcp-response inspect-delay",
        sections: Sections::BACK,
        syntax: "<time>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let time = (TIME.read)(arguments)?;
                arguments.finish()?;
                each(draft, Sides::BACK, |rules| rules.response_inspect_delay = Some(time));
                Ok(())
            },
            write: |draft, lines| {
                write(draft, Sides::BACK, lines, |rules| {
                    rules.response_inspect_delay.iter().map(|time| (TIME.write)(time)).collect()
                });
            },
        },
        accepted: &["tcp-response inspect-delay 1s"],
        refused: &["tcp-response inspect-delay"],
    },
    rule!(
        RuleSet::TcpResponse,
        "tcp-response content",
        Sections::BACK,
        Sides::BACK,
        &["tcp-response content accept"],
        &["tcp-response content"]
    ),
    rule!(
        RuleSet::HttpResponse,
        "http-response",
        Sections::PROXY,
        Sides::BOTH,
        &["http-response set-header X-Served %[srv_name]", "http-response del-header Server"],
        &["http-response", "http-response set-path /", "http-response set-header X %[path]"]
    ),
    rule!(
        RuleSet::HttpAfterResponse,
        "http-after-response",
        Sections::PROXY,
        Sides::BOTH,
        &["http-after-response set-header Strict-Transport-Security max-age=1"],
        &["http-after-response", "http-after-response deny"]
    ),
];

/// Where conditions of a directive are looked at: in a frontend, in a backend; none where that is not told apart.
pub(super) type Places = Option<[Checkpoint; 2]>;

/// The sides of a section that a directive is for.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    front: bool,
    back: bool,
}

impl Sides {
    pub(super) const FRONT: Sides = Sides { front: true, back: false };
    pub(super) const BACK: Sides = Sides { front: false, back: true };
    pub(super) const BOTH: Sides = Sides { front: true, back: true };
}

/// Reads the words of a line; refuses what nobody took, and ACLs that do not stand before it.
pub(super) fn read<T: Conditional>(
    draft: &Draft,
    arguments: &mut Arguments,
    places: Places,
    read: impl FnOnce(&mut Words<'_>, crate::rules::action::ReadFile<'_>) -> Result<T, Mistake>,
) -> Reading<T> {
    let environment = arguments.environment;
    let file = |path: &str| environment.read_file(path).map_err(|error| error.to_string());
    let line = arguments.remaining();
    let mut words = Words::new(line.iter().map(|word| word.text.as_str()));
    let outcome = read(&mut words, &file).and_then(|value| words.finish().map(|()| value));
    let value = outcome.map_err(|mistake| issue(arguments, line, mistake))?;
    if let Some(name) = value.condition().and_then(|condition| unknown_acl(draft, condition)) {
        let place = line.iter().find(|word| word.text.trim_start_matches('!') == name);
        let message = format!("there is no ACL '{name}'");
        let known = rules(draft).map(|rules| rules.acls.as_slice()).unwrap_or_default();
        let near = super::super::keywords::nearest(&name, known.iter().map(|acl| acl.name.as_str()));
        return Err(match (place, near) {
            (Some(word), Some(near)) => expecting(word, message, format!("did you mean '{near}'?")),
            (Some(word), None) => expecting(word, message, "an 'acl' line before this one must define it"),
            (None, _) => arguments.issue(message),
        });
    }
    if let Some(condition) = value.condition() {
        for (word, message) in vain::terms(draft, condition, line, places) {
            arguments.remark(Gravity::Warning, word, message);
        }
    }
    Ok(value)
}

/// Reads an answer, all that is left of a line.
pub(super) fn answer(arguments: &mut Arguments) -> Reading<crate::rules::action::Reply> {
    let environment = arguments.environment;
    let file = |path: &str| environment.read_file(path).map_err(|error| error.to_string());
    let line = arguments.remaining();
    let mut words = Words::new(line.iter().map(|word| word.text.as_str()));
    let outcome = read_reply(&mut words, &file).and_then(|value| words.finish().map(|()| value));
    outcome.map_err(|mistake| issue(arguments, line, mistake))
}

/// The rule with a slot that the frontend declares, in the place of one of its own.
fn declared(draft: &mut Draft, arguments: &Arguments, mut rule: Rule) -> Reading<Rule> {
    if let RuleAction::Capture(_, slot) = &mut rule.action
        && let Slot::Own(length) = *slot
    {
        let Some(side) = &mut draft.frontend else {
            let message = "a backend has no slots of its own: 'id' and a slot of the frontend is expected";
            return Err(arguments.issue(message.to_owned()));
        };
        *slot = Slot::Declared(side.request_captures.len().try_into().unwrap_or(u32::MAX));
        side.request_captures.push(Capture { header: None, length });
    }
    Ok(rule)
}

/// The issue of a mistake in one of these words.
fn issue(arguments: &Arguments, line: &[super::super::lexer::Word], mistake: Mistake) -> Issue {
    let Some(word) = line.get(mistake.word) else {
        return Issue { help: mistake.help, ..arguments.at_end(mistake.message) };
    };
    // Where the text is as it was written, the place is exact; else the whole word is meant.
    let verbatim = word.text.chars().count() == word.length as usize;
    let before = word.text.get(..mistake.at).map_or(0, |text| text.chars().count()) as u32;
    let offset = if verbatim { before.min(word.length) } else { 0 };
    Issue {
        column: word.column + offset,
        length: word.length - offset,
        help: mistake.help,
        ..about(word, mistake.message)
    }
}

/// An ACL that a condition names and nobody defined.
fn unknown_acl(draft: &Draft, wanted: &Condition) -> Option<String> {
    let known = rules(draft).map(|rules| rules.acls.as_slice()).unwrap_or_default();
    wanted.terms().find_map(|term| match &term.test {
        Test::Named(name) => {
            let there = known.iter().any(|acl| acl.name == *name);
            let predefined = condition::PREDEFINED.iter().any(|(predefined, _)| *predefined == name.as_str());
            (!there && !predefined).then(|| name.to_string())
        }
        Test::Anonymous(_) => None,
    })
}

/// What may have a condition.
pub(super) trait Conditional {
    fn condition(&self) -> Option<&Condition>;
}

impl Conditional for Acl {
    fn condition(&self) -> Option<&Condition> {
        None
    }
}

impl Conditional for Rule {
    fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
}

impl Conditional for Route {
    fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
}

impl Conditional for ServerRoute {
    fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
}

impl Conditional for Stick {
    fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
}

impl Conditional for Condition {
    fn condition(&self) -> Option<&Condition> {
        Some(self)
    }
}

pub(super) fn needed(words: &mut Words<'_>) -> Result<Condition, Mistake> {
    Condition::parse(words)?.ok_or_else(|| {
        Mistake::new(0, "a condition is missing").expecting("'if' or 'unless' is expected here")
    })
}

pub(super) fn rules(draft: &Draft) -> Option<&Rules> {
    let front = draft.frontend.as_ref().map(|side| &side.rules);
    front.or(draft.backend.as_ref().map(|side| &side.rules))
}

/// Changes the rules of each side that is meant.
pub(super) fn each(draft: &mut Draft, sides: Sides, mut change: impl FnMut(&mut Rules)) {
    if let Some(side) = draft.frontend.as_mut().filter(|_| sides.front) {
        change(&mut side.rules);
    }
    if let Some(side) = draft.backend.as_mut().filter(|_| sides.back) {
        change(&mut side.rules);
    }
}

/// Writes lines of the rules; notes when the sides disagree.
pub(super) fn write(
    draft: &Draft,
    sides: Sides,
    lines: &mut Lines,
    spell: impl Fn(&Rules) -> Vec<Vec<String>>,
) {
    let front = draft.frontend.as_ref().filter(|_| sides.front).map(|side| spell(&side.rules));
    let back = draft.backend.as_ref().filter(|_| sides.back).map(|side| spell(&side.rules));
    if let (Some(front), Some(back)) = (&front, &back) {
        lines.disagreement |= front != back;
    }
    front.or(back).into_iter().flatten().for_each(|words| lines.push(words));
}
