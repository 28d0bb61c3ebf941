//! The statistics page of a proxy (configuration manual 4.2 "stats …").

use crate::model::{PageScope, PageUser, StatisticsPage};

use super::arguments::{about, expecting, spell_time, time};
use super::rules::{Sides, each, needed, read, write};
use super::{Action, Directive, Draft, Lines, Sections};

/// A directive that sets or adds something of the page: how it reads, and the lines that read as it.
macro_rules! page {
    ($name:literal, $sections:expr, $syntax:literal, $repeats:literal, $read:expr, $write:expr, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: $syntax,
            negatable: false,
            repeats: $repeats,
            action: Action::Proxy {
                read: $read,
                write: |draft, lines| {
                    let spell: fn(&StatisticsPage) -> Vec<Vec<String>> = $write;
                    write_page(draft, lines, spell);
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// A directive without arguments.
macro_rules! flag {
    ($name:literal, $field:ident, $accepted:expr, $refused:expr) => {
        page!(
            $name,
            Sections::PROXY,
            "",
            false,
            |draft, arguments| {
                arguments.finish()?;
                each_page(draft, |page| page.$field = true);
                Ok(())
            },
            |page| lines_if(page.$field),
            $accepted,
            $refused
        )
    };
}

/// A directive with one word.
macro_rules! word {
    ($name:literal, $syntax:literal, $expected:literal, $field:ident, $accepted:expr, $refused:expr) => {
        page!(
            $name,
            Sections::PROXY,
            $syntax,
            false,
            |draft, arguments| {
                let word = arguments.take($expected)?.text.clone();
                arguments.finish()?;
                each_page(draft, |page| page.$field = Some(word.clone()));
                Ok(())
            },
            |page| page.$field.iter().map(|word| vec![word.clone()]).collect(),
            $accepted,
            $refused
        )
    };
}

/// A directive with a text that may be left out.
macro_rules! text {
    ($name:literal, $syntax:literal, $field:ident, $accepted:expr) => {
        page!(
            $name,
            Sections::PROXY,
            $syntax,
            false,
            |draft, arguments| {
                let text = arguments.rest();
                let text = (!text.is_empty()).then_some(text);
                each_page(draft, |page| page.$field = Some(text.clone()));
                Ok(())
            },
            |page| page
                .$field
                .iter()
                .map(|text| text.iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect())
                .collect(),
            $accepted,
            &[]
        )
    };
}

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    page!(
        "stats enable",
        Sections::PROXY,
        "",
        false,
        |draft, arguments| {
            arguments.finish()?;
            each_page(draft, |_| {});
            Ok(())
        },
        |page| lines_if(*page == StatisticsPage::default()),
        &["stats enable"],
        &["stats enable now"]
    ),
    word!(
        "stats uri",
        "<prefix>",
        "the beginning of targets",
        uri,
        &["stats uri /admin?stats"],
        &["stats uri"]
    ),
    word!(
        "stats realm",
        "<realm>",
        "a realm",
        realm,
        &["stats realm Statistics"],
        &["stats realm", "stats realm a b"]
    ),
    page!(
        "stats auth",
        Sections::PROXY,
        "<user>:<password>",
        true,
        |draft, arguments| {
            let word = arguments.take("a user and a password")?;
            let Some(user) = PageUser::parse(&word.text) else {
                return Err(expecting(
                    word,
                    "this is no user with a password",
                    "<user>:<password> is expected here",
                ));
            };
            arguments.finish()?;
            each_page(draft, |page| page.users.push(user.clone()));
            Ok(())
        },
        |page| page.users.iter().map(|user| vec![user.spelled()]).collect(),
        &["stats auth admin:AdMiN123"],
        &["stats auth", "stats auth admin", "stats auth :secret"]
    ),
    page!(
        "stats http-request",
        Sections::NAMED,
        "{ allow | deny | auth [realm <realm>] } [ { if | unless } <condition> ]",
        true,
        |draft, arguments| {
            let rule = read(draft, arguments, None, |words, _| StatisticsPage::parse_rule(words))?;
            each_page(draft, |page| page.rules.push(rule.clone()));
            Ok(())
        },
        |page| page.rules.iter().map(crate::rules::Rule::words).collect(),
        &["stats http-request auth realm Figures unless LOCALHOST", "stats http-request deny"],
        &["stats http-request", "stats http-request tarpit", "stats http-request allow if nobody"]
    ),
    page!(
        "stats admin",
        Sections::NAMED,
        "{ if | unless } <condition>",
        true,
        |draft, arguments| {
            let condition = read(draft, arguments, None, |words, _| needed(words))?;
            each_page(draft, |page| page.admin.push(condition.clone()));
            Ok(())
        },
        |page| page.admin.iter().map(crate::rules::Condition::words).collect(),
        &["stats admin if LOCALHOST", "stats admin if { src 10.0.0.0/8 }"],
        &["stats admin", "stats admin if", "stats admin if nobody"]
    ),
    page!(
        "stats refresh",
        Sections::PROXY,
        "<time>",
        false,
        |draft, arguments| {
            let word = arguments.peek();
            let refresh = time(arguments, 1000)?;
            arguments.finish()?;
            if let Some(word) = word.filter(|_| refresh.get() < 1000) {
                return Err(about(word, "browsers cannot ask again more often than once a second"));
            }
            each_page(draft, |page| page.refresh = Some(refresh));
            Ok(())
        },
        |page| page.refresh.iter().map(|refresh| vec![spell_time(*refresh)]).collect(),
        &["stats refresh 5s"],
        &["stats refresh", "stats refresh soon", "stats refresh 10ms"]
    ),
    page!(
        "stats scope",
        Sections::PROXY,
        "{ <name> | . }",
        true,
        |draft, arguments| {
            let scope = PageScope::parse(&arguments.take("the name of a proxy, or a dot")?.text);
            arguments.finish()?;
            each_page(draft, |page| page.scopes.push(scope.clone()));
            Ok(())
        },
        |page| page.scopes.iter().map(|scope| vec![scope.spelled().to_owned()]).collect(),
        &["stats scope .", "stats scope app"],
        &["stats scope", "stats scope a b"]
    ),
    flag!("stats hide-version", hide_version, &["stats hide-version"], &["stats hide-version now"]),
    text!("stats show-node", "[<name>]", node, &["stats show-node", "stats show-node Europe-1"]),
    text!(
        "stats show-desc",
        "[<text>]",
        description,
        &["stats show-desc", "stats show-desc Master node for Europe"]
    ),
    flag!("stats show-legends", legends, &["stats show-legends"], &["stats show-legends now"]),
    flag!("stats show-modules", modules, &["stats show-modules"], &["stats show-modules now"]),
];

/// Changes the page of each side, which is there from now on.
fn each_page(draft: &mut Draft, mut change: impl FnMut(&mut StatisticsPage)) {
    each(draft, Sides::BOTH, |rules| change(rules.statistics.get_or_insert_default()));
}

fn write_page(draft: &Draft, lines: &mut Lines, spell: fn(&StatisticsPage) -> Vec<Vec<String>>) {
    write(draft, Sides::BOTH, lines, |rules| rules.statistics.iter().flat_map(spell).collect());
}

/// One line without arguments, or none.
fn lines_if(there: bool) -> Vec<Vec<String>> {
    if there { vec![Vec::new()] } else { Vec::new() }
}
