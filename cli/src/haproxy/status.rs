//! What a process says about its proxies: at SIGHUP, and when they stop.

use regate_proto::wire::v1::{Condition, StatisticsKind, StatisticsRow};

/// What SIGHUP tells, a line per server and per proxy, in the order of the statistics.
pub fn dump(rows: &[StatisticsRow]) -> Vec<String> {
    let mut lines = vec!["SIGHUP received, dumping servers states.".to_owned()];
    for proxy in proxies(rows) {
        for server in
            rows.iter().filter(|row| row.kind() == StatisticsKind::Server && row.proxy == proxy.name)
        {
            lines.push(format!(
                "SIGHUP: Server {}/{} is {}. Conn: {} act, {} pend, {} tot.",
                proxy.name,
                server.service,
                if is_up(server) { "UP" } else { "DOWN" },
                server.sessions_current.unwrap_or(0),
                server.queue_current.unwrap_or(0),
                server.sessions_total.unwrap_or(0)
            ));
        }
        let back = proxy.backend;
        let usable = |count: Option<u32>| count.unwrap_or(0);
        let (active, backup) =
            back.map_or((0, 0), |row| (usable(row.active_servers), usable(row.backup_servers)));
        let has_servers =
            rows.iter().any(|row| row.kind() == StatisticsKind::Server && row.proxy == proxy.name);
        let state = match (has_servers, active, backup) {
            (false, ..) => "has no servers.".to_owned(),
            (true, 0, 0) => "has no server available !".to_owned(),
            (true, 0, backup) => format!("is running on {backup} backup servers."),
            (true, active, backup) => {
                format!("has {active} active servers and {backup} backup servers available.")
            }
        };
        let pending = back.and_then(|row| row.queue_current).unwrap_or(0);
        lines.push(format!(
            "SIGHUP: Proxy {} {state} Conn: act(FE+BE): {}+{}, {pending} pend ({pending} unass), tot(FE+BE): {}+{}.",
            proxy.name,
            proxy.frontend.and_then(|row| row.sessions_current).unwrap_or(0),
            back.and_then(|row| row.sessions_current).unwrap_or(0),
            proxy.frontend.and_then(|row| row.sessions_total).unwrap_or(0),
            back.and_then(|row| row.sessions_total).unwrap_or(0),
        ));
    }
    lines
}

/// What is told about each proxy when it stops.
pub fn farewell(rows: &[StatisticsRow]) -> Vec<String> {
    proxies(rows)
        .map(|proxy| {
            format!(
                "Proxy {} stopped (cumulated conns: FE: {}, BE: {}).",
                proxy.name,
                proxy.frontend.and_then(|row| row.connections_total.or(row.sessions_total)).unwrap_or(0),
                proxy.backend.and_then(|row| row.sessions_total).unwrap_or(0)
            )
        })
        .collect()
}

/// A frontend, a backend, or both under one name.
struct Proxy<'a> {
    name: &'a str,
    frontend: Option<&'a StatisticsRow>,
    backend: Option<&'a StatisticsRow>,
}

/// The proxies in the order of the rows; a name and number that both sides have is one proxy.
fn proxies(rows: &[StatisticsRow]) -> impl Iterator<Item = Proxy<'_>> {
    let mut found: Vec<(u32, Proxy<'_>)> = Vec::new();
    for row in rows {
        let at = match found.iter().position(|(id, proxy)| *id == row.proxy_id && proxy.name == row.proxy) {
            Some(at) => at,
            None => {
                found.push((row.proxy_id, Proxy { name: &row.proxy, frontend: None, backend: None }));
                found.len() - 1
            }
        };
        match row.kind() {
            StatisticsKind::Frontend => found[at].1.frontend = Some(row),
            StatisticsKind::Backend => found[at].1.backend = Some(row),
            _ => {}
        }
    }
    found.into_iter().map(|(_, proxy)| proxy)
}

/// Whether a server takes traffic as far as its checks say.
fn is_up(server: &StatisticsRow) -> bool {
    let condition = server.status.as_ref().map_or(Condition::Unspecified, |status| status.condition());
    !matches!(condition, Condition::Down | Condition::Maintenance | Condition::Unresolved)
}

#[cfg(test)]
mod tests {
    use regate_proto::wire::v1::Status;

    use super::*;

    fn row(kind: StatisticsKind, id: u32, proxy: &str, service: &str, condition: Condition) -> StatisticsRow {
        StatisticsRow {
            kind: kind.into(),
            proxy_id: id,
            proxy: proxy.into(),
            service: service.into(),
            status: Some(Status { condition: condition.into(), ..Status::default() }),
            ..StatisticsRow::default()
        }
    }

    fn sample() -> Vec<StatisticsRow> {
        let mut frontend = row(StatisticsKind::Frontend, 2, "f", "FRONTEND", Condition::Open);
        frontend.sessions_total = Some(3);
        let up = row(StatisticsKind::Server, 3, "b", "s1", Condition::Unchecked);
        let mut down = row(StatisticsKind::Server, 3, "b", "s2", Condition::Maintenance);
        down.sessions_total = Some(2);
        let mut backend = row(StatisticsKind::Backend, 3, "b", "BACKEND", Condition::Up);
        backend.active_servers = Some(1);
        backend.queue_current = Some(4);
        let listen = row(StatisticsKind::Frontend, 4, "l", "FRONTEND", Condition::Open);
        let server = row(StatisticsKind::Server, 4, "l", "s", Condition::Down);
        let other = row(StatisticsKind::Backend, 4, "l", "BACKEND", Condition::Down);
        vec![frontend, up, down, backend, listen, server, other]
    }

    #[test]
    fn a_dump_has_haproxy_s_sentences() {
        assert_eq!(
            dump(&sample()),
            [
                "SIGHUP received, dumping servers states.",
                "SIGHUP: Proxy f has no servers. Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 3+0.",
                "SIGHUP: Server b/s1 is UP. Conn: 0 act, 0 pend, 0 tot.",
                "SIGHUP: Server b/s2 is DOWN. Conn: 0 act, 0 pend, 2 tot.",
                "SIGHUP: Proxy b has 1 active servers and 0 backup servers available. Conn: act(FE+BE): 0+0, 4 pend (4 unass), tot(FE+BE): 0+0.",
                "SIGHUP: Server l/s is DOWN. Conn: 0 act, 0 pend, 0 tot.",
                "SIGHUP: Proxy l has no server available ! Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 0+0.",
            ]
        );
    }

    #[test]
    fn each_proxy_says_farewell_once() {
        assert_eq!(
            farewell(&sample()),
            [
                "Proxy f stopped (cumulated conns: FE: 3, BE: 0).",
                "Proxy b stopped (cumulated conns: FE: 0, BE: 0).",
                "Proxy l stopped (cumulated conns: FE: 0, BE: 0).",
            ]
        );
    }
}
