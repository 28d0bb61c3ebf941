//! Fetches of bytes before anybody knows what they are (configuration manual 7.3.5).

use super::{Fetch, Row, row};
use crate::rules::signature::{Signature, Want};
use crate::rules::{Kind, Reach};

/// The rows, in ascending order of names.
pub(super) const ROWS: &[Row] = &[
    row("distcc_body", Fetch::DistccBody, DISTCC, Kind::Bin, Reach::MESSAGE, &[]),
    row("distcc_param", Fetch::DistccParameter, DISTCC, Kind::Int, Reach::MESSAGE, &[]),
    row("payload", Fetch::Payload, SLICE, Kind::Bin, Reach::MESSAGE, &[]),
    row("payload_lv", Fetch::PayloadLengthValue, LENGTH_VALUE, Kind::Bin, Reach::MESSAGE, &[]),
    row("rdp_cookie", Fetch::RdpCookie, MAYBE_TEXT, Kind::Str, Reach::REQUEST, &[]),
    row("rdp_cookie_cnt", Fetch::RdpCookieCount, MAYBE_TEXT, Kind::Int, Reach::REQUEST, &[]),
    row("rep_ssl_hello_type", Fetch::ResponseHelloType, Signature::NONE, Kind::Int, Reach::RESPONSE, &[]),
    row("req.len", Fetch::RequestLength, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row("req.payload", Fetch::RequestPayload, SLICE, Kind::Bin, Reach::REQUEST, &[]),
    row("req.payload_lv", Fetch::RequestPayloadLengthValue, LENGTH_VALUE, Kind::Bin, Reach::REQUEST, &[]),
    row(
        "req.proto_http",
        Fetch::ProtocolIsHttp,
        Signature::NONE,
        Kind::Bool,
        Reach::STREAM,
        &["req.proto_http"],
    ),
    row("req.rdp_cookie", Fetch::RdpCookie, MAYBE_TEXT, Kind::Str, Reach::REQUEST, &[]),
    row("req.rdp_cookie_cnt", Fetch::RdpCookieCount, MAYBE_TEXT, Kind::Int, Reach::REQUEST, &[]),
    row("req.ssl_alpn", Fetch::HelloAlpn, Signature::NONE, Kind::Str, Reach::REQUEST, &[]),
    row("req.ssl_ec_ext", Fetch::HelloHasGroups, Signature::NONE, Kind::Bool, Reach::REQUEST, &[]),
    row("req.ssl_hello_type", Fetch::RequestHelloType, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row("req.ssl_sni", Fetch::HelloSni, Signature::NONE, Kind::Str, Reach::REQUEST, &[]),
    row("req.ssl_st_ext", Fetch::HelloTicket, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row("req.ssl_ver", Fetch::HelloVersion, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row("req_len", Fetch::RequestLength, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row(
        "req_proto_http",
        Fetch::ProtocolIsHttp,
        Signature::NONE,
        Kind::Bool,
        Reach::STREAM,
        &["req_proto_http"],
    ),
    row("req_ssl_hello_type", Fetch::RequestHelloType, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row("req_ssl_sni", Fetch::HelloSni, Signature::NONE, Kind::Str, Reach::REQUEST, &[]),
    row("req_ssl_ver", Fetch::HelloVersion, Signature::NONE, Kind::Int, Reach::REQUEST, &[]),
    row("res.len", Fetch::ResponseLength, Signature::NONE, Kind::Int, Reach::RESPONSE, &[]),
    row("res.payload", Fetch::ResponsePayload, SLICE, Kind::Bin, Reach::RESPONSE, &[]),
    row("res.payload_lv", Fetch::ResponsePayloadLengthValue, LENGTH_VALUE, Kind::Bin, Reach::RESPONSE, &[]),
    row("res.ssl_hello_type", Fetch::ResponseHelloType, Signature::NONE, Kind::Int, Reach::RESPONSE, &[]),
    row("wait_end", Fetch::WaitEnd, Signature::NONE, Kind::Bool, Reach::RUNNING, &["wait_end"]),
];

const DISTCC: Signature = Signature::new(1, &[Want::Text, Want::Int]);
const LENGTH_VALUE: Signature = Signature::new(2, &[Want::Size, Want::Size, Want::Offset]);
const MAYBE_TEXT: Signature = Signature::new(0, &[Want::Text]);
const SLICE: Signature = Signature::new(2, &[Want::Size, Want::Size]);
