//! Whether clients are who they say they are, by lists of users (configuration manual 3.4).

use regate_proto::model::{Password, User, Userlist};

use super::authorization::Credentials;
use super::{AUTHORIZATION, Arguments, View, request};

/// The list that the first argument names.
pub(super) fn list<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<&'a Userlist> {
    let name = arguments.name(0)?;
    view.snapshot.userlists.iter().find(|list| list.name == *name).map(|list| &**list)
}

/// The user of the list that the client proves to be.
pub(super) fn who<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<(&'a Userlist, &'a User)> {
    let list = list(arguments, view)?;
    match Credentials::find(request(view)?, AUTHORIZATION)? {
        Credentials::Basic { user, password } => Some((list, proven(list, &user, &password)?)),
        Credentials::Bearer(_) => None,
    }
}

/// The name and the password that the client presents, where it does (RFC 7617).
pub(crate) fn presented(view: &View<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    match Credentials::find(request(view)?, AUTHORIZATION)? {
        Credentials::Basic { user, password } => Some((user, password)),
        Credentials::Bearer(_) => None,
    }
}

/// The user of this name, where the password is right.
pub(super) fn proven<'a>(list: &'a Userlist, name: &[u8], password: &[u8]) -> Option<&'a User> {
    let user = list.users.iter().find(|user| user.name.as_bytes() == name)?;
    let is_right = match user.password.as_ref()? {
        Password::Plain(text) => is_same(text.as_bytes(), password),
        stored @ Password::Hashed(hash) => stored.is_usable() && pwhash::unix::verify(password, hash),
    };
    is_right.then_some(user)
}

/// Whether two texts are the same, in a time that tells nothing about where they differ.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use regate_proto::model::Name;

    use super::*;

    #[test]
    fn a_password_is_compared_with_what_is_stored() {
        let user = |name: &str, password: Option<Password>| User {
            name: name.to_owned(),
            password,
            groups: Vec::new(),
        };
        let hashed = |hash: &str| Some(Password::Hashed(hash.to_owned()));
        let list = Userlist {
            users: vec![
                user("plain", Some(Password::Plain("secret".to_owned()))),
                user("md5", hashed("$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1")),
                user("sha256", hashed(SHA256)),
                user("sha512", hashed(SHA512)),
                user("bcrypt", hashed(BCRYPT)),
                user("other", hashed("secret")),
                user("damaged", hashed("$6$")),
                user("nobody", None),
            ],
            ..Userlist::named(Name::new("u").unwrap())
        };
        for (name, password, expected) in [
            ("plain", "secret", true),
            ("plain", "Secret", false),
            ("plain", "secrets", false),
            ("md5", "secret", true),
            ("md5", "secrex", false),
            ("sha256", "secret", true),
            ("sha256", "", false),
            ("sha512", "secret", true),
            ("sha512", "secret ", false),
            ("bcrypt", "secret", true),
            ("bcrypt", "Secret", false),
            ("other", "secret", false),
            ("damaged", "secret", false),
            ("nobody", "", false),
            ("stranger", "secret", false),
        ] {
            let found = proven(&list, name.as_bytes(), password.as_bytes());
            assert_eq!(found.is_some(), expected, "{name} {password}");
        }
    }

    const SHA256: &str = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";
    const SHA512: &str = "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/";
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
}
