//! Backends and the cookies that they make. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{ADMIN, OPERATOR, USER};
use crate::shim::commands::{backend, cookie, information};

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
    ["add" "backend"] "add backend <b> from <defaults> [mode {tcp|http}] [guid <g>]", "create a backend that nothing leads to until it is published", ADMIN, Ask(backend::add) {
        "add backend" => "Require backend name.\n";
        "add backend n" => "Usage: add backend <name> from <defproxy>.\n";
        "add backend n from" => "Usage: add backend <name> from <defproxy>.\n";
        "add backend n from base mode" => "Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].\n";
        "add backend n from base foo x" => "Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].\n";
        "add backend n from base mode log" => "Dynamic backends are compatible with only TCP or HTTP mode.\n";
        "add backend n from nosuch" => "Cannot find default proxy 'nosuch'.\n";
        "add backend n from base;show backend" => "New backend registered.\n\n# name\nbe\nli\nn\n";
        "add backend be from base" => "Error during backend creation : name is already used by other proxy 'backend be'.\n";
        "add backend p from base guid g1;add backend q from base guid g1" => "New backend registered.\n\nError during backend creation : GUID insertion : duplicate entry with backend p.\n";
        "add backend n from base guid a/b" => "Error during backend creation : GUID insertion : character '/' is not permitted …";
        "add backend n! from base" => "character '!' is not permitted in backend name 'n!'.\n";
    }
    ["del" "backend"] "del backend <b>", "remove a backend that is unpublished and has no servers", ADMIN, Ask(backend::delete) {
        "del backend" => "Require backend name.\n";
        "del backend x" => "No such backend.\n";
        "del backend li" => "Cannot delete a listen section.\n";
        "del backend be" => "Cannot remove a backend with stick-table.\n";
        "add backend n from base;del backend n;get weight n/s" => "New backend registered.\n\nBackend deleted.\n\nNo such backend.\n";
        "add backend n from base;publish backend n;del backend n" => "New backend registered.\n\nBackend published.\n\nBackend must be unpublished prior to its deletion.\n";
        "unpublish backend n;add server n/s 127.0.0.1:1;del backend n" => "Backend unpublished.\n\nNew server registered.\n\nOnly a backend without server can be deleted.\n";
    }
    ["publish" "backend"] "publish backend <b>", "let rules and frontends choose a backend", ADMIN, Apply(backend::publish) {
        "publish backend be" => "Backend published.\n";
        "publish backend x" => "No such backend.\n";
        "publish backend" => "A backend name is expected.\n";
    }
    ["unpublish" "backend"] "unpublish backend <b>", "let nothing choose a backend; its servers are still checked", ADMIN, Ask(backend::unpublish) {
        "unpublish backend be" => "Backend unpublished.\n";
        "unpublish backend x" => "No such backend.\n";
    }
    ["show" "defaults"] "show defaults", "list the defaults that 'add backend' can start from", OPERATOR, Ask(backend::show_defaults) {
        "show defaults" => "base\n";
    }
};
