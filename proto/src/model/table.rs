//! Stick tables: what a proxy remembers of clients, and what of each (configuration manual 4.2 "stick-table").
//!
//! A table is named by its proxy; frontends and backends share these names. What is counted in it is observed and no
//! part of the model: see the data plane's `live::Table`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Millis, Name};

/// A table of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What its keys are.
    pub key: TableKey,
    /// Most entries, at least one.
    pub size: u32,
    /// How long an entry stays that nobody touches, at least 1 ms. Absent: until room is needed.
    pub expire: Option<Millis>,
    /// Whether new entries are refused when it is full, instead of the oldest being dropped.
    pub nopurge: bool,
    /// How entries name servers.
    pub server_key: ServerKey,
    /// The table that peers write to what they are told of this one. Absent: this one.
    pub write_to: Option<Name>,
    /// Whether peers may only write to it.
    pub recv_only: bool,
    /// Bytes that count as one in the rates of bytes, 1 to [`Table::MOST_BYTES_FACTOR`].
    pub bytes_factor: u32,
    /// What it keeps for each key, each kind once and in the order of [`DataType::ALL`].
    pub store: Vec<Stored>,
}

/// What the keys of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKey {
    /// IPv4 addresses.
    Ip,
    /// IPv6 addresses.
    Ipv6,
    /// Numbers of 32 bits.
    Integer,
    /// Texts of at most so many bytes, 1 to [`TableKey::LONGEST`]; longer ones are cut.
    String(u32),
    /// So many bytes, 1 to [`TableKey::LONGEST`]; longer keys are cut, shorter ones filled with zeros.
    Binary(u32),
}

/// How entries name servers (configuration manual 4.2 "stick-table", srvkey).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServerKey {
    /// By their names.
    #[default]
    Name,
    /// By their addresses and ports.
    Addr,
}

/// A kind of data that a table keeps, with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    /// The kind.
    pub data: DataType,
    /// How many there are of it: 1 except for arrays, which have up to [`Stored::MOST_ELEMENTS`].
    pub elements: u8,
    /// The span of a rate, at least 1 ms; absent for what is no rate.
    pub period: Option<Millis>,
}

/// What of a table cannot stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTable {
    /// It holds nothing.
    NoSize,
    /// The length of its keys is 0 or too long.
    KeyLength(u32),
    /// The factor of its bytes is 0 or too large.
    BytesFactor(u32),
    /// An entry may not expire at once.
    NoExpiry,
    /// An array has no elements or too many.
    Elements(DataType),
    /// The kind takes no number of elements.
    NoArray(DataType),
    /// The kind needs a period.
    NoPeriod(DataType),
    /// The kind has no period.
    NeedlessPeriod(DataType),
    /// The kind is there twice.
    Twice(DataType),
    /// The array of the first kind stands for the second, so both may not be there.
    Overlap(DataType, DataType),
}

/// How a kind of data is kept and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataForm {
    /// A number of 32 bits with a sign.
    Signed,
    /// A number of 32 bits.
    Count,
    /// A number of 64 bits.
    Long,
    /// Events within the last period.
    Rate,
    /// A text, each kept once.
    Text,
}

/// The row of a kind of data.
#[derive(Clone, Copy, Debug)]
pub struct DataRow {
    /// Which kind it is.
    pub data: DataType,
    /// Its name in configurations and on the text socket.
    pub name: &'static str,
    /// How it is kept.
    pub form: DataForm,
    /// Whether it is an array, with its number of elements as an argument.
    pub array: bool,
    /// What it tells, in a few words.
    pub meaning: &'static str,
    /// Words after `store` that read and are written back as they stand, and mean the same under HAProxy.
    pub examples: &'static [&'static str],
}

