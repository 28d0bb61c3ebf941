#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use super::super::{converters, fetches};
use super::*;

#[test]
fn tables_are_in_order() {
    assert!(converters::ROWS.is_sorted_by_key(|row| row.name));
}

#[test]
fn what_is_written_reads_as_the_same() {
    let fetched = fetches::rows().flat_map(|row| row.examples);
    let converted = converters::ROWS.iter().flat_map(|row| row.examples);
    let stated = converters::ROWS.iter().flat_map(|row| row.stated).map(|(example, _)| example);
    let others = ["str(\"a'b\\\"c\"),upper", "str('a,b')", "str(a\\nb)", "req.hdr(x,-1)"];
    for example in fetched.chain(converted).chain(stated).chain(&others) {
        let sample = Sample::parse(example).unwrap_or_else(|mistake| panic!("{example}: {mistake}"));
        let again =
            Sample::parse(&sample.to_string()).unwrap_or_else(|mistake| panic!("{sample}: {mistake}"));
        assert_eq!(sample, again, "{example}");
    }
}

#[test]
fn mistakes_have_their_place() {
    for (text, at, message) in [
        ("pth", 0, "unknown fetch 'pth'"),
        ("path,uper", 5, "unknown converter 'uper'"),
        ("path(1)", 5, "'path' takes no arguments"),
        ("int(x)", 4, "'x' is not acceptable here"),
        ("int", 0, "'int' lacks an argument"),
        ("str(a", 5, "the parenthesis is not closed"),
        ("str('a", 4, "the quote ' is not closed"),
        ("str(a)b", 6, "'b' is not expected here"),
        ("always_true,add(1),ipmask(32,x)", 29, "'x' is not acceptable here"),
        ("always_true,add(1),ipmask(33)", 26, "'33' is not acceptable here"),
        ("str(a\\,b)", 7, "'str' does not take the argument 'b'"),
        ("str(a\\)b)", 7, "'b)' is not expected here"),
        ("int(0x10)", 4, "'0x10' is not acceptable here"),
        ("str(a),wurfl(x)", 7, "converter 'wurfl' exists in HAProxy and is not supported by Regate yet"),
        ("str(a),add_item(',')", 7, "'add_item' has nothing to add"),
        ("str(a),add_item(',',,)", 20, "'add_item' has nothing to add"),
        ("str(a),be2hex(:)", 7, "a separator without the size of what it separates"),
        ("str(a),be2dec(:,9)", 16, "'9' is not acceptable here"),
        ("str(a),digest(crc)", 14, "unknown message digest 'crc'"),
        ("str(a),hmac(sha1,k!)", 17, "'k!' is not acceptable here"),
        ("str(a),jwt_verify(XS256,k)", 18, "unknown algorithm 'XS256'"),
        ("str(a),set-var(txn.a,ifset,never)", 27, "unknown condition 'never'"),
        (
            "str(a),mqtt_field_value(publish,flags)",
            32,
            "packets of the type 'publish' have no field 'flags' that can be had",
        ),
        ("str(a),fix_tag_value(0)", 21, "unknown tag of FIX"),
        ("str(a),regsub('(',x)", 14, "'(' is no regular expression: unclosed group"),
        ("str(a),regsub('(?=b)',x)", 14, "look-around is not supported in regular expressions"),
        ("str(a),regsub(a,b,gx)", 19, "unknown letter in 'gx'"),
        ("str(a),field(0,_)", 13, "'0' is not acceptable here"),
        ("str(a),json(latin)", 12, "unknown word 'latin'"),
        ("always_true,ipmask(8)", 12, "converter 'ipmask' cannot take a value of type boolean"),
        ("path,", 5, "a name is missing"),
        ("", 0, "a name is missing"),
    ] {
        let mistake = Sample::parse(text).expect_err(text);
        assert_eq!((mistake.at, mistake.message.as_str()), (at, message), "{text}");
    }
}
