//! Fetches of constants, of the environment and of variables (configuration manual 7.3.2).

use super::{Fetch, Row, row};
use crate::rules::signature::{Signature, Want};
use crate::rules::{Kind, Reach};

/// The rows, in ascending order of names.
pub(super) const ROWS: &[Row] = &[
    row(
        "always_false",
        Fetch::AlwaysFalse,
        Signature::NONE,
        Kind::Bool,
        Reach::EVERYWHERE,
        &["always_false"],
    ),
    row("always_true", Fetch::AlwaysTrue, Signature::NONE, Kind::Bool, Reach::EVERYWHERE, &["always_true"]),
    row("bin", Fetch::Bin, HEXADECIMAL, Kind::Bin, Reach::EVERYWHERE, &["bin(4142)"]),
    row(
        "bool",
        Fetch::Bool,
        TRUTH,
        Kind::Bool,
        Reach::EVERYWHERE,
        &["bool(true)", "bool(0)", "bool(false)", "bool(1)"],
    ),
    row(
        "env",
        Fetch::Environment,
        ONE_TEXT,
        Kind::Str,
        Reach::EVERYWHERE,
        &["env(PATH)", "env(NO_SUCH_VARIABLE)"],
    ),
    row("int", Fetch::Int, ONE_INT, Kind::Int, Reach::EVERYWHERE, &["int(-5)", "int(010)"]),
    row("ipv4", Fetch::Ipv4, IPV4, Kind::Ipv4, Reach::EVERYWHERE, &["ipv4(192.0.2.1)"]),
    row(
        "ipv6",
        Fetch::Ipv6,
        IPV6,
        Kind::Ipv6,
        Reach::EVERYWHERE,
        &["ipv6(2001:DB8::1)", "ipv6(::ffff:192.0.2.1)"],
    ),
    row(
        "meth",
        Fetch::ConstantMethod,
        ONE_TEXT,
        Kind::Method,
        Reach::EVERYWHERE,
        &["meth(GET)", "meth(PURGE)"],
    ),
    row("str", Fetch::Str, ONE_TEXT, Kind::Str, Reach::EVERYWHERE, &["str(a b)", "str()"]),
    row("var", Fetch::Var, VARIABLE, Kind::Any, Reach::EVERYWHERE, &["var(txn.none)", "var(txn.none,x)"]),
];

const HEXADECIMAL: Signature = Signature::new(1, &[Want::Hexadecimal]);
const IPV4: Signature = Signature::new(1, &[Want::Ipv4]);
const IPV6: Signature = Signature::new(1, &[Want::Ipv6]);
const ONE_INT: Signature = Signature::new(1, &[Want::Int]);
const ONE_TEXT: Signature = Signature::new(1, &[Want::Text]);
const TRUTH: Signature = Signature::new(1, &[Want::Truth]);
const VARIABLE: Signature = Signature::new(1, &[Want::Variable, Want::Text]);
