//! What samples know of stick tables: the rows of `sc…_`, `src_` and `table_` fetches and of `table_` converters
//! (configuration manual 7.3.1 and 7.3.3).

use super::signature::{Signature, Want};
use super::{Converter, Fetch, Kind, Reach, converters, fetches};
use crate::model::DataType;

/// How an entry is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// It is the one that a tracker holds: the one with this number, or with the number among the arguments. With a
    /// table among the arguments, the entry with the same key there.
    Tracked(Option<u8>),
    /// Its key is the client's address.
    Source,
}

/// What is told of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// A value.
    Value(DataType),
    /// A number of bytes, in units of 1024.
    Kilobytes(DataType),
    /// A counter after it was counted up, with its rate.
    Increment(DataType),
    /// A counter before it was set to 0.
    Clear(DataType),
    /// Whether there is an entry.
    Tracked,
    /// How many hold it.
    Trackers,
    /// The connections, after one was counted in an entry that is made if it is not there.
    CountConnection,
}

/// What a converter tells of the entry whose key is its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// Whether there is one.
    Presence,
    /// A value.
    Value(DataType),
    /// A number of bytes, in units of 1024.
    Kilobytes(DataType),
    /// How long it stays, in milliseconds.
    Expire,
    /// For how long nobody has had to do with it, in milliseconds.
    Idle,
    /// How many hold it.
    Trackers,
}

impl Fact {
    /// Whether an element of an array is meant, whose number is the first argument.
    pub const fn is_of_array(self) -> bool {
        match self {
            Fact::Value(data) | Fact::Increment(data) | Fact::Clear(data) => data.row().array,
            _ => false,
        }
    }
}

/// Rows for one fact of entries, under the names `sc_…`, `sc0_…`, `sc1_…`, `sc2_…` and `src_…`.
macro_rules! fetches {
    (
        plain { $($plain:literal $fact:expr;)+ }
        indexed { $($indexed:literal $element:expr;)+ }
        tracked { $($tracked:literal $held:expr, $kind:expr;)+ }
        others { $($other:literal $fetch:expr, $reach:expr;)+ }
    ) => {
        &[
            $(
                entry(concat!("sc_", $plain), Found::Tracked(None), $fact, NUMBER, Kind::Int),
                entry(concat!("sc0_", $plain), Found::Tracked(Some(0)), $fact, TABLE, Kind::Int),
                entry(concat!("sc1_", $plain), Found::Tracked(Some(1)), $fact, TABLE, Kind::Int),
                entry(concat!("sc2_", $plain), Found::Tracked(Some(2)), $fact, TABLE, Kind::Int),
                entry(concat!("src_", $plain), Found::Source, $fact, TABLE, Kind::Int),
            )+
            $(
                entry(concat!("sc_", $indexed), Found::Tracked(None), $element, ELEMENT_NUMBER, Kind::Int),
                entry(concat!("src_", $indexed), Found::Source, $element, ELEMENT, Kind::Int),
            )+
            $(
                entry(concat!("sc_", $tracked), Found::Tracked(None), $held, NUMBER, $kind),
                entry(concat!("sc0_", $tracked), Found::Tracked(Some(0)), $held, TABLE, $kind),
                entry(concat!("sc1_", $tracked), Found::Tracked(Some(1)), $held, TABLE, $kind),
                entry(concat!("sc2_", $tracked), Found::Tracked(Some(2)), $held, TABLE, $kind),
            )+
            $(
                fetches::Row {
                    name: $other,
                    fetch: $fetch,
                    signature: TABLE,
                    kind: Kind::Int,
                    reach: $reach,
                    examples: &[],
                },
            )+
        ]
    };
}

