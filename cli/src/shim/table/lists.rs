//! Lists of patterns: ACLs and maps. Rows only; what they become stands in `commands/`.

use super::ADMIN;
use super::Row;
use crate::shim::commands::lists;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "acl"] "show acl [[@<ver>] <acl>]", "list the lists of ACLs, or the entries of one", ADMIN, Staged(lists::show_acl) {
        "show acl" => "# id (file) description\n1 (names.lst) pattern loaded from file 'names.lst' used by acl at file 'a.cfg' line 7. curr_ver=0 next_ver=0 entry_cnt=2\n";
        "show acl names.lst" => "0x100000 bob\n0x200000 alice\n";
        "show acl #1" => "0x100000 bob\n0x200000 alice\n";
        "show acl @3 names.lst" => "";
        "show acl hosts.map" => "Unknown ACL identifier. Please use #<id> or <file>.\n";
    }
    ["show" "map"] "show map [[@<ver>] <map>]", "list the maps, or the entries of one", ADMIN, Staged(lists::show_map) {
        "show map" => "# id (file) description\n0 (hosts.map) pattern loaded from file 'hosts.map' used by map at file 'a.cfg' line 5, by map at file 'a.cfg' line 6. curr_ver=0 next_ver=0 entry_cnt=2\n";
        "show map hosts.map" => "0x100000 a.example one\n0x200000 b.example two words\n";
        "show map #7" => "Unknown map identifier. Please use #<id> or <file>.\n";
    }
    ["add" "acl"] "add acl [@<ver>] <acl> <pattern>", "add a pattern to the list of an ACL", ADMIN, Staged(lists::add_acl) {
        "add acl names.lst eve;show acl names.lst" => "\n0x100000 bob\n0x200000 alice\n0x300000 eve\n";
        "add acl names.lst" => "'add acl' expects two parameters: ACL identifier and pattern.\n";
        "add acl nosuch x" => "Unknown ACL identifier. Please use #<id> or <file>.\n";
        "add acl @1 names.lst x" => "Version number in the future, please use 'prepare acl' before.\n";
    }
    ["add" "map"] "add map [@<ver>] <map> <key> <value> (or payload)", "add entries to a map", ADMIN, Staged(lists::add_map) {
        "add map #0 c three;show map hosts.map" => "\n0x100000 a.example one\n0x200000 b.example two words\n0x300000 c three\n";
        "add map hosts.map c" => "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload\n";
        "add map names.lst x y" => "Unknown map identifier. Please use #<id> or <file>.\n";
    }
    ["del" "acl"] "del acl <acl> {<key>|#<ref>}", "remove patterns from the list of an ACL", ADMIN, Apply(lists::del_acl) {
        "del acl names.lst bob;show acl #1" => "\n0x200000 alice\n";
        "del acl names.lst #0x200000;show acl #1" => "\n";
        "del acl names.lst carl" => "Key not found.\n";
        "del acl names.lst" => "This command expects two parameters: ACL identifier and key.\n";
    }
    ["del" "map"] "del map <map> {<key>|#<ref>}", "remove entries from a map", ADMIN, Apply(lists::del_map) {
        "del map hosts.map a.example;show map #0" => "\n0x200000 b.example two words\n";
        "del map hosts.map" => "This command expects two parameters: map identifier and key.\n";
    }
    ["set" "map"] "set map <map> {<key>|#<ref>} <value>", "write values of a map", ADMIN, Apply(lists::set_map) {
        "set map hosts.map a.example 1;set map #0 #0x200000 2;show map #0" => "\n\n0x100000 a.example 1\n0x200000 b.example 2\n";
        "set map hosts.map nosuch 1" => "entry not found.\n";
        "set map hosts.map #0x99 1" => "key or pattern not found.\n";
        "set map hosts.map a" => "'set map' expects three parameters: map identifier, key and value.\n";
    }
    ["clear" "acl"] "clear acl [@<ver>] <acl>", "remove all patterns from the list of an ACL", ADMIN, Staged(lists::clear_acl) {
        "clear acl names.lst;show acl names.lst" => "\n";
        "clear acl" => "Missing ACL identifier.\n";
    }
    ["clear" "map"] "clear map [@<ver>] <map>", "remove all entries from a map", ADMIN, Staged(lists::clear_map) {
        "clear map hosts.map;show map hosts.map" => "\n";
        "clear map" => "Missing map identifier.\n";
    }
    ["get" "acl"] "get acl <acl> <value>", "show what a value matches in the list of an ACL", ADMIN, Ask(lists::get_acl) {
        "get acl names.lst bob" => "type=str, case=sensitive, match=yes, idx=tree, pattern=\"bob\"\n";
        "get acl names.lst carl" => "type=str, case=sensitive, match=no\n";
        "get acl names.lst" => "Missing ACL identifier and/or key.\n";
    }
    ["get" "map"] "get map <map> <value>", "show what a map has for a value", ADMIN, Ask(lists::get_map) {
        "get map hosts.map a.example" => "type=str, case=sensitive, found=yes, idx=tree, key=\"a.example\", value=\"one\", type=\"str\"\n";
        "get map #0 x" => "type=str, case=sensitive, found=no\n";
        "get map nosuch x" => "Unknown map identifier. Please use #<id> or <file>.\n";
    }
    ["prepare" "acl"] "prepare acl <acl>", "begin a new version of the list of an ACL", ADMIN, Staged(lists::prepare_acl) {
        "prepare acl names.lst;add acl @1 names.lst x;commit acl @1 names.lst;show acl names.lst" => "New version created: 1\n\n\n\n0x100001 x\n";
        "prepare acl nosuch" => "Unknown ACL identifier. Please use #<id> or <file>.\n";
    }
    ["prepare" "map"] "prepare map <map>", "begin a new version of a map", ADMIN, Staged(lists::prepare_map) {
        "prepare map hosts.map;add map @1 hosts.map a.example 9;show map @1 hosts.map" => "New version created: 1\n\n\n0x100000 a.example 9\n";
    }
    ["commit" "acl"] "commit acl @<ver> <acl>", "put a version of the list of an ACL in force", ADMIN, Staged(lists::commit_acl) {
        "commit acl names.lst" => "Missing version number.\n";
        "commit acl @1 names.lst" => "Version number out of range.\n";
    }
    ["commit" "map"] "commit map @<ver> <map>", "put a version of a map in force", ADMIN, Staged(lists::commit_map) {
        "prepare map hosts.map;add map @1 hosts.map a.example 9;commit map @1 hosts.map;show map hosts.map" => "New version created: 1\n\n\n\n0x100000 a.example 9\n";
        "commit map @5 hosts.map" => "Version number out of range.\n";
    }
};
