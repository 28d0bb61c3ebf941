//! How requests of one client find the server of the one before, and when a request is tried again.

use std::fmt;

/// What makes a backend's clients stay with their servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persistence {
    /// The cookie that names the server. Default: none.
    pub cookie: Option<Cookie>,
    /// The key of dynamic cookie values. Default: none, and then there are no dynamic values.
    pub dynamic_key: Option<String>,
    /// Whether servers have dynamic values, whatever the cookie says. Default: what the cookie says.
    pub dynamic: Option<bool>,
    /// `persist rdp-cookie`: the cookie of the remote desktop protocol that names the server's address. Default: none.
    pub rdp_cookie: Option<CookieName>,
    /// `option persist`: a server is tried although it is known to be down. Default: off.
    pub force: Option<bool>,
}

/// The cookie that names the server of a client (configuration manual 4.2 "cookie").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: CookieName,
    /// Who sets it.
    pub mode: CookieMode,
    /// A client that has a valid one gets no other; in insert mode servers do not see it.
    pub indirect: bool,
    /// A cacheable response into which it is put is marked as private.
    pub nocache: bool,
    /// It is put into responses to POST alone.
    pub postonly: bool,
    /// What a server says with a cookie of this name is left as it is.
    pub preserve: bool,
    /// The attribute `HttpOnly`.
    pub httponly: bool,
    /// The attribute `Secure`.
    pub secure: bool,
    /// The attributes `domain`, in order.
    pub domains: Vec<CookieValue>,
    /// Idle time in seconds after which it counts no more, at most [`Cookie::LONGEST`]. Absent: for ever.
    pub maxidle: Option<u32>,
    /// Age in seconds after which it counts no more, at most [`Cookie::LONGEST`]. Absent: for ever.
    pub maxlife: Option<u32>,
    /// Servers without a value of their own have one made from their address and the backend's key.
    pub dynamic: bool,
    /// Further attributes, in order.
    pub attributes: Vec<CookieAttribute>,
}

/// The name of a cookie: a token (RFC 6265, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieName(String);

/// The value of a cookie: visible ASCII without quotes, commas, semicolons and backslashes (RFC 6265, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieValue(String);

/// An attribute of a cookie: ASCII without control characters and semicolons (RFC 6265, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieAttribute(String);

/// What is wrong with a part of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCookie {
    /// There is nothing.
    Empty,
    /// This character may not stand there.
    Character(char),
}

/// Who sets a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CookieMode {
    /// Nobody here: what comes is looked at.
    Passive,
    /// The servers, and its value is put in the place of theirs.
    Rewrite,
    /// The proxy.
    Insert,
    /// The servers, and the server's value is put before theirs.
    Prefix,
}

/// What a request is tried again for (configuration manual 4.2 "retry-on"). None of them: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryOn(u16);

/// One reason to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryReason {
    /// No connection to the server came about.
    ConnFailure,
    /// The server closed before its response's head was complete.
    EmptyResponse,
    /// What the server sent is no response.
    JunkResponse,
    /// The server took too long.
    ResponseTimeout,
    /// The server refused early data.
    ZeroRttRejected,
    /// A response with this status, one of [`RetryOn::STATUSES`].
    Status(u16),
}

impl RetryOn {
    /// Never.
    pub const NEVER: RetryOn = RetryOn(0);
    /// What holds where nothing is said: failed connections.
    pub const DEFAULT: RetryOn = RetryOn(1);
    /// Statuses that may be a reason.
    pub const STATUSES: [u16; 10] = [401, 403, 404, 408, 425, 500, 501, 502, 503, 504];
    /// What `all-retryable-errors` stands for.
    pub const ALL_RETRYABLE: [RetryReason; 9] = [
        RetryReason::ConnFailure,
        RetryReason::EmptyResponse,
        RetryReason::JunkResponse,
        RetryReason::ResponseTimeout,
        RetryReason::ZeroRttRejected,
        RetryReason::Status(500),
        RetryReason::Status(502),
        RetryReason::Status(503),
        RetryReason::Status(504),
    ];

    /// For these reasons; a status that may be none is left out.
    pub fn of(reasons: impl IntoIterator<Item = RetryReason>) -> RetryOn {
        RetryOn(reasons.into_iter().fold(0, |set, reason| set | bit(reason)))
    }

    /// Whether this is one of the reasons.
    pub fn contains(self, reason: RetryReason) -> bool {
        self.0 & bit(reason) != 0
    }

    /// The reasons, in the order of [`RetryReason`].
    pub fn iter(self) -> impl Iterator<Item = RetryReason> {
        let plain = [
            RetryReason::ConnFailure,
            RetryReason::EmptyResponse,
            RetryReason::JunkResponse,
            RetryReason::ResponseTimeout,
            RetryReason::ZeroRttRejected,
        ];
        let statuses = RetryOn::STATUSES.map(RetryReason::Status);
        plain.into_iter().chain(statuses).filter(move |reason| self.contains(*reason))
    }

    /// Whether a request may be sent once more after it was sent, so that it must be held.
    pub fn resends(self) -> bool {
        self.0 & !bit(RetryReason::ConnFailure) != 0
    }
}

fn bit(reason: RetryReason) -> u16 {
    match reason {
        RetryReason::ConnFailure => 1,
        RetryReason::EmptyResponse => 1 << 1,
        RetryReason::JunkResponse => 1 << 2,
        RetryReason::ResponseTimeout => 1 << 3,
        RetryReason::ZeroRttRejected => 1 << 4,
        RetryReason::Status(status) => {
            RetryOn::STATUSES.iter().position(|known| *known == status).map_or(0, |at| 1 << (5 + at))
        }
    }
}

/// A text out of some characters, never empty.
macro_rules! text {
    ($type:ident, $legal:expr) => {
        impl $type {
            /// Checks the characters.
            pub fn new(text: &str) -> Result<$type, BadCookie> {
                match text.chars().find(|character| !$legal(character)) {
                    _ if text.is_empty() => Err(BadCookie::Empty),
                    Some(character) => Err(BadCookie::Character(character)),
                    None => Ok($type(text.to_owned())),
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(CookieName, |c: &char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*c));
text!(CookieValue, |c: &char| c.is_ascii_graphic() && !"\",;\\".contains(*c));
text!(CookieAttribute, |c: &char| (c.is_ascii_graphic() || *c == ' ') && *c != ';');

impl fmt::Display for BadCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadCookie::Empty => f.write_str("it is empty"),
            BadCookie::Character(character) => write!(f, "the character {character:?} may not stand there"),
        }
    }
}

impl std::error::Error for BadCookie {}

impl Cookie {
    /// The longest idle time and age, in seconds.
    pub const LONGEST: u32 = i32::MAX as u32;

    /// A cookie of this name that nobody sets.
    pub fn new(name: CookieName) -> Cookie {
        Cookie {
            name,
            mode: CookieMode::Passive,
            indirect: false,
            nocache: false,
            postonly: false,
            preserve: false,
            httponly: false,
            secure: false,
            domains: Vec::new(),
            maxidle: None,
            maxlife: None,
            dynamic: false,
            attributes: Vec::new(),
        }
    }

    /// What of it cannot stand together, if anything.
    pub fn conflict(&self) -> Option<&'static str> {
        if self.mode == CookieMode::Rewrite && self.indirect {
            return Some("'rewrite' and 'indirect' exclude each other");
        }
        if self.preserve && self.mode != CookieMode::Insert && !self.indirect {
            return Some("'preserve' needs 'insert' or 'indirect'");
        }
        None
    }
}
