//! Cookies and retries.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::{
    Cookie, CookieAttribute, CookieMode, CookieName, CookieValue, Persistence, RetryOn, RetryReason,
};
use super::{text, word};

/// What makes clients stay.
pub(super) fn persistence() -> impl Strategy<Value = Persistence> + Clone {
    let rdp_cookie = of(cookie_name());
    (of(cookie()), of(text()), of(any::<bool>()), of(any::<bool>()), rdp_cookie).prop_map(
        |(cookie, dynamic_key, dynamic, force, rdp_cookie)| Persistence {
            cookie,
            dynamic_key,
            dynamic,
            rdp_cookie,
            force,
        },
    )
}

/// Reasons to try again, possibly none.
pub(super) fn retry_on() -> impl Strategy<Value = RetryOn> + Clone {
    let all: Vec<RetryReason> =
        RetryOn::of(RetryOn::ALL_RETRYABLE.into_iter().chain(RetryOn::STATUSES.map(RetryReason::Status)))
            .iter()
            .collect();
    let most = all.len();
    subsequence(all, 0..=most).prop_map(RetryOn::of)
}

/// A server's name in a cookie.
pub(super) fn cookie_value() -> impl Strategy<Value = CookieValue> + Clone {
    let legal: Vec<char> = "abcXYZ019!#$%&'()*+-./:<=>?@[]^_`{|}~".chars().collect();
    vec(select(legal), 1..=8)
        .prop_filter_map("a value", |text| CookieValue::new(&String::from_iter(text)).ok())
}

fn cookie_name() -> impl Strategy<Value = CookieName> + Clone {
    word().prop_filter_map("a name", |word| CookieName::new(&word).ok())
}

fn cookie() -> impl Strategy<Value = Cookie> + Clone {
    let name = cookie_name();
    let mode = select(vec![CookieMode::Passive, CookieMode::Rewrite, CookieMode::Insert, CookieMode::Prefix]);
    let seconds = || of(prop_oneof![0..=100_000_u32, Just(Cookie::LONGEST)]);
    let attribute =
        word().prop_filter_map("an attribute", |word| CookieAttribute::new(&format!("{word}=a b")).ok());
    let flags = proptest::array::uniform7(any::<bool>());
    (name, mode, flags, vec(cookie_value(), 0..=2), vec(attribute, 0..=2), seconds(), seconds()).prop_map(
        |(name, mode, flags, domains, attributes, maxidle, maxlife)| {
            let [indirect, nocache, postonly, preserve, httponly, secure, dynamic] = flags;
            let indirect = indirect && mode != CookieMode::Rewrite;
            Cookie {
                indirect,
                nocache,
                postonly,
                preserve: preserve && (indirect || mode == CookieMode::Insert),
                httponly,
                secure,
                domains,
                maxidle,
                maxlife,
                dynamic,
                attributes,
                mode,
                ..Cookie::new(name)
            }
        },
    )
}