/// Fetches of tables, in no order.
pub const FETCHES: &[fetches::Row] = fetches! {
    plain {
        "bytes_in_rate" Fact::Value(DataType::BytesInRate);
        "bytes_out_rate" Fact::Value(DataType::BytesOutRate);
        "clr_gpc0" Fact::Clear(DataType::Gpc0);
        "clr_gpc1" Fact::Clear(DataType::Gpc1);
        "conn_cnt" Fact::Value(DataType::ConnCnt);
        "conn_cur" Fact::Value(DataType::ConnCur);
        "conn_rate" Fact::Value(DataType::ConnRate);
        "get_gpc0" Fact::Value(DataType::Gpc0);
        "get_gpc1" Fact::Value(DataType::Gpc1);
        "get_gpt0" Fact::Value(DataType::Gpt0);
        "glitch_cnt" Fact::Value(DataType::GlitchCnt);
        "glitch_rate" Fact::Value(DataType::GlitchRate);
        "gpc0_rate" Fact::Value(DataType::Gpc0Rate);
        "gpc1_rate" Fact::Value(DataType::Gpc1Rate);
        "http_err_cnt" Fact::Value(DataType::HttpErrCnt);
        "http_err_rate" Fact::Value(DataType::HttpErrRate);
        "http_fail_cnt" Fact::Value(DataType::HttpFailCnt);
        "http_fail_rate" Fact::Value(DataType::HttpFailRate);
        "http_req_cnt" Fact::Value(DataType::HttpReqCnt);
        "http_req_rate" Fact::Value(DataType::HttpReqRate);
        "inc_gpc0" Fact::Increment(DataType::Gpc0);
        "inc_gpc1" Fact::Increment(DataType::Gpc1);
        "kbytes_in" Fact::Kilobytes(DataType::BytesInCnt);
        "kbytes_out" Fact::Kilobytes(DataType::BytesOutCnt);
        "sess_cnt" Fact::Value(DataType::SessCnt);
        "sess_rate" Fact::Value(DataType::SessRate);
    }
    indexed {
        "clr_gpc" Fact::Clear(DataType::Gpc);
        "get_gpc" Fact::Value(DataType::Gpc);
        "get_gpt" Fact::Value(DataType::Gpt);
        "gpc_rate" Fact::Value(DataType::GpcRate);
        "inc_gpc" Fact::Increment(DataType::Gpc);
    }
    tracked {
        "tracked" Fact::Tracked, Kind::Bool;
        "trackers" Fact::Trackers, Kind::Int;
    }
    others {
        "src_updt_conn_cnt" Fetch::Entry(Found::Source, Fact::CountConnection), Reach::CONNECTION;
        "table_avl" Fetch::TableRoom, Reach::EVERYWHERE;
        "table_cnt" Fetch::TableUsed, Reach::EVERYWHERE;
    }
};

