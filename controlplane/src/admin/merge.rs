//! Counters of several nodes as those of one. Pure.
//!
//! Totals, rates and what is current are added up; limits too, as each node has its own. A highest value of the sum
//! is not known: the sum of the nodes' highest is given, which it cannot exceed. Mean times are weighted by sessions.

use std::collections::BTreeMap;

use regate_proto::wire::v1::{Condition, StatisticsRow, Status};

/// Rows of several nodes, one node after the other, with one row for each thing. The order is that of the first node
/// that has a thing.
pub(super) fn statistics(nodes: Vec<Vec<StatisticsRow>>) -> Vec<StatisticsRow> {
    let mut merged: Vec<StatisticsRow> = Vec::new();
    let mut places: BTreeMap<(String, String, i32), usize> = BTreeMap::new();
    for row in nodes.into_iter().flatten() {
        let key = (row.proxy.clone(), row.service.clone(), row.kind);
        match places.get(&key).and_then(|place| merged.get_mut(*place)) {
            Some(into) => add(into, &row),
            None => {
                places.insert(key, merged.len());
                merged.push(row);
            }
        }
    }
    merged.sort_by_key(|row| place_of(row, &places));
    merged
}

/// Things that only later nodes have stay with their proxy.
fn place_of(row: &StatisticsRow, places: &BTreeMap<(String, String, i32), usize>) -> (usize, usize) {
    let own = places.get(&(row.proxy.clone(), row.service.clone(), row.kind)).copied().unwrap_or(usize::MAX);
    let range = (row.proxy.clone(), String::new(), i32::MIN)..;
    let of_proxy = places.range(range).take_while(|((proxy, ..), _)| *proxy == row.proxy);
    (of_proxy.map(|(_, place)| *place).min().unwrap_or(own), own)
}

macro_rules! each {
    ($rule:ident, $into:ident, $from:ident, $($field:ident),+ $(,)?) => {
        $($into.$field = $rule($into.$field, $from.$field);)+
    };
}

fn add(into: &mut StatisticsRow, from: &StatisticsRow) {
    let weights = (into.sessions_total.unwrap_or(0), from.sessions_total.unwrap_or(0));
    let mean = |left: Option<u32>, right: Option<u32>| weighted(left, right, weights);
    each!(mean, into, from, queue_time_ms, connect_time_ms, response_time_ms, total_time_ms);
    each!(
        sum,
        into,
        from,
        queue_current,
        queue_max,
        sessions_current,
        sessions_max,
        sessions_limit,
        queue_limit,
        sessions_rate,
        sessions_rate_limit,
        sessions_rate_max,
        requests_rate,
        requests_rate_max,
        connections_rate,
        connections_rate_max,
        idle_current,
        idle_limit,
        idle_unsafe_current,
        idle_safe_current,
        used_current,
        need_estimate,
        idle_private_current
    );
    each!(
        sum_long,
        into,
        from,
        sessions_total,
        bytes_in_total,
        bytes_out_total,
        requests_denied_total,
        responses_denied_total,
        request_errors_total,
        connect_errors_total,
        response_errors_total,
        retries_total,
        redispatches_total,
        checks_failed_total,
        went_down_total,
        picked_total,
        responses_1xx_total,
        responses_2xx_total,
        responses_3xx_total,
        responses_4xx_total,
        responses_5xx_total,
        responses_other_total,
        requests_total,
        client_aborts_total,
        server_aborts_total,
        connections_total,
        intercepted_total,
        connections_denied_total,
        sessions_denied_total,
        rewrite_errors_total,
        connects_total,
        reuses_total,
        internal_errors_total,
        sessions_other_total,
        sessions_h1_total,
        sessions_h2_total,
        sessions_h3_total,
        requests_other_total,
        requests_h1_total,
        requests_h2_total,
        requests_h3_total,
        request_bytes_in_total,
        request_bytes_out_total,
        response_bytes_in_total,
        response_bytes_out_total,
        h1_connections_open,
        h1_streams_open,
        h1_connections_total,
        h1_streams_total,
        h1_bytes_in_total,
        h1_bytes_out_total,
        h1_spliced_in_total,
        h1_spliced_out_total
    );
    each!(
        most,
        into,
        from,
        downtime_s,
        queue_time_max_ms,
        connect_time_max_ms,
        response_time_max_ms,
        total_time_max_ms
    );
    each!(
        least,
        into,
        from,
        last_change_s,
        throttle_percent,
        servers_up,
        weight,
        active_servers,
        backup_servers
    );
    into.last_session_s = match (into.last_session_s, from.last_session_s) {
        (Some(-1), other) | (other, Some(-1)) => other,
        (left, right) => least(left, right),
    };
    into.status = worse(into.status.take(), from.status.clone());
}

