//! Rules, out of the examples of the tables.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{PageScope, PageUser, Route, Rules, ServerRoute, StatisticsPage};
use super::millis;
use crate::rules::{Acl, Action, Condition, Rule, RuleSet, Words, action};

/// The rules of a client side.
pub(super) fn front() -> BoxedStrategy<Rules> {
    let rules = vec(rule(|set| set != RuleSet::TcpResponse), 0..4);
    (common(), rules, vec(route(), 0..2), of(Just("/alive".to_owned())), vec(condition(), 0..2), of(page()))
        .prop_map(|(common, rules, routes, monitor_uri, monitor_fail, statistics)| {
            sorted(Rules { rules, routes, monitor_uri, monitor_fail, statistics, ..common })
        })
        .boxed()
}

/// The rules of a server side.
pub(super) fn back() -> BoxedStrategy<Rules> {
    let rules = vec(rule(|set| !matches!(set, RuleSet::TcpConnection | RuleSet::TcpSession)), 0..4)
        // A server side alone has no connection whose mode could change.
        .prop_map(|mut rules| {
            rules.retain(|(_, rule)| !matches!(rule.action, Action::SwitchMode { .. }));
            rules
        });
    let conditions = (vec(condition(), 0..2), vec(condition(), 0..2));
    (common(), rules, vec(server_route(), 0..2), conditions, of(millis()), of(page()))
        .prop_map(|(common, rules, servers, persist, response_inspect_delay, statistics)| {
            let (force_persist, ignore_persist) = persist;
            sorted(Rules {
                rules,
                servers,
                force_persist,
                ignore_persist,
                response_inspect_delay,
                statistics,
                ..common
            })
        })
        .boxed()
}

/// Leaves out what defaults cannot say.
pub(super) fn defaults(front: &mut Rules, back: &mut Rules) {
    front.routes.clear();
    front.monitor_fail.clear();
    // Backends may take them over, which have no connection whose mode could change.
    front.rules.retain(|(_, rule)| !matches!(rule.action, Action::SwitchMode { .. }));
    back.servers.clear();
    back.force_persist.clear();
    back.ignore_persist.clear();
    for page in [&mut front.statistics, &mut back.statistics].into_iter().flatten() {
        page.rules.clear();
        page.admin.clear();
    }
}

/// Makes a server side say what a section with both sides says once.
pub(super) fn share(front: &Rules, back: &mut Rules) {
    back.acls.clone_from(&front.acls);
    back.redirects.clone_from(&front.redirects);
    back.inspect_delay = front.inspect_delay;
    back.tarpit = front.tarpit;
    back.statistics.clone_from(&front.statistics);
    back.rules.retain(|(set, _)| *set == RuleSet::TcpResponse);
    let both =
        |set: RuleSet| !matches!(set, RuleSet::TcpConnection | RuleSet::TcpSession | RuleSet::TcpResponse);
    back.rules.extend(front.rules.iter().filter(|(set, _)| both(*set)).cloned());
    back.rules.sort_by_key(|(set, _)| *set);
}

fn sorted(mut rules: Rules) -> Rules {
    rules.rules.sort_by_key(|(set, _)| *set);
    rules
}

fn common() -> impl Strategy<Value = Rules> + Clone {
    (vec(acl(), 0..3), of(millis())).prop_map(|(acls, inspect_delay)| Rules {
        acls,
        inspect_delay,
        ..Rules::default()
    })
}

fn page() -> impl Strategy<Value = StatisticsPage> + Clone {
    let text = |texts: &[&'static str]| of(select(texts.to_vec()).prop_map(str::to_owned));
    let shown = || of(of(select(vec!["Europe-1", "two words"]).prop_map(str::to_owned)));
    let rule = select(vec!["allow if LOCALHOST", "deny", "auth realm R unless TRUE"]);
    let rule = rule
        .prop_filter_map("a rule", |text| StatisticsPage::parse_rule(&mut Words::new(text.split(' '))).ok());
    let user = select(vec!["a:b", "admin:x:y"]).prop_filter_map("a user", PageUser::parse);
    let scope = select(vec![".", "app"]).prop_map(PageScope::parse);
    let names = (text(&["/stats", "/a?b"]), text(&["Figures", "Two words"]), shown(), shown());
    let lists = (vec(user, 0..2), vec(rule, 0..2), vec(condition(), 0..2), vec(scope, 0..2));
    let refresh = of(millis().prop_filter("a second", |refresh| refresh.get() >= 1000));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (names, lists, refresh, flags).prop_map(
        |((uri, realm, node, description), (users, rules, admin, scopes), refresh, flags)| {
            let (hide_version, legends, modules) = flags;
            StatisticsPage {
                uri,
                realm,
                users,
                rules,
                admin,
                refresh,
                scopes,
                hide_version,
                node,
                description,
                legends,
                modules,
            }
        },
    )
}

fn acl() -> impl Strategy<Value = Acl> + Clone {
    let texts = ["a src 10.0.0.0/8", "b path_beg -i /api", "c int(3) 5: :2", "a req.hdr(host) -m end .org"];
    select(texts.to_vec()).prop_filter_map("an ACL", |text| Acl::parse(&mut Words::new(text.split(' '))).ok())
}

fn rule(wanted: fn(RuleSet) -> bool) -> impl Strategy<Value = (RuleSet, Rule)> + Clone {
    let all: Vec<(RuleSet, &'static str)> = action::ROWS
        .iter()
        .flat_map(|row| row.sets.iter().flat_map(|set| row.examples.iter().map(|example| (*set, *example))))
        .filter(|(set, _)| wanted(*set))
        .collect();
    select(all).prop_filter_map("a rule", |(set, text)| {
        let file = |_: &str| Err("there are no files".to_owned());
        // The table of one that tracks may not be there, nor the list of one that changes it.
        let fits = |rule: &Rule| {
            use Action::{AddAcl, DeleteAcl, DeleteMap, SetMap, Track};
            !matches!(rule.action, Track(_) | SetMap(..) | DeleteMap(..) | AddAcl(..) | DeleteAcl(..))
        };
        Rule::parse(set, &mut Words::new(text.split(' ')), &file).ok().filter(fits).map(|rule| (set, rule))
    })
}

fn condition() -> impl Strategy<Value = Condition> + Clone {
    let texts = ["if TRUE", "unless { path /x } or !METH_GET", "if { src 10.0.0.0/8 } { int(3) :1 }"];
    select(texts.to_vec()).prop_filter_map("a condition", |text| {
        Condition::parse(&mut Words::new(text.split(' '))).ok().flatten()
    })
}

fn route() -> impl Strategy<Value = Route> + Clone {
    let texts = ["%[req.hdr(host),lower]", "%[path] if TRUE"];
    select(texts.to_vec())
        .prop_filter_map("a route", |text| Route::parse(&mut Words::new(text.split(' '))).ok())
}

fn server_route() -> impl Strategy<Value = ServerRoute> + Clone {
    let texts = ["www if TRUE", "%[path] unless { path /x }"];
    select(texts.to_vec())
        .prop_filter_map("a route", |text| ServerRoute::parse(&mut Words::new(text.split(' '))).ok())
}
