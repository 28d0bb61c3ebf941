//! Answers of name servers.

use regate_dataplane::resolve::codec::{Answer, Wanted, query, read};
use regate_proto::model::AddressFamily;

/// Reads an answer to each kind of question; what is valid holds something, and all of it is of the kind asked for.
pub fn answer(data: &[u8]) {
    for (wanted, name) in KINDS {
        match (wanted, read(data, ID, name, wanted)) {
            (Wanted::Addresses(family), Ok(Answer::Addresses(found))) => {
                assert!(!found.is_empty() && found.iter().all(|ip| AddressFamily::of(*ip) == family));
            }
            (Wanted::Services, Ok(Answer::Services(found))) => {
                assert!(!found.is_empty() && found.iter().all(|service| !service.target.is_empty()));
            }
            (_, Ok(other)) => panic!("{wanted:?} is answered by {other:?}"),
            (_, Err(_)) => {}
        }
    }
}

/// An answer of each kind, with an alias, and what comes along.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (wanted, name) in KINDS {
        let Some(mut bytes) = query(ID, name, wanted, 512) else { continue };
        // An answer to it, without records.
        bytes[2] |= 0x80;
        seeds.push(bytes.clone());
        // The records stand between the question and the one of EDNS, which is eleven bytes long.
        let records = bytes.len().saturating_sub(11);
        let mut alias = vec![0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'b', 0xc0, 12];
        let target = u8::try_from(records + 12).unwrap_or(12);
        let mut record = vec![0xc0, target];
        match wanted {
            Wanted::Addresses(AddressFamily::V4) => {
                record.extend([0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
            }
            Wanted::Addresses(AddressFamily::V6) => {
                record.extend([0, 28, 0, 1, 0, 0, 0, 9, 0, 16]);
                record.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            }
            Wanted::Services => {
                record.extend([0, 33, 0, 1, 0, 0, 0, 9, 0, 10, 0, 0, 1, 44, 31, 65, 1, b'n', 0xc0, 12]);
            }
        }
        alias.append(&mut record);
        bytes.splice(records..records, alias);
        bytes[7] = 2;
        seeds.push(bytes);
    }
    seeds
}

const ID: u16 = 0x1234;
const KINDS: [(Wanted, &str); 3] = [
    (Wanted::Addresses(AddressFamily::V4), "a.test"),
    (Wanted::Addresses(AddressFamily::V6), "a.test"),
    (Wanted::Services, "_http._tcp.test"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_answers() {
        let valid = |seed: &Vec<u8>| KINDS.iter().any(|(wanted, name)| read(seed, ID, name, *wanted).is_ok());
        assert_eq!(seeds().iter().filter(|seed| valid(seed)).count(), 3);
    }
}