/// Converters that look into tables, in no order.
pub const CONVERTERS: &[converters::Row] = &[
    told("in_table", Told::Presence, OF_TABLE, Kind::Bool),
    told("table_bytes_in_rate", Told::Value(DataType::BytesInRate), OF_TABLE, Kind::Int),
    told("table_bytes_out_rate", Told::Value(DataType::BytesOutRate), OF_TABLE, Kind::Int),
    told("table_conn_cnt", Told::Value(DataType::ConnCnt), OF_TABLE, Kind::Int),
    told("table_conn_cur", Told::Value(DataType::ConnCur), OF_TABLE, Kind::Int),
    told("table_conn_rate", Told::Value(DataType::ConnRate), OF_TABLE, Kind::Int),
    told("table_expire", Told::Expire, OR_DEFAULT, Kind::Int),
    told("table_glitch_cnt", Told::Value(DataType::GlitchCnt), OF_TABLE, Kind::Int),
    told("table_glitch_rate", Told::Value(DataType::GlitchRate), OF_TABLE, Kind::Int),
    told("table_gpc", Told::Value(DataType::Gpc), ELEMENT_OF_TABLE, Kind::Int),
    told("table_gpc0", Told::Value(DataType::Gpc0), OF_TABLE, Kind::Int),
    told("table_gpc0_rate", Told::Value(DataType::Gpc0Rate), OF_TABLE, Kind::Int),
    told("table_gpc1", Told::Value(DataType::Gpc1), OF_TABLE, Kind::Int),
    told("table_gpc1_rate", Told::Value(DataType::Gpc1Rate), OF_TABLE, Kind::Int),
    told("table_gpc_rate", Told::Value(DataType::GpcRate), ELEMENT_OF_TABLE, Kind::Int),
    told("table_gpt", Told::Value(DataType::Gpt), ELEMENT_OF_TABLE, Kind::Int),
    told("table_gpt0", Told::Value(DataType::Gpt0), OF_TABLE, Kind::Int),
    told("table_http_err_cnt", Told::Value(DataType::HttpErrCnt), OF_TABLE, Kind::Int),
    told("table_http_err_rate", Told::Value(DataType::HttpErrRate), OF_TABLE, Kind::Int),
    told("table_http_fail_cnt", Told::Value(DataType::HttpFailCnt), OF_TABLE, Kind::Int),
    told("table_http_fail_rate", Told::Value(DataType::HttpFailRate), OF_TABLE, Kind::Int),
    told("table_http_req_cnt", Told::Value(DataType::HttpReqCnt), OF_TABLE, Kind::Int),
    told("table_http_req_rate", Told::Value(DataType::HttpReqRate), OF_TABLE, Kind::Int),
    told("table_idle", Told::Idle, OR_DEFAULT, Kind::Int),
    told("table_kbytes_in", Told::Kilobytes(DataType::BytesInCnt), OF_TABLE, Kind::Int),
    told("table_kbytes_out", Told::Kilobytes(DataType::BytesOutCnt), OF_TABLE, Kind::Int),
    told("table_server_id", Told::Value(DataType::ServerId), OF_TABLE, Kind::Int),
    told("table_sess_cnt", Told::Value(DataType::SessCnt), OF_TABLE, Kind::Int),
    told("table_sess_rate", Told::Value(DataType::SessRate), OF_TABLE, Kind::Int),
    told("table_trackers", Told::Trackers, OF_TABLE, Kind::Int),
];

/// Which argument of a fetch names a table, where its absence means the table of the proxy at hand.
pub fn own_table_argument(row: &fetches::Row) -> Option<usize> {
    match row.fetch {
        // Without a name, the table of the tracked entry itself is meant.
        Fetch::Entry(Found::Tracked(_), _) => None,
        _ => row.signature.wants.iter().position(|want| *want == Want::Table),
    }
}

const fn entry(
    name: &'static str,
    found: Found,
    fact: Fact,
    signature: Signature,
    kind: Kind,
) -> fetches::Row {
    let reach = match found {
        Found::Tracked(_) => Reach::RUNNING,
        Found::Source => Reach::CONNECTION,
    };
    fetches::Row { name, fetch: Fetch::Entry(found, fact), signature, kind, reach, examples: &[] }
}

const fn told(name: &'static str, told: Told, signature: Signature, output: Kind) -> converters::Row {
    converters::Row {
        name,
        converter: Converter::Table(told),
        signature,
        input: Kind::Any,
        output,
        examples: &[],
        stated: &[],
    }
}

const TABLE: Signature = Signature::new(0, &[Want::Table]);
const NUMBER: Signature = Signature::new(1, &[Want::Int, Want::Table]);
const ELEMENT: Signature = Signature::new(1, &[Want::Int, Want::Table]);
const ELEMENT_NUMBER: Signature = Signature::new(2, &[Want::Int, Want::Int, Want::Table]);
const OF_TABLE: Signature = Signature::new(1, &[Want::Table]);
const OR_DEFAULT: Signature = Signature::new(1, &[Want::Table, Want::Int]);
const ELEMENT_OF_TABLE: Signature = Signature::new(2, &[Want::Int, Want::Table]);