macro_rules! data_types {
    ($($variant:ident $name:literal $form:ident $array:literal $meaning:literal $examples:expr;)+) => {
        /// The kinds of data that tables keep, in the order in which they are shown.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DataType {
            $(#[doc = concat!("`", $name, "`: ", $meaning, ".")] $variant,)+
        }

        impl DataType {
            /// Every kind, in the order in which they are shown.
            pub const ALL: [DataType; [$(DataType::$variant),+].len()] = [$(DataType::$variant),+];

            /// Its row.
            pub const fn row(self) -> DataRow {
                match self {
                    $(DataType::$variant => DataRow {
                        data: DataType::$variant,
                        name: $name,
                        form: DataForm::$form,
                        array: $array,
                        meaning: $meaning,
                        examples: $examples,
                    },)+
                }
            }
        }
    };
}

data_types! {
    ServerId "server_id" Signed false "the number of the server that clients with this key stay with"
        &["server_id"];
    Gpt0 "gpt0" Count false "a mark for any use"
        &["gpt0"];
    Gpc0 "gpc0" Count false "a counter for any use"
        &["gpc0"];
    Gpc0Rate "gpc0_rate" Rate false "how fast gpc0 is counted up"
        &["gpc0_rate(1h)", "gpc0_rate(10s)"];
    ConnCnt "conn_cnt" Count false "connections"
        &["conn_cnt"];
    ConnRate "conn_rate" Rate false "connections within a period"
        &["conn_rate(1h)", "conn_rate(10s)"];
    ConnCur "conn_cur" Count false "connections at present"
        &["conn_cur"];
    SessCnt "sess_cnt" Count false "sessions, which are connections that were let in"
        &["sess_cnt"];
    SessRate "sess_rate" Rate false "sessions within a period"
        &["sess_rate(1h)", "sess_rate(10s)"];
    HttpReqCnt "http_req_cnt" Count false "HTTP requests"
        &["http_req_cnt"];
    HttpReqRate "http_req_rate" Rate false "HTTP requests within a period"
        &["http_req_rate(1h)", "http_req_rate(10s)"];
    HttpErrCnt "http_err_cnt" Count false "HTTP errors that clients caused"
        &["http_err_cnt"];
    HttpErrRate "http_err_rate" Rate false "HTTP errors that clients caused within a period"
        &["http_err_rate(1h)", "http_err_rate(10s)"];
    BytesInCnt "bytes_in_cnt" Long false "bytes from clients"
        &["bytes_in_cnt"];
    BytesInRate "bytes_in_rate" Rate false "bytes from clients within a period"
        &["bytes_in_rate(1h)", "bytes_in_rate(10s)"];
    BytesOutCnt "bytes_out_cnt" Long false "bytes to clients"
        &["bytes_out_cnt"];
    BytesOutRate "bytes_out_rate" Rate false "bytes to clients within a period"
        &["bytes_out_rate(1h)", "bytes_out_rate(10s)"];
    Gpc1 "gpc1" Count false "a second counter for any use"
        &["gpc1"];
    Gpc1Rate "gpc1_rate" Rate false "how fast gpc1 is counted up"
        &["gpc1_rate(1h)", "gpc1_rate(10s)"];
    ServerKey "server_key" Text false "the name or address of the server that clients with this key stay with"
        &["server_key"];
    HttpFailCnt "http_fail_cnt" Count false "HTTP failures of servers"
        &["http_fail_cnt"];
    HttpFailRate "http_fail_rate" Rate false "HTTP failures of servers within a period"
        &["http_fail_rate(1h)", "http_fail_rate(10s)"];
    Gpt "gpt" Count true "marks for any use"
        &["gpt(1)", "gpt(3)"];
    Gpc "gpc" Count true "counters for any use"
        &["gpc(1)", "gpc(3)"];
    GpcRate "gpc_rate" Rate true "how fast the counters are counted up"
        &["gpc_rate(2,1h)"];
    GlitchCnt "glitch_cnt" Count false "oddities of protocol on a client's connections"
        &[];
    GlitchRate "glitch_rate" Rate false "oddities of protocol within a period"
        &[];
}

