//! Backends and the cookies that they make. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{ADMIN, USER};
use crate::shim::commands::{cookie, information};

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "backend"] "show backend", "list the backends", USER, Ask(information::show_backends) {
        "show backend" => "# name\nbe\nli\n";
    }
    ["enable" "dynamic-cookie" "backend"] "enable dynamic-cookie backend <b>", "give servers without a cookie value one", ADMIN, Apply(cookie::enable) {
        "enable dynamic-cookie backend be" => "";
        "enable dynamic-cookie backend" => "A backend name is expected.\n";
        "enable dynamic-cookie backend x" => "No such backend.\n";
    }
    ["disable" "dynamic-cookie" "backend"] "disable dynamic-cookie backend <b>", "take given cookie values away", ADMIN, Apply(cookie::disable) {
        "disable dynamic-cookie backend be" => "";
        "disable dynamic-cookie backend x" => "No such backend.\n";
    }
    ["set" "dynamic-cookie-key" "backend"] "set dynamic-cookie-key backend <b> <key>", "change the key that cookie values are made with", ADMIN, Apply(cookie::set_key) {
        "set dynamic-cookie-key backend be geheim" => "";
        "set dynamic-cookie-key backend be" => "String value expected.\n";
        "set dynamic-cookie-key backend" => "A backend name is expected.\n";
        "set dynamic-cookie-key backend x geheim" => "No such backend.\n";
    }
};
