#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::str::FromStr;

use domain::base::Ttl;
use domain::base::message_builder::AnswerBuilder;
use proptest::prelude::*;

use super::*;

const HOST: Wanted = Wanted::Addresses(AddressFamily::V4);

fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_str(text).unwrap()
}

/// The beginning of an answer to a query.
fn reply(id: u16, asked: &str, kind: Rtype, code: Rcode) -> AnswerBuilder<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(id);
    header.set_qr(true);
    header.set_rcode(code);
    let mut question = builder.question();
    question.push((name(asked), kind, Class::IN)).unwrap();
    question.answer()
}

fn a(text: &str) -> A {
    A::from_str(text).unwrap()
}

#[test]
fn a_query_says_what_is_asked_and_how_much_is_accepted() {
    let bytes = query(0x1234, "_http._tcp.example.com", Wanted::Services, 4096).unwrap();
    let message = Message::from_octets(bytes.as_slice()).unwrap();
    assert_eq!((message.header().id(), message.header().rd(), message.header().qr()), (0x1234, true, false));
    let question = message.sole_question().unwrap();
    assert_eq!(
        (spell(question.qname()), question.qtype()),
        ("_http._tcp.example.com".to_owned(), Rtype::SRV)
    );
    assert_eq!(message.opt().unwrap().udp_payload_size(), 4096);
    assert_eq!(query(1, &"a".repeat(64), HOST, 512), None);
}

#[test]
fn addresses_are_those_of_the_name_through_its_aliases() {
    let mut answer = reply(7, "a.example", Rtype::A, Rcode::NOERROR);
    answer.push((name("A.example"), 60, Cname::new(name("b.example")))).unwrap();
    answer.push((name("b.EXAMPLE"), 60, a("192.0.2.1"))).unwrap();
    answer.push((name("other.example"), 60, a("192.0.2.9"))).unwrap();
    answer.push((name("b.example"), 60, a("192.0.2.2"))).unwrap();
    let bytes = answer.finish();
    let expected = vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
    assert_eq!(read(&bytes, 7, "a.example", HOST), Ok(Answer::Addresses(expected)));
}

#[test]
fn what_is_no_answer_to_the_question_is_told_apart() {
    let mut answer = reply(7, "a.example", Rtype::A, Rcode::NOERROR);
    answer.push((name("a.example"), 60, a("192.0.2.1"))).unwrap();
    let bytes = answer.finish();
    assert!(read(&bytes, 7, "A.Example", HOST).is_ok());
    assert_eq!(read(&bytes, 8, "a.example", HOST), Err(Flaw::Foreign));
    assert_eq!(read(&bytes, 7, "b.example", HOST), Err(Flaw::Foreign));
    assert_eq!(read(&bytes, 7, "a.example", Wanted::Services), Err(Flaw::Foreign));
    assert_eq!(read(&bytes[..11], 7, "a.example", HOST), Err(Flaw::Foreign));
    assert_eq!(read(&bytes[..bytes.len() - 1], 7, "a.example", HOST), Err(Flaw::Malformed));
    let mut asked = bytes.clone();
    asked[2] &= 0x7f;
    assert_eq!(read(&asked, 7, "a.example", HOST), Err(Flaw::Foreign));
    let mut cut = bytes;
    cut[2] |= 2;
    assert_eq!(read(&cut, 7, "a.example", HOST), Err(Flaw::Truncated));
}

#[test]
fn failures_have_their_kinds() {
    for (code, flaw) in
        [(Rcode::NXDOMAIN, Flaw::Nx), (Rcode::REFUSED, Flaw::Refused), (Rcode::SERVFAIL, Flaw::Failed)]
    {
        let bytes = reply(7, "a.example", Rtype::A, code).finish();
        assert_eq!(read(&bytes, 7, "a.example", HOST), Err(flaw));
    }
    let bytes = reply(7, "a.example", Rtype::A, Rcode::NOERROR).finish();
    assert_eq!(read(&bytes, 7, "a.example", HOST), Err(Flaw::Empty));
    let mut answer = reply(7, "a.example", Rtype::A, Rcode::NOERROR);
    answer.push((name("a.example"), 60, Cname::new(name("b.example")))).unwrap();
    assert_eq!(read(&answer.finish(), 7, "a.example", HOST), Err(Flaw::AliasOnly));
    let mut answer = reply(7, "a.example", Rtype::A, Rcode::NOERROR);
    answer.push((name("a.example"), 60, Cname::new(name("b.example")))).unwrap();
    answer.push((name("b.example"), 60, Cname::new(name("a.example")))).unwrap();
    assert_eq!(read(&answer.finish(), 7, "a.example", HOST), Err(Flaw::AliasLoop));
}

#[test]
fn services_come_with_the_addresses_that_are_along() {
    let mut answer = reply(7, "_http._tcp.example", Rtype::SRV, Rcode::NOERROR);
    let ttl = Ttl::from_secs(60);
    for (target, port) in [("n1.example", 81), ("N2.example", 82), ("n1.example", 81), (".", 80)] {
        answer.push((name("_http._tcp.example"), ttl, Srv::new(0, 300, port, name(target)))).unwrap();
    }
    let mut additional = answer.additional();
    additional.push((name("n2.example"), 60, a("192.0.2.2"))).unwrap();
    let found = read(&additional.finish(), 7, "_http._tcp.example", Wanted::Services).unwrap();
    let service = |target: &str, port, addresses: &[&str]| Service {
        target: target.to_owned(),
        port,
        weight: 300,
        addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
    };
    let expected = vec![service("n1.example", 81, &[]), service("n2.example", 82, &["192.0.2.2"])];
    assert_eq!(found, Answer::Services(expected));
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes, 7, "a.example", HOST);
        let _ = read(&bytes, 7, "_http._tcp.example", Wanted::Services);
    }

    #[test]
    fn no_damage_brings_the_reader_down(
        damages in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut answer = reply(7, "_http._tcp.example", Rtype::SRV, Rcode::NOERROR);
        let record = Srv::new(0, 300, 80, name("n.example"));
        answer.push((name("_http._tcp.example"), 60, record)).unwrap();
        answer.push((name("n.example"), 60, Cname::new(name("m.example")))).unwrap();
        answer.push((name("m.example"), 60, a("192.0.2.2"))).unwrap();
        let mut bytes = answer.finish();
        for (at, byte) in damages {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read(&bytes, 7, "_http._tcp.example", Wanted::Services);
    }
}
