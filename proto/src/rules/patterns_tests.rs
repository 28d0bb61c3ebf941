//! Patterns, as HAProxy 2.6 takes and refuses them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use super::*;

fn said(method: MatchMethod, text: &str) -> String {
    match Matching::exactly(method).check(text.as_bytes()) {
        Ok(()) => String::new(),
        Err(bad) => bad.to_string(),
    }
}

#[test]
fn addresses_and_networks() {
    for good in ["10.1.1.1/255.255.0.255", "10.1.1.1/0", "10.0.0.0/08", "::/0", "2001:db8::/32", "1.2.3.4"] {
        assert_eq!(said(MatchMethod::Ip, good), "", "{good}");
    }
    let bad = [
        "10.1",
        "1",
        "1.2.3",
        "010.1.1.1",
        "10.1.1.1/33",
        "10.1.1.1/",
        "localhost",
        "1.2.3.4:80",
        "2001:db8::/129",
        "2001:db8::1%eth0",
        "::1/",
        "[::1]",
        "4294967295",
        "*",
        "",
    ];
    for bad in bad {
        assert_eq!(said(MatchMethod::Ip, bad), format!("'{bad}' is not a valid IPv4 or IPv6 address"));
    }
    let network = Matching::exactly(MatchMethod::Ip).parse(b"10.1.2.3/16").unwrap();
    assert_eq!(network, Pattern::V4 { address: 0x0a01_0000, mask: 0xffff_0000 });
}

#[test]
fn numbers_and_ranges() {
    for good in ["5", "1:", ":3", "1:10", "-5", "9223372036854775807", "0:0"] {
        assert_eq!(said(MatchMethod::Int, good), "", "{good}");
    }
    for bad in ["ge 5", "ge", "abc", "+5", "99999999999999999999", "0x10", "5.", "5.5", "", "-"] {
        assert_eq!(said(MatchMethod::Len, bad), format!("'{bad}' is not a number"));
    }
    for bad in ["1:2:3", "5:-1", "-10:-5", "10:5", ":", "1.2:3.4"] {
        assert_eq!(said(MatchMethod::Int, bad), format!("'{bad}' is not a valid number range"));
    }
}

#[test]
fn digits_of_bytes() {
    assert_eq!(said(MatchMethod::Bin, "6162"), "");
    assert_eq!(said(MatchMethod::Bin, "6"), "an even number of hex digit is expected");
    assert_eq!(said(MatchMethod::Bin, "zz"), "an hex digit is expected (found 'z')");
    assert_eq!(
        Matching::exactly(MatchMethod::Bin).parse(b"aBCD").unwrap(),
        Pattern::Bytes(Cow::Owned(vec![0xab, 0xcd]))
    );
}

#[test]
fn expressions_that_cannot_be_taken_are_refused_with_the_place() {
    assert_eq!(said(MatchMethod::Reg, "^/a(b+)$"), "");
    assert_eq!(said(MatchMethod::Reg, r"[[:alpha:]]\d{2,}"), "");
    let ahead = "regex 'a(?=b)' is invalid (look-ahead at character 2 is not available, as it cannot be matched in \
                 bounded time)";
    assert_eq!(said(MatchMethod::Reg, "a(?=b)"), ahead);
    assert!(said(MatchMethod::Reg, "(").contains("unclosed group"), "{}", said(MatchMethod::Reg, "("));
    assert!(said(MatchMethod::Reg, "((a{1000}){1000}){1000}").contains("bytes when compiled"));
}

#[test]
fn delimiters_at_the_ends_do_not_matter() {
    assert_eq!(
        Matching::exactly(MatchMethod::Dir).parse(b"/static/").unwrap(),
        Pattern::Bytes(Cow::Borrowed(b"static"))
    );
    assert_eq!(
        Matching::exactly(MatchMethod::Dom).parse(b".x.").unwrap(),
        Pattern::Bytes(Cow::Borrowed(b"x"))
    );
    assert_eq!(
        Matching::exactly(MatchMethod::Dom).parse(b"...").unwrap(),
        Pattern::Bytes(Cow::Borrowed(b""))
    );
}

#[test]
fn addresses_within_addresses() {
    let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap().to_bits();
    for text in ["::ffff:10.1.2.3", "::10.1.2.3", "2002:0a01:0203::"] {
        assert_eq!(v4_within(v6(text)), Some(0x0a01_0203), "{text}");
    }
    assert_eq!(v4_within(v6("2001:db8::1")), None);
}
