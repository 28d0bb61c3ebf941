//! DNS messages: the query for a name, and what an answer to it says (RFC 1035, 2782, 6891).
//!
//! Pure. An answer is read only when it is one to the question that was asked: the same id, name, kind and class.
//! Records count only when they belong to the name, through the chain of aliases that the answer itself holds.
//! Read next: `question.rs`.

use std::collections::HashMap;
use std::net::IpAddr;

use domain::base::iana::{Class, Opcode, Rcode};
use domain::base::name::ParsedName;
use domain::base::record::ParsedRecord;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{A, Aaaa, Cname, Srv};
use regate_proto::model::AddressFamily;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Addresses of a host.
    Addresses(AddressFamily),
    /// The hosts of a service.
    Services,
}

/// What a valid answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The host has these addresses, in the order of the answer; at least one.
    Addresses(Vec<IpAddr>),
    /// The service is there, in the order of the answer; at least one.
    Services(Vec<Service>),
}

/// One record of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The host, in lower case, without the dot at the end.
    pub target: String,
    /// Its port.
    pub port: u16,
    /// Its share of traffic.
    pub weight: u16,
    /// Addresses of the host that came along.
    pub addresses: Vec<IpAddr>,
}

/// Why a message is no valid answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is to another question: it may have been forged, or be late.
    Foreign,
    /// It breaks the rules of the protocol.
    Malformed,
    /// It was cut short: the whole is to be had over TCP.
    Truncated,
    /// The name does not exist.
    Nx,
    /// The server refuses.
    Refused,
    /// The server failed.
    Failed,
    /// The name has no record of this kind.
    Empty,
    /// The name is an alias of another that has no record of this kind in the answer.
    AliasOnly,
    /// Its aliases go in a circle.
    AliasLoop,
}

/// The query for a name; `None` for a text that is no name in DNS. `payload` is the largest answer accepted.
pub fn query(id: u16, name: &str, wanted: Wanted, payload: u16) -> Option<Vec<u8>> {
    let name: Name<Vec<u8>> = name.parse().ok()?;
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(id);
    header.set_opcode(Opcode::QUERY);
    header.set_rd(true);
    let mut question = builder.question();
    question.push((&name, rtype(wanted), Class::IN)).ok()?;
    let mut additional = question.additional();
    additional
        .opt(|opt| {
            opt.set_udp_payload_size(payload);
            Ok(())
        })
        .ok()?;
    Some(additional.finish())
}

/// What a message says in answer to the query with this id for this name.
pub fn read(bytes: &[u8], id: u16, name: &str, wanted: Wanted) -> Result<Answer, Flaw> {
    let message = Message::from_octets(bytes).map_err(|_| Flaw::Foreign)?;
    let header = message.header();
    let asked: Name<Vec<u8>> = name.parse().map_err(|_| Flaw::Foreign)?;
    if header.id() != id || !header.qr() || header.opcode() != Opcode::QUERY {
        return Err(Flaw::Foreign);
    }
    let question = match message.sole_question() {
        Ok(question) => question,
        // Some servers leave the question out of an error.
        Err(_) if message.header_counts().qdcount() == 0 && header.rcode() != Rcode::NOERROR => {
            return Err(failure(header.rcode()));
        }
        Err(_) => return Err(Flaw::Foreign),
    };
    if *question.qname() != asked || question.qtype() != rtype(wanted) || question.qclass() != Class::IN {
        return Err(Flaw::Foreign);
    }
    if header.tc() {
        return Err(Flaw::Truncated);
    }
    if header.rcode() != Rcode::NOERROR {
        return Err(failure(header.rcode()));
    }
    let records = records(&message)?;
    let owner = canonical(&asked, &records.answer)?;
    match wanted {
        Wanted::Addresses(family) => {
            let found: Vec<IpAddr> =
                addresses(&records.answer, &owner).filter(|ip| AddressFamily::of(*ip) == family).collect();
            if found.is_empty() { Err(nothing(&asked, &owner)) } else { Ok(Answer::Addresses(found)) }
        }
        Wanted::Services => {
            let found = services(&records, &owner);
            if found.is_empty() { Err(nothing(&asked, &owner)) } else { Ok(Answer::Services(found)) }
        }
    }
}

/// A name as it is compared: in lower case.
type Owner = String;

/// What a record says, as far as it is of use here.
enum Data {
    Address(IpAddr),
    Alias(Owner),
    Service { target: Owner, port: u16, weight: u16 },
}