impl Table {
    /// Most bytes that count as one.
    pub const MOST_BYTES_FACTOR: u32 = 1024;

    /// A table with these keys that keeps nothing for them, and so many entries.
    pub fn new(key: TableKey, size: u32) -> Table {
        Table {
            key,
            size,
            expire: None,
            nopurge: false,
            server_key: ServerKey::Name,
            write_to: None,
            recv_only: false,
            bytes_factor: 1,
            store: Vec::new(),
        }
    }

    /// What it keeps of this kind.
    pub fn stored(&self, data: DataType) -> Option<&Stored> {
        self.store.iter().find(|stored| stored.data == data)
    }

    /// Puts what it keeps into order, and checks the whole.
    pub fn checked(mut self) -> Result<Table, BadTable> {
        self.store.sort_by_key(|stored| stored.data);
        match self.fault() {
            Some(bad) => Err(bad),
            None => Ok(self),
        }
    }

    /// Whether entries of a table of that shape mean the same in this one.
    pub fn keeps_entries_of(&self, other: &Table) -> bool {
        self.key == other.key && self.store == other.store
    }

    fn fault(&self) -> Option<BadTable> {
        if self.size == 0 {
            return Some(BadTable::NoSize);
        }
        if let TableKey::String(length) | TableKey::Binary(length) = self.key
            && !(1..=TableKey::LONGEST).contains(&length)
        {
            return Some(BadTable::KeyLength(length));
        }
        if !(1..=Self::MOST_BYTES_FACTOR).contains(&self.bytes_factor) {
            return Some(BadTable::BytesFactor(self.bytes_factor));
        }
        if self.expire == Some(Millis::default()) {
            return Some(BadTable::NoExpiry);
        }
        let twice = self.store.windows(2).find_map(|pair| match pair {
            [one, two] if one.data == two.data => Some(BadTable::Twice(one.data)),
            _ => None,
        });
        twice.or_else(|| self.store.iter().find_map(Stored::fault)).or_else(|| {
            OVERLAPS.into_iter().find_map(|(array, single)| {
                let both = self.stored(array).is_some() && self.stored(single).is_some();
                both.then_some(BadTable::Overlap(array, single))
            })
        })
    }
}

impl TableKey {
    /// The longest keys, in bytes.
    pub const LONGEST: u32 = 1 << 16;
    /// The length of text and binary keys whose length nobody says.
    pub const USUAL_LENGTH: u32 = 32;

    /// The bytes of a key that somebody wrote; nothing when it is none of this type. Addresses and numbers are in
    /// network order; texts and bytes stand for themselves, cut where they are too long.
    pub fn parse(self, text: &[u8]) -> Option<Vec<u8>> {
        let words = || std::str::from_utf8(text).ok();
        let cut = |length: u32| text.get(..length as usize).unwrap_or(text).to_vec();
        match self {
            TableKey::Ip => match words()?.parse().ok()? {
                IpAddr::V4(ip) => Some(ip.octets().to_vec()),
                IpAddr::V6(ip) => ip.octets().last_chunk::<4>().map(|low| low.to_vec()),
            },
            TableKey::Ipv6 => match words()?.parse().ok()? {
                IpAddr::V4(ip) => Some(ip.to_ipv6_mapped().octets().to_vec()),
                IpAddr::V6(ip) => Some(ip.octets().to_vec()),
            },
            TableKey::Integer => words()?.parse().ok().map(|number: u32| number.to_be_bytes().to_vec()),
            TableKey::String(length) | TableKey::Binary(length) => Some(cut(length)),
        }
    }

