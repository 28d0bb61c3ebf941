//! The table of aliases: what `%ci` and its like are called, where they mean something, and when they are known.

/// One alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AliasRow {
    /// The alias.
    pub alias: Alias,
    /// Its name, without the `%`.
    pub name: &'static str,
    /// What it shows.
    pub meaning: &'static str,
    /// Where it means something.
    pub restriction: Restriction,
    /// What it looks like.
    pub shape: Shape,
    /// From when on it is known.
    pub stage: Stage,
    /// What it may look like.
    pub example: &'static str,
}

/// Where an alias means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// Everywhere.
    None,
    /// In HTTP mode; elsewhere a configuration with it is refused by HAProxy with a warning, and it shows nothing.
    Http,
    /// For connections by TLS; for others it shows nothing.
    Tls,
}

/// What an alias looks like, which says what flags do to it and what JSON shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text: quoted and escaped by the flags `Q` and `E`.
    Text,
    /// An address: hexadecimal by the flag `X`.
    Address,
    /// A number.
    Number,
    /// A number that the flag `X` shows in hexadecimal digits.
    Hexadecimal,
    /// A date, which flags leave as it is.
    Date,
    /// Several texts, each quoted for itself.
    List,
}

/// From when on an alias is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Always.
    Accept,
    /// When the request's head is there.
    Request,
    /// When a server was chosen and a connection to it is there.
    Connect,
    /// When the response's head is there.
    Response,
    /// When the exchange is over.
    End,
}

macro_rules! aliases {
    ($($alias:ident $name:literal $restriction:ident $shape:ident $stage:ident $example:literal $meaning:literal;)*) => {
        /// A name for something of a stream.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Alias {
            $(#[doc = concat!("`%", $name, "`: ", $meaning, ".")] $alias,)*
        }

        /// Every alias, by name.
        pub const ALIASES: &[AliasRow] = &[
            $(AliasRow {
                alias: Alias::$alias,
                name: $name,
                meaning: $meaning,
                restriction: Restriction::$restriction,
                shape: Shape::$shape,
                stage: Stage::$stage,
                example: $example,
            },)*
        ];
    };
}