struct Records {
    answer: Vec<(Owner, Data)>,
    additional: Vec<(Owner, Data)>,
}

fn rtype(wanted: Wanted) -> Rtype {
    match wanted {
        Wanted::Addresses(AddressFamily::V4) => Rtype::A,
        Wanted::Addresses(AddressFamily::V6) => Rtype::AAAA,
        Wanted::Services => Rtype::SRV,
    }
}

fn failure(code: Rcode) -> Flaw {
    match code {
        Rcode::NXDOMAIN => Flaw::Nx,
        Rcode::REFUSED => Flaw::Refused,
        _ => Flaw::Failed,
    }
}

fn nothing(asked: &Name<Vec<u8>>, owner: &Owner) -> Flaw {
    if spell(asked) == *owner { Flaw::Empty } else { Flaw::AliasOnly }
}

fn records(message: &Message<&[u8]>) -> Result<Records, Flaw> {
    let malformed = |_| Flaw::Malformed;
    let (mut answer, mut additional) = (Vec::new(), Vec::new());
    for record in message.answer().map_err(malformed)? {
        answer.extend(data(&record.map_err(malformed)?)?);
    }
    for record in message.additional().map_err(malformed)? {
        // What comes along is of use where it can be read, and no loss where it cannot.
        let Ok(record) = record else { break };
        additional.extend(data(&record).ok().flatten());
    }
    Ok(Records { answer, additional })
}

fn data(record: &ParsedRecord<'_, &[u8]>) -> Result<Option<(Owner, Data)>, Flaw> {
    if record.class() != Class::IN {
        return Ok(None);
    }
    let data = match record.rtype() {
        Rtype::A => {
            record.to_record::<A>().map(|found| found.map(|it| Data::Address(it.data().addr().into())))
        }
        Rtype::AAAA => {
            record.to_record::<Aaaa>().map(|found| found.map(|it| Data::Address(it.data().addr().into())))
        }
        Rtype::CNAME => record
            .to_record::<Cname<ParsedName<&[u8]>>>()
            .map(|found| found.map(|it| Data::Alias(spell(it.data().cname())))),
        Rtype::SRV => record.to_record::<Srv<ParsedName<&[u8]>>>().map(|found| {
            found.map(|it| Data::Service {
                target: spell(it.data().target()),
                port: it.data().port(),
                weight: it.data().weight(),
            })
        }),
        _ => return Ok(None),
    };
    match data {
        Ok(data) => Ok(data.map(|data| (spell(&record.owner()), data))),
        Err(_) => Err(Flaw::Malformed),
    }
}

/// The name at the end of the chain of aliases.
fn canonical(asked: &Name<Vec<u8>>, answer: &[(Owner, Data)]) -> Result<Owner, Flaw> {
    let aliases: HashMap<&Owner, &Owner> = answer
        .iter()
        .filter_map(|(owner, data)| match data {
            Data::Alias(target) => Some((owner, target)),
            _ => None,
        })
        .collect();
    let mut owner = spell(asked);
    for _ in 0..=aliases.len() {
        match aliases.get(&owner) {
            Some(target) => owner = (*target).clone(),
            None => return Ok(owner),
        }
    }
    Err(Flaw::AliasLoop)
}

fn addresses<'a>(records: &'a [(Owner, Data)], of: &'a Owner) -> impl Iterator<Item = IpAddr> + use<'a> {
    records.iter().filter(move |(owner, _)| owner == of).filter_map(|(_, data)| match data {
        Data::Address(ip) => Some(*ip),
        _ => None,
    })
}

fn services(records: &Records, of: &Owner) -> Vec<Service> {
    let mut found: Vec<Service> = Vec::new();
    for (_, data) in records.answer.iter().filter(|(owner, _)| owner == of) {
        let Data::Service { target, port, weight } = data else { continue };
        // A target of "." says that the service is not there (RFC 2782).
        let is_known = |other: &Service| other.target == *target && other.port == *port;
        if target.is_empty() || found.iter().any(is_known) {
            continue;
        }
        let along = addresses(&records.additional, target);
        found.push(Service {
            target: target.clone(),
            port: *port,
            weight: *weight,
            addresses: along.chain(addresses(&records.answer, target)).collect(),
        });
    }
    found
}

fn spell(name: &impl std::fmt::Display) -> Owner {
    let mut text = name.to_string();
    if text.ends_with('.') {
        text.pop();
    }
    text.make_ascii_lowercase();
    text
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