fn sum(left: Option<u32>, right: Option<u32>) -> Option<u32> {
    left.zip(right).map(|(left, right)| left.saturating_add(right)).or(left).or(right)
}

fn sum_long(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    left.zip(right).map(|(left, right)| left.saturating_add(right)).or(left).or(right)
}

fn most<T: Ord + Copy>(left: Option<T>, right: Option<T>) -> Option<T> {
    left.max(right)
}

fn least<T: Ord + Copy>(left: Option<T>, right: Option<T>) -> Option<T> {
    left.zip(right).map(|(left, right)| left.min(right)).or(left).or(right)
}

fn weighted(left: Option<u32>, right: Option<u32>, weights: (u64, u64)) -> Option<u32> {
    let Some((left, right)) = left.zip(right) else { return left.or(right) };
    let all = u128::from(weights.0) + u128::from(weights.1);
    if all == 0 {
        return Some(left.max(right));
    }
    let sum = u128::from(left) * u128::from(weights.0) + u128::from(right) * u128::from(weights.1);
    Some(u32::try_from(sum / all).unwrap_or(u32::MAX))
}

/// The status that a person has to know of.
fn worse(left: Option<Status>, right: Option<Status>) -> Option<Status> {
    let rank = |status: &Status| match status.condition() {
        Condition::Down => 0,
        Condition::Waiting => 1,
        Condition::Stopped => 2,
        Condition::Stopping => 3,
        Condition::Maintenance | Condition::Unresolved => 4,
        Condition::Drain => 5,
        Condition::Paused => 6,
        Condition::Full => 7,
        Condition::Up | Condition::Open | Condition::Unchecked => 8,
        Condition::Unspecified => 9,
    };
    match (left, right) {
        (Some(left), Some(right)) => Some(if rank(&right) < rank(&left) { right } else { left }),
        (left, right) => left.or(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(proxy: &str, service: &str, sessions: u64, time: u32, condition: Condition) -> StatisticsRow {
        StatisticsRow {
            proxy: proxy.to_owned(),
            service: service.to_owned(),
            sessions_total: Some(sessions),
            sessions_max: Some(2),
            total_time_ms: Some(time),
            last_session_s: Some(-1),
            status: Some(Status { condition: condition.into(), ..Status::default() }),
            ..StatisticsRow::default()
        }
    }

    #[test]
    fn counters_of_two_nodes_add_up() {
        let one = vec![row("a", "s1", 30, 10, Condition::Up), row("b", "s1", 1, 1, Condition::Up)];
        let mut other = vec![row("a", "s1", 10, 50, Condition::Down), row("a", "s2", 5, 5, Condition::Up)];
        other[0].last_session_s = Some(4);
        let merged = statistics(vec![one, other]);
        let names: Vec<_> = merged.iter().map(|row| format!("{}/{}", row.proxy, row.service)).collect();
        assert_eq!(names, ["a/s1", "a/s2", "b/s1"]);
        let both = &merged[0];
        assert_eq!(
            (both.sessions_total, both.sessions_max, both.total_time_ms),
            (Some(40), Some(4), Some(20))
        );
        assert_eq!(both.last_session_s, Some(4));
        assert_eq!(both.status.as_ref().map(Status::condition), Some(Condition::Down));
        assert_eq!(both.queue_limit, None);
    }
}
