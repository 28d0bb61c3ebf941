//! What the fields of a head mean for the proxy: target and Host, framing of the body, life of the
//! connection, upgrades, and which fields go no further than this hop. Every rule by which two
//! parsers could disagree on where a message ends is decided here, on the side of refusal.
//! It never looks at a byte that `line.rs` has not checked. Read `body.rs` next.

use super::fields::{Fields, Known, Span, members};
use super::head::{Asked, Framing, Method, RequestHead, ResponseHead, Strictness, TargetForm, Version};
use super::line::{is_host, is_token};
use super::refusal::{Reason, Refusal};

/// What the Connection fields of a head say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connection {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

/// What the framing fields of a head say.
#[derive(Clone, Copy, Debug, Default)]
struct Declared {
    length: Option<u64>,
    chunked: bool,
}

/// Gives a request head its meaning. `len` is the length of the head.
#[inline]
pub(super) fn request(
    buf: &[u8],
    len: usize,
    strictness: Strictness,
    fields: &mut Fields,
) -> Result<RequestHead, Refusal> {
    let line = fields.line;
    let method = Method::of(line.method.of(buf));
    let (form, authority) = target(buf, line.text, method)?;
    check_host(buf, authority, line.minor, strictness, fields)?;
    let declared = Declared::read(buf, line.minor, fields, true)?;
    let connection = Connection::read(buf, fields);
    let framing = match declared {
        Declared { chunked: true, .. } => Framing::Chunked,
        Declared { length: Some(length), .. } if length > 0 => Framing::Length(length),
        _ => Framing::None,
    };
    let upgrade = upgrade(buf, method, line.minor, framing, connection, fields)?;
    let expect_continue = line.minor == Version::Http11
        && fields
            .known_value(buf, Known::Expect)
            .is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
    Ok(RequestHead {
        start: line.start as usize,
        len,
        method,
        method_span: line.method,
        target: line.text,
        form,
        authority,
        version: line.minor,
        framing,
        persistent: connection.is_persistent(line.minor),
        upgrade,
        expect_continue,
    })
}

/// Gives a response head its meaning (RFC 9112, 6.3).
#[inline]
pub(super) fn response(
    buf: &[u8],
    len: usize,
    asked: Asked,
    fields: &mut Fields,
) -> Result<ResponseHead, Refusal> {
    let line = fields.line;
    let status = line.status;
    let connection = Connection::read(buf, fields);
    let tunnel = status == 101 || (asked.method == Method::Connect && (200..300).contains(&status));
    if status == 101 && !(asked.upgrade && connection.upgrade && fields.has(Known::Upgrade)) {
        return Err(Refusal::new(Reason::UpgradeUnasked, 9));
    }
    let mut persistent = connection.is_persistent(line.minor);
    let framing = if tunnel || status < 200 || status == 204 {
        // These have no body whatever they declare, and must not declare one (RFC 9110, 8.6;
        // RFC 9112, 6.1): the next hop is not left to guess.
        fields.drop_known(Known::ContentLength);
        fields.drop_known(Known::TransferEncoding);
        if tunnel { Framing::Tunnel } else { Framing::None }
    } else {
        let declared = Declared::read(buf, line.minor, fields, false)?;
        if declared.chunked && declared.length.is_some() {
            // Transfer-Encoding overrides, Content-Length is removed, and the connection that
            // carried such a message is not used again (RFC 9112, 6.3, item 3).
            fields.drop_known(Known::ContentLength);
            persistent = false;
        }
        match declared {
            _ if asked.method == Method::Head || status == 304 => Framing::None,
            Declared { chunked: true, .. } => Framing::Chunked,
            Declared { length: Some(0), .. } => Framing::None,
            Declared { length: Some(length), .. } => Framing::Length(length),
            Declared { length: None, .. } => Framing::UntilClose,
        }
    };
    Ok(ResponseHead {
        len,
        status,
        reason: line.text,
        version: line.minor,
        framing,
        persistent: persistent && !matches!(framing, Framing::UntilClose | Framing::Tunnel),
    })
}