    /// A key as the text socket shows it, from its bytes; what cannot be shown as it is stands behind a backslash.
    pub fn shown(self, key: &[u8]) -> String {
        let number = || key.try_into().map(u32::from_be_bytes).unwrap_or_default();
        match self {
            TableKey::Ip => Ipv4Addr::from(number()).to_string(),
            TableKey::Ipv6 => Ipv6Addr::from(<[u8; 16]>::try_from(key).unwrap_or_default()).to_string(),
            TableKey::Integer => number().to_string(),
            TableKey::String(_) => key.iter().map(|byte| escaped(*byte)).collect(),
            TableKey::Binary(_) => key.iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            TableKey::Ip => "ip",
            TableKey::Ipv6 => "ipv6",
            TableKey::Integer => "integer",
            TableKey::String(_) => "string",
            TableKey::Binary(_) => "binary",
        }
    }
}

impl Stored {
    /// Most elements of an array.
    pub const MOST_ELEMENTS: u8 = 100;

    /// One of a kind that takes no arguments, or whose arguments are to be filled in.
    pub fn plain(data: DataType) -> Stored {
        Stored { data, elements: 1, period: None }
    }

    fn fault(&self) -> Option<BadTable> {
        let row = self.data.row();
        let rate = row.form == DataForm::Rate;
        match (self.elements, self.period.map(Millis::get)) {
            (0, _) => Some(BadTable::Elements(self.data)),
            (many, _) if many > Self::MOST_ELEMENTS => Some(BadTable::Elements(self.data)),
            (many, _) if many > 1 && !row.array => Some(BadTable::NoArray(self.data)),
            (_, None | Some(0)) if rate => Some(BadTable::NoPeriod(self.data)),
            (_, Some(_)) if !rate => Some(BadTable::NeedlessPeriod(self.data)),
            _ => None,
        }
    }
}

impl DataType {
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|data| data.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// How it is kept.
    pub const fn form(self) -> DataForm {
        self.row().form
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Stored {
    /// As in a configuration: `gpt0`, `gpc(2)`, `conn_rate(10s)`, `gpc_rate(2,10s)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.data.name())?;
        let period = self.period.map(Millis::spelled);
        match (self.data.row().array, period) {
            (true, Some(period)) => write!(f, "({},{period})", self.elements),
            (true, None) => write!(f, "({})", self.elements),
            (false, Some(period)) => write!(f, "({period})"),
            (false, None) => Ok(()),
        }
    }
}

impl fmt::Display for BadTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadTable::NoSize => f.write_str("a size of at least 1 is expected"),
            BadTable::KeyLength(length) => {
                write!(f, "keys of {length} bytes cannot be: 1 to {} are accepted", TableKey::LONGEST)
            }
            BadTable::BytesFactor(factor) => {
                write!(f, "a factor of {factor} cannot be: 1 to {} is accepted", Table::MOST_BYTES_FACTOR)
            }
            BadTable::NoExpiry => f.write_str("entries may not expire at once"),
            BadTable::Elements(data) => {
                write!(f, "'{data}' has 1 to {} elements", Stored::MOST_ELEMENTS)
            }
            BadTable::NoArray(data) => write!(f, "'{data}' is no array"),
            BadTable::NoPeriod(data) => write!(f, "'{data}' needs a period of at least 1 ms"),
            BadTable::NeedlessPeriod(data) => write!(f, "'{data}' has no period"),
            BadTable::Twice(data) => write!(f, "'{data}' is stored twice"),
            BadTable::Overlap(array, single) => {
                write!(f, "'{array}' and '{single}' exclude each other: the array stands for the other")
            }
        }
    }
}

impl std::error::Error for BadTable {}

fn escaped(byte: u8) -> String {
    match byte {
        b'\t' => "\\t".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        0x1b => "\\e".to_owned(),
        b' ' | b'=' | b'\\' => format!("\\{}", char::from(byte)),
        _ if byte.is_ascii_graphic() => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    }
}

/// Arrays, and what their first elements stand for.
const OVERLAPS: [(DataType, DataType); 5] = [
    (DataType::Gpt, DataType::Gpt0),
    (DataType::Gpc, DataType::Gpc0),
    (DataType::Gpc, DataType::Gpc1),
    (DataType::GpcRate, DataType::Gpc0Rate),
    (DataType::GpcRate, DataType::Gpc1Rate),
];
