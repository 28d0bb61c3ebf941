//! The converters that look a value up in a map (configuration manual 7.3.1 "map").

use super::converters::{Converter, Row};
use super::signature::{Signature, Want};
use super::{Kind, MatchMethod};

/// Every name of theirs.
pub const CONVERTERS: &[Row] = &[
    row("map", MatchMethod::Str, Kind::Str),
    row("map_beg", MatchMethod::Beg, Kind::Str),
    row("map_beg_int", MatchMethod::Beg, Kind::Int),
    row("map_beg_ip", MatchMethod::Beg, Kind::Ip),
    row("map_beg_str", MatchMethod::Beg, Kind::Str),
    row("map_dir", MatchMethod::Dir, Kind::Str),
    row("map_dir_int", MatchMethod::Dir, Kind::Int),
    row("map_dir_ip", MatchMethod::Dir, Kind::Ip),
    row("map_dir_str", MatchMethod::Dir, Kind::Str),
    row("map_dom", MatchMethod::Dom, Kind::Str),
    row("map_dom_int", MatchMethod::Dom, Kind::Int),
    row("map_dom_ip", MatchMethod::Dom, Kind::Ip),
    row("map_dom_str", MatchMethod::Dom, Kind::Str),
    row("map_end", MatchMethod::End, Kind::Str),
    row("map_end_int", MatchMethod::End, Kind::Int),
    row("map_end_ip", MatchMethod::End, Kind::Ip),
    row("map_end_str", MatchMethod::End, Kind::Str),
    row("map_int", MatchMethod::Int, Kind::Str),
    row("map_int_int", MatchMethod::Int, Kind::Int),
    row("map_int_ip", MatchMethod::Int, Kind::Ip),
    row("map_int_str", MatchMethod::Int, Kind::Str),
    row("map_ip", MatchMethod::Ip, Kind::Str),
    row("map_ip_int", MatchMethod::Ip, Kind::Int),
    row("map_ip_ip", MatchMethod::Ip, Kind::Ip),
    row("map_ip_str", MatchMethod::Ip, Kind::Str),
    row("map_reg", MatchMethod::Reg, Kind::Str),
    row("map_reg_int", MatchMethod::Reg, Kind::Int),
    row("map_reg_ip", MatchMethod::Reg, Kind::Ip),
    row("map_reg_str", MatchMethod::Reg, Kind::Str),
    with_groups("map_regm"),
    row("map_str", MatchMethod::Str, Kind::Str),
    row("map_str_int", MatchMethod::Str, Kind::Int),
    row("map_str_ip", MatchMethod::Str, Kind::Ip),
    row("map_str_str", MatchMethod::Str, Kind::Str),
    row("map_sub", MatchMethod::Sub, Kind::Str),
    row("map_sub_int", MatchMethod::Sub, Kind::Int),
    row("map_sub_ip", MatchMethod::Sub, Kind::Ip),
    row("map_sub_str", MatchMethod::Sub, Kind::Str),
];

const fn row(name: &'static str, method: MatchMethod, output: Kind) -> Row {
    let input = match method {
        MatchMethod::Int => Kind::Int,
        MatchMethod::Ip => Kind::Ip,
        _ => Kind::Str,
    };
    let converter = Converter::Map { method, output, groups: false };
    let signature = match output {
        Kind::Int => INTEGERS,
        Kind::Ip => ADDRESSES,
        _ => TEXTS,
    };
    Row { name, converter, signature, input, output, examples: &[], stated: &[] }
}

const fn with_groups(name: &'static str) -> Row {
    let converter = Converter::Map { method: MatchMethod::Reg, output: Kind::Str, groups: true };
    Row { name, converter, signature: TEXTS, input: Kind::Str, output: Kind::Str, examples: &[], stated: &[] }
}

/// The map, and the value where it has none, of the type that its values have.
const TEXTS: Signature = Signature::new(1, &[Want::List, Want::Text]);
const INTEGERS: Signature = Signature::new(1, &[Want::List, Want::Int]);
const ADDRESSES: Signature = Signature::new(1, &[Want::List, Want::Ip]);