impl Connection {
    /// Reads the Connection fields and marks what they nominate.
    #[inline]
    fn read(buf: &[u8], fields: &mut Fields) -> Self {
        let mut said = Self::default();
        if !fields.has(Known::Connection) {
            return said;
        }
        for index in 0..fields.list.len() {
            let field = fields.list[index];
            if field.known != Known::Connection {
                continue;
            }
            for member in members(buf, field.value()) {
                let option = member.of(buf);
                if option.eq_ignore_ascii_case(b"keep-alive") {
                    said.keep_alive = true;
                } else if option.eq_ignore_ascii_case(b"close") {
                    said.close = true;
                } else {
                    said.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                    nominate(buf, option, fields);
                }
            }
        }
        said
    }

    /// Whether the connection outlives the message (RFC 9112, 9.3).
    fn is_persistent(self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// See [`RequestHead::drop_hop_by_hop`].
    pub(super) fn drop_hop_by_hop(buf: &[u8], fields: &mut Fields, upgrading: bool) {
        if fields.present & HOP_BY_HOP == 0 {
            return;
        }
        let mut te = false;
        for index in 0..fields.list.len() {
            let field = fields.list[index];
            match field.known {
                Known::KeepAlive | Known::ProxyConnection | Known::Http2Settings => fields.drop_at(index),
                Known::Upgrade if !upgrading => fields.drop_at(index),
                Known::Te => {
                    // Trailers are forwarded, so the wish for them is as well.
                    match members(buf, field.value())
                        .find(|part| part.of(buf).eq_ignore_ascii_case(b"trailers"))
                    {
                        Some(part) if !te => {
                            fields.narrow(index, part);
                            te = true;
                        }
                        _ => fields.drop_at(index),
                    }
                }
                Known::Other if field.is_nominated() => fields.drop_at(index),
                _ => {}
            }
        }
        let option: Option<&[u8]> = if upgrading {
            Some(b"upgrade")
        } else if te {
            Some(b"te")
        } else {
            None
        };
        narrow_connection(buf, fields, option);
    }
}

impl Declared {
    /// Reads Content-Length and Transfer-Encoding; repeated equal lengths are reduced to one.
    #[inline]
    fn read(buf: &[u8], version: Version, fields: &mut Fields, request: bool) -> Result<Self, Refusal> {
        let mut declared = Self::default();
        if !fields.has(Known::ContentLength) && !fields.has(Known::TransferEncoding) {
            return Ok(declared);
        }
        let mut unsupported = None;
        for index in 0..fields.list.len() {
            let field = fields.list[index];
            let value = field.value();
            match field.known {
                Known::ContentLength => declared.add_length(buf, index, value, fields)?,
                Known::TransferEncoding => {
                    if version == Version::Http10 {
                        return Err(Refusal::new(Reason::CodingInOldVersion, field.name().start as usize));
                    }
                    for member in members(buf, value) {
                        declared.add_coding(buf, member, &mut unsupported)?;
                    }
                }
                _ => {}
            }
            if request && declared.length.is_some() && fields.has(Known::TransferEncoding) {
                return Err(Refusal::new(Reason::LengthAndCoding, field.name().start as usize));
            }
        }
        match unsupported {
            // Without `chunked` at the end nobody can tell where the message ends.
            Some(at) if !declared.chunked => Err(Refusal::new(Reason::Coding, at)),
            Some(at) => Err(Refusal::new(Reason::CodingUnsupported, at)),
            None => Ok(declared),
        }
    }

    fn add_length(
        &mut self,
        buf: &[u8],
        index: usize,
        value: Span,
        fields: &mut Fields,
    ) -> Result<(), Refusal> {
        let at = value.start as usize;
        for (position, member) in members(buf, value).enumerate() {
            let length = digits(member.of(buf)).ok_or(Refusal::new(Reason::Length, member.start as usize))?;
            match self.length {
                None => self.length = Some(length),
                Some(first) if first != length => return Err(Refusal::new(Reason::LengthsDiffer, at)),
                Some(_) if position == 0 => fields.drop_at(index),
                Some(_) => {}
            }
            if position == 0 {
                fields.narrow(index, member);
            }
        }
        Ok(())
    }