aliases! {
    BytesSent "B" None Number End "2750" "bytes sent to the client";
    RequestCookie "CC" Http Text Request "SRV=1" "the captured cookie of the request";
    ResponseCookie "CS" Http Text Response "SRV=2" "the captured cookie of the response";
    Host "H" None Text Accept "lb1" "the name of this machine";
    Method "HM" Http Text Request "GET" "the method";
    Path "HP" Http Text Request "/a" "the request's target without its query";
    PathOnly "HPO" Http Text Request "/a" "the request's path, without host and query";
    Query "HQ" Http Text Request "?b=c" "the query with its question mark";
    Target "HU" Http Text Request "/a?b=c" "the request's target";
    Version "HV" Http Text Request "HTTP/1.1" "the HTTP version";
    UniqueId "ID" None Text Accept "7F000001:8296" "the unique identifier";
    Origin "OG" None Text Accept "txn_close" "why the line is written";
    Status "ST" None Number Response "200" "the status";
    GmtDate "T" None Date Accept "22/Nov/2026:14:03:07 +0000" "when the connection was accepted, in UTC";
    RequestTime "TR" Http Number Request "10" "milliseconds from the first byte of the request to the end of its head";
    ActiveTime "Ta" Http Number End "109" "milliseconds from the first byte of the request to the end";
    ConnectTime "Tc" None Number Connect "30" "milliseconds until the connection to the server was there";
    DataTime "Td" None Number End "11" "milliseconds of data";
    HandshakeTime "Th" None Number Accept "0" "milliseconds of handshakes: TLS, PROXY protocol";
    IdleTime "Ti" Http Number Request "0" "milliseconds before the first byte of the request";
    LocalDate "Tl" None Date Accept "22/Nov/2026:15:03:07 +0100" "when the connection was accepted, in local time";
    QueryTime "Tq" Http Number Request "10" "milliseconds from the accept to the end of the request's head";
    ResponseTime "Tr" Http Number Response "69" "milliseconds that the server took to answer";
    Timestamp "Ts" None Hexadecimal Accept "1795356187" "when the connection was accepted, in seconds since 1970";
    TotalTime "Tt" None Number End "120" "milliseconds from the accept to the end";
    UserTime "Tu" None Number End "109" "milliseconds from the first byte of the request to the end, as the user has them";
    QueueTime "Tw" None Number Connect "0" "milliseconds in queues";
    BytesReceived "U" None Number End "67" "bytes received from the client";
    ProcessConnections "ac" None Number End "1" "connections of the process";
    Backend "b" None Text Request "static" "the backend";
    BackendConnections "bc" None Number End "1" "connections of the backend";
    BackendSourceIp "bi" None Address Connect "10.0.3.1" "the address from which the server was connected to";
    BackendSourcePort "bp" None Hexadecimal Connect "41234" "the port from which the server was connected to";
    BackendQueue "bq" None Number Connect "0" "requests before this one in the backend's queue";
    ClientIp "ci" None Address Accept "10.0.1.2" "the client's address";
    ClientPort "cp" None Hexadecimal Accept "33317" "the client's port";
    Frontend "f" None Text Accept "http-in" "the frontend";
    FrontendConnections "fc" None Number End "1" "connections of the frontend";
    FrontendIp "fi" None Address Accept "10.0.3.31" "the address that the client connected to";
    FrontendPort "fp" None Hexadecimal Accept "80" "the port that the client connected to";
    FrontendTransport "ft" None Text Accept "https-in~" "the frontend, with '~' behind it for TLS";
    RequestHeaders "hr" Http Text Request "{haproxy.1wt.eu}" "the captured headers of the request, in braces";
    RequestHeaderList "hrl" Http List Request "haproxy.1wt.eu" "the captured headers of the request, a field each";
    ResponseHeaders "hs" Http Text Response "{nginx}" "the captured headers of the response, in braces";
    ResponseHeaderList "hsl" Http List Response "nginx" "the captured headers of the response, a field each";
    LogCounter "lc" None Hexadecimal Accept "7" "lines of this frontend before this one";
    Millisecond "ms" None Hexadecimal Accept "007" "the milliseconds of the second of the accept";
    Process "pid" None Hexadecimal Accept "4711" "the number of the process";
    Request "r" Http Text Request "GET /a?b=c HTTP/1.1" "the request line";
    Retries "rc" None Number Connect "0" "attempts after the first, with '+' before them when another server was chosen";
    RequestCounter "rt" None Hexadecimal Accept "12" "requests, or TCP sessions, before this one";
    Server "s" None Text Connect "srv1" "the server";
    ServerConnections "sc" None Number End "1" "connections of the server";
    ServerIp "si" None Address Connect "10.0.4.1" "the server's address";
    ServerPort "sp" None Hexadecimal Connect "8080" "the server's port";
    ServerQueue "sq" None Number Connect "0" "requests before this one in the server's queue";
    TlsCipher "sslc" Tls Text Accept "TLS_AES_256_GCM_SHA384" "the cipher suite";
    TlsVersion "sslv" Tls Text Accept "TLSv1.3" "the TLS version";
    Date "t" None Date Accept "22/Nov/2026:14:03:07.655" "when the connection was accepted, with milliseconds";
    RequestDate "tr" Http Date Request "22/Nov/2026:14:03:07.655" "when the request began, with milliseconds";
    RequestGmtDate "trg" Http Date Request "22/Nov/2026:14:03:07 +0000" "when the request began, in UTC";
    RequestLocalDate "trl" Http Date Request "22/Nov/2026:15:03:07 +0100" "when the request began, in local time";
    Termination "ts" None Text End "--" "how it ended, two letters";
    TerminationCookies "tsc" Http Text End "--VN" "how it ended, with two letters about cookies";
}

impl Alias {
    /// The alias with this name.
    pub fn from_name(name: &str) -> Option<Alias> {
        ALIASES.iter().find(|row| row.name == name).map(|row| row.alias)
    }

    /// Its row.
    pub fn row(self) -> &'static AliasRow {
        // The table is made from the same list as the enum.
        &ALIASES[self as usize]
    }

    /// Its name, without the `%`.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}
