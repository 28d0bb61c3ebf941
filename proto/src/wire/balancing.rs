//! How servers are chosen.

use super::{choice, field, v1};
use crate::model::{Balance, BalanceFactor, Balancing, HashType, KeyName, UriKey};
use crate::problem::Problem;
use crate::rules::Sample;

impl From<&Balance> for v1::Balance {
    fn from(balance: &Balance) -> Self {
        let mut wire = v1::Balance::default();
        let algorithm = match balance {
            Balance::RoundRobin => v1::Algorithm::RoundRobin,
            Balance::StaticRr => v1::Algorithm::StaticRr,
            Balance::LeastConn => v1::Algorithm::LeastConn,
            Balance::First => v1::Algorithm::First,
            Balance::Random(draws) => {
                wire.draws = Some(*draws);
                v1::Algorithm::Random
            }
            Balance::Source => v1::Algorithm::Source,
            Balance::Uri(key) => {
                wire.uri = field::unless_default(key);
                v1::Algorithm::Uri
            }
            Balance::UrlParam { name, check_post } => {
                wire.name = Some(name.as_str().to_owned());
                wire.check_post = *check_post;
                v1::Algorithm::UrlParam
            }
            Balance::Header { name, domain_only } => {
                wire.name = Some(name.as_str().to_owned());
                wire.domain_only = *domain_only;
                v1::Algorithm::Header
            }
            Balance::RdpCookie(name) => {
                wire.name = Some(name.as_str().to_owned());
                v1::Algorithm::RdpCookie
            }
            Balance::Sticky => v1::Algorithm::Sticky,
            Balance::Hash(sample) => {
                wire.sample = Some(sample.to_string());
                v1::Algorithm::Hash
            }
        };
        v1::Balance { algorithm: algorithm as i32, ..wire }
    }
}

impl TryFrom<v1::Balance> for Balance {
    type Error = Problem;

    fn try_from(mut wire: v1::Balance) -> Result<Self, Problem> {
        let balance = match v1::Algorithm::try_from(wire.algorithm) {
            Ok(v1::Algorithm::Unspecified) => {
                return Err(field::missing("algorithm", "a value other than unspecified"));
            }
            Ok(v1::Algorithm::RoundRobin) => Balance::RoundRobin,
            Ok(v1::Algorithm::StaticRr) => Balance::StaticRr,
            Ok(v1::Algorithm::LeastConn) => Balance::LeastConn,
            Ok(v1::Algorithm::First) => Balance::First,
            Ok(v1::Algorithm::Random) => {
                let draws = wire.draws.take().unwrap_or(DEFAULT_DRAWS);
                Balance::Random(field::ranged("draws", draws, 1, u32::MAX)?)
            }
            Ok(v1::Algorithm::Source) => Balance::Source,
            Ok(v1::Algorithm::Uri) => Balance::Uri(field::defaulted("uri", wire.uri.take())?),
            Ok(v1::Algorithm::UrlParam) => {
                Balance::UrlParam { name: name(&mut wire)?, check_post: std::mem::take(&mut wire.check_post) }
            }
            Ok(v1::Algorithm::Header) => {
                Balance::Header { name: name(&mut wire)?, domain_only: std::mem::take(&mut wire.domain_only) }
            }
            Ok(v1::Algorithm::RdpCookie) => Balance::RdpCookie(name(&mut wire)?),
            Ok(v1::Algorithm::Sticky) => Balance::Sticky,
            Ok(v1::Algorithm::Hash) => {
                let text = wire.sample.take().ok_or_else(|| field::missing("sample", "a sample"))?;
                Balance::Hash(Sample::parse(&text).map_err(|mistake| field::malformed("sample", mistake))?)
            }
            Err(_) => {
                let text = format!("{} is not known here: 1 to 12 is accepted", wire.algorithm);
                return Err(field::malformed("algorithm", text));
            }
        };
        wire.algorithm = 0;
        if wire != v1::Balance::default() {
            return Err(field::malformed("algorithm", "something is set that belongs to another algorithm"));
        }
        Ok(balance)
    }
}

impl From<&UriKey> for v1::UriKey {
    fn from(key: &UriKey) -> Self {
        v1::UriKey { whole: key.whole, length: key.length, depth: key.depth, path_only: key.path_only }
    }
}

impl TryFrom<v1::UriKey> for UriKey {
    type Error = Problem;

    fn try_from(key: v1::UriKey) -> Result<Self, Problem> {
        let positive = |name: &str, value: Option<u32>| {
            value.map(|value| field::ranged(name, value, 1, i32::MAX as u32)).transpose()
        };
        Ok(UriKey {
            whole: key.whole,
            length: positive("length", key.length)?,
            depth: positive("depth", key.depth)?,
            path_only: key.path_only,
        })
    }
}

impl From<&Balancing> for v1::Balancing {
    fn from(balancing: &Balancing) -> Self {
        v1::Balancing {
            hash_type: balancing.hash_type.as_ref().map(Into::into),
            hash_balance_factor: balancing.hash_balance_factor.map(BalanceFactor::get),
            allbackups: balancing.allbackups,
        }
    }
}

impl TryFrom<v1::Balancing> for Balancing {
    type Error = Problem;

    fn try_from(balancing: v1::Balancing) -> Result<Self, Problem> {
        let factor = |percent: u32| {
            BalanceFactor::new(percent)
                .map_err(|bad| field::out_of_range("hash_balance_factor", format!("{percent}: {bad}")))
        };
        Ok(Balancing {
            hash_type: field::optional("hash_type", balancing.hash_type)?,
            hash_balance_factor: balancing.hash_balance_factor.map(factor).transpose()?,
            allbackups: balancing.allbackups,
        })
    }
}

impl From<&HashType> for v1::HashType {
    fn from(kind: &HashType) -> Self {
        v1::HashType {
            method: choice::number(Some(kind.method)),
            function: choice::number(kind.function),
            avalanche: kind.avalanche,
        }
    }
}

impl TryFrom<v1::HashType> for HashType {
    type Error = Problem;

    fn try_from(kind: v1::HashType) -> Result<Self, Problem> {
        let function = field::choice("function", kind.function)?;
        if kind.avalanche && function.is_none() {
            return Err(field::malformed("avalanche", "it needs a function beside it"));
        }
        Ok(HashType {
            method: field::required_choice("method", kind.method)?,
            function,
            avalanche: kind.avalanche,
        })
    }
}

fn name(wire: &mut v1::Balance) -> Result<KeyName, Problem> {
    let text = wire.name.take().unwrap_or_default();
    KeyName::new(&text).map_err(|bad| field::malformed("name", bad))
}

/// Draws where none are said (configuration manual 4.2 "balance random").
const DEFAULT_DRAWS: u32 = 2;