    fn add_coding(
        &mut self,
        buf: &[u8],
        member: Span,
        unsupported: &mut Option<usize>,
    ) -> Result<(), Refusal> {
        let at = member.start as usize;
        if self.chunked {
            return Err(Refusal::new(Reason::Coding, at));
        }
        if member.of(buf).eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
        } else {
            unsupported.get_or_insert(at);
        }
        Ok(())
    }
}

/// Form and authority of a target (RFC 9112, 3.2).
#[inline]
fn target(buf: &[u8], span: Span, method: Method) -> Result<(TargetForm, Option<Span>), Refusal> {
    let text = span.of(buf);
    let at = span.start as usize;
    let wrong = Refusal::new(Reason::Target, at);
    if method == Method::Connect {
        let host = authority(buf, span)?;
        // CONNECT names the port always (RFC 9110, 9.3.6).
        return if host.port.is_empty() { Err(wrong) } else { Ok((TargetForm::Authority, Some(span))) };
    }
    match text.first() {
        Some(b'/') => Ok((TargetForm::Origin, None)),
        Some(b'*') if text.len() == 1 && method == Method::Options => Ok((TargetForm::Asterisk, None)),
        Some(first) if first.is_ascii_alphabetic() => {
            let scheme = scheme_len(text).ok_or(wrong)?;
            let start = at + scheme + 3;
            let rest = &text[scheme + 3..];
            let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
            let span = Span::new(start, start + len);
            authority(buf, span)?;
            Ok((TargetForm::Absolute, Some(span)))
        }
        _ => Err(wrong),
    }
}

/// Length of the scheme before `://`.
fn scheme_len(text: &[u8]) -> Option<usize> {
    let len =
        text.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))?;
    text[len..].starts_with(b"://").then_some(len)
}

/// Checks Host against the rules of its own and against the target.
#[inline]
fn check_host(
    buf: &[u8],
    authority_span: Option<Span>,
    version: Version,
    strictness: Strictness,
    fields: &Fields,
) -> Result<(), Refusal> {
    let Some(index) = fields.find_known(Known::Host) else {
        let required = version == Version::Http11 && !strictness.any_host;
        return if required { Err(Refusal::new(Reason::HostMissing, fields.end as usize)) } else { Ok(()) };
    };
    let repeated = fields.list[index + 1..].iter().find(|field| field.known == Known::Host);
    if let Some(second) = repeated {
        return Err(Refusal::new(Reason::HostRepeated, second.name().start as usize));
    }
    let value = fields.list[index].value();
    let at = value.start as usize;
    if !value.is_empty() && !strictness.any_host && split_authority(buf, value).is_none() {
        return Err(Refusal::new(Reason::HostInvalid, at));
    }
    let Some(span) = authority_span else { return Ok(()) };
    let same = match (split_authority(buf, span), split_authority(buf, value)) {
        (Some(target), Some(host)) => {
            let default = default_port(buf, fields.line.text).unwrap_or(port_number(target.port));
            let port = |place: &Place| if place.port.is_empty() { default } else { port_number(place.port) };
            target.host.eq_ignore_ascii_case(host.host) && port(&target) == port(&host)
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(Refusal::new(Reason::HostDiffers, at)) }
}

/// Host and port as they are spelled.
struct Place<'a> {
    host: &'a [u8],
    port: &'a [u8],
}

/// The authority of a target: a host is required.
fn authority(buf: &[u8], span: Span) -> Result<Place<'_>, Refusal> {
    let place = split_authority(buf, span).filter(|place| !place.host.is_empty());
    place.ok_or(Refusal::new(Reason::Authority, span.start as usize))
}

