//! The section `userlist` (configuration manual 3.4).

use crate::model::{Group, Password, User, is_account_name};

use super::super::lexer::Word;
use super::arguments::{Arguments, Reading, about, choice, expecting};
use super::{Action, Directive, Sections};

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "group",
        sections: Sections::USERLIST,
        syntax: "<name> [users <user>[,<user>]*]",
        negatable: false,
        repeats: true,
        action: Action::Userlist {
            read: |row, arguments| {
                let word = arguments.take("the name of a group")?;
                let group = Group { name: account(word)?, users: members(arguments, "users")? };
                arguments.finish()?;
                match row.groups.iter().any(|other| other.name == group.name) {
                    true => arguments.note(word, format!("group '{}' is there already: ignored", group.name)),
                    false => row.groups.push(group),
                }
                Ok(())
            },
            write: |row, lines| {
                for group in &row.groups {
                    let mut words = vec![group.name.clone()];
                    push_members(&mut words, "users", &group.users);
                    lines.push(words);
                }
            },
        },
        accepted: &["group admins"],
        refused: &["group", "group g of", "group g users", "group g users a b", "group a,b", "no group g"],
    },
    Directive {
        name: "user",
        sections: Sections::USERLIST,
        syntax: "<name> [password <hash> | insecure-password <password>] [groups <group>[,<group>]*]",
        negatable: false,
        repeats: true,
        action: Action::Userlist {
            read: |row, arguments| {
                let word = arguments.take("the name of a user")?;
                let user = user(word, arguments)?;
                match row.users.iter().any(|other| other.name == user.name) {
                    true => arguments.note(word, format!("user '{}' is there already: ignored", user.name)),
                    false => row.users.push(user),
                }
                Ok(())
            },
            write: |row, lines| {
                for user in &row.users {
                    let mut words = vec![user.name.clone()];
                    match &user.password {
                        None => {}
                        Some(Password::Plain(text)) => {
                            words.extend(["insecure-password".to_owned(), text.clone()]);
                        }
                        Some(Password::Hashed(hash)) => words.extend(["password".to_owned(), hash.clone()]),
                    }
                    push_members(&mut words, "groups", &user.groups);
                    lines.push(words);
                }
            },
        },
        accepted: &[
            "user nobody",
            "user scott insecure-password elgato",
            "user joe@example.com insecure-password a/b",
            "user tiger password $6$k6y3o.eP$JlKBx9za9667qe4",
        ],
        refused: &[
            "user",
            "user a password",
            "user a passwd b",
            "user a insecure-password b c",
            "user a groups",
            "user a,b insecure-password c",
        ],
    },
];

fn user(word: &Word, arguments: &mut Arguments) -> Reading<User> {
    let mut user = User { name: account(word)?, password: None, groups: Vec::new() };
    while let Some(next) = arguments.peek() {
        match next.text.as_str() {
            "password" => {
                arguments.maybe();
                let word = arguments.take("a hash as crypt(3) writes it")?;
                let password = Password::Hashed(word.text.clone());
                if !password.is_usable() {
                    let usable = crate::model::SCHEMES.join(", ");
                    arguments.note(
                        word,
                        format!("no password will match: hashes that begin with {usable} are supported"),
                    );
                }
                user.password = Some(password);
            }
            "insecure-password" => {
                arguments.maybe();
                user.password = Some(Password::Plain(arguments.take("a password")?.text.clone()));
            }
            "groups" => user.groups.extend(members(arguments, "groups")?),
            _ => return Err(choice(next, &["password", "insecure-password", "groups"])),
        }
    }
    Ok(user)
}

/// Names after this word, where it stands; commas separate them.
fn members(arguments: &mut Arguments, word: &str) -> Reading<Vec<String>> {
    if !arguments.accept(word) {
        return match arguments.peek() {
            Some(extra) => Err(choice(extra, &[word])),
            None => Ok(Vec::new()),
        };
    }
    let list = arguments.take("names with commas between them")?;
    let names: Vec<String> =
        list.text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match names.iter().all(|name| is_account_name(name)) && !names.is_empty() {
        true => Ok(names),
        false => Err(about(list, format!("'{}' is no list of names", list.text))),
    }
}

fn push_members(words: &mut Vec<String>, word: &str, members: &[String]) {
    if !members.is_empty() {
        words.extend([word.to_owned(), members.join(",")]);
    }
}

fn account(word: &Word) -> Reading<String> {
    match is_account_name(&word.text) {
        true => Ok(word.text.clone()),
        false => Err(expecting(
            word,
            format!("'{}' is no name", word.text),
            "a name without commas and white space is expected",
        )),
    }
}