/// Host and port of `host[:port]`; nothing when it is not that.
#[inline]
fn split_authority(buf: &[u8], span: Span) -> Option<Place<'_>> {
    let text = span.of(buf);
    let host_len = if text.first() == Some(&b'[') {
        let close = text.iter().position(|&byte| byte == b']')?;
        let literal = &text[1..close];
        let allowed = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        if literal.is_empty() || !literal.iter().all(allowed) {
            return None;
        }
        close + 1
    } else {
        text.iter().position(|&byte| !is_host(byte)).unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(host_len);
    let port = match rest.split_first() {
        None => rest,
        Some((b':', port))
            if port.iter().all(u8::is_ascii_digit) && (port.is_empty() || port_number(port) > 0) =>
        {
            port
        }
        Some(_) => return None,
    };
    Some(Place { host, port })
}

/// The port that an authority without one means, where the scheme says it.
fn default_port(buf: &[u8], target: Span) -> Option<u32> {
    let text = target.of(buf);
    let is = |scheme: &[u8]| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if is(b"http://") {
        Some(80)
    } else if is(b"https://") {
        Some(443)
    } else {
        None
    }
}

/// The number of a port; 0 when it is none.
fn port_number(port: &[u8]) -> u32 {
    digits(port).filter(|number| *number <= 65535).map_or(0, |number| number as u32)
}

/// Digits and nothing else, within 64 bits.
#[inline]
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Marks the fields that a Connection option names.
fn nominate(buf: &[u8], option: &[u8], fields: &mut Fields) {
    if option.is_empty() || !option.iter().all(|&byte| is_token(byte)) {
        return;
    }
    for field in &mut fields.list {
        if field.known.is_nominatable() && field.name().of(buf).eq_ignore_ascii_case(option) {
            field.nominate();
        }
    }
}

/// Drops the Connection fields, but for one that is narrowed to `option` where it names it.
fn narrow_connection(buf: &[u8], fields: &mut Fields, mut option: Option<&[u8]>) {
    for index in 0..fields.list.len() {
        let field = fields.list[index];
        if field.known != Known::Connection {
            continue;
        }
        // What a rule wrote is no word of this hop's peer.
        if field.is_rewritten() {
            fields.drop_at(index);
            continue;
        }
        let wanted = option.and_then(|name| {
            members(buf, field.value()).find(|member| member.of(buf).eq_ignore_ascii_case(name))
        });
        match wanted {
            Some(part) => {
                fields.narrow(index, part);
                option = None;
            }
            None => fields.drop_at(index),
        }
    }
}

/// The protocols of an upgrade that can be granted.
fn upgrade(
    buf: &[u8],
    method: Method,
    version: Version,
    framing: Framing,
    connection: Connection,
    fields: &Fields,
) -> Result<Option<Span>, Refusal> {
    // An upgrade in HTTP/1.0 is to be ignored (RFC 9110, 7.8).
    if !connection.upgrade || version == Version::Http10 || framing != Framing::None {
        return Ok(None);
    }
    let mut all = fields.list.iter().filter(|field| field.known == Known::Upgrade).map(|field| field.value());
    let Some(first) = all.next() else { return Ok(None) };
    let mut web_socket = false;
    for list in std::iter::once(first).chain(all) {
        for member in members(buf, list) {
            let protocol = member.of(buf);
            if protocol.eq_ignore_ascii_case(b"h2c") {
                return Ok(None);
            }
            web_socket |= protocol.eq_ignore_ascii_case(b"websocket");
        }
    }
    if web_socket && method == Method::Get && !fields.has(Known::SecWebSocketKey) {
        return Err(Refusal::new(Reason::UpgradeIncomplete, first.start as usize));
    }
    Ok(Some(first))
}

/// Fields that concern one hop; without any of them nothing is nominated either.
const HOP_BY_HOP: u32 = Known::Connection.bit()
    | Known::KeepAlive.bit()
    | Known::ProxyConnection.bit()
    | Known::Http2Settings.bit()
    | Known::Upgrade.bit()
    | Known::Te.bit();
