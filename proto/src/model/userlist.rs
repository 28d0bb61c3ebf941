//! Lists of users, whom requests may have to prove to be (configuration manual 3.4).

use std::collections::BTreeSet;

use super::Name;

/// A list of users and of the groups that they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Userlist {
    /// Its name.
    pub name: Name,
    /// Its place in listings; 0 puts it at the end.
    pub order: u32,
    /// The groups, each with a name of its own.
    pub groups: Vec<Group>,
    /// The users, each with a name of their own.
    pub users: Vec<User>,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name: not empty, without commas and white space.
    pub name: String,
    /// Users of the list who are in it, besides those who say so themselves.
    pub users: Vec<String>,
}

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name: not empty, without commas, colons and white space.
    pub name: String,
    /// What proves that a client is this user. Default: nothing does.
    pub password: Option<Password>,
    /// Groups of the list that the user is in, besides those that say so themselves.
    pub groups: Vec<String>,
}

/// What proves that a client is a user.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Plain(String),
    /// A hash of it as crypt(3) writes it.
    Hashed(String),
}

/// What is wrong with a list: a user or a group that stands twice, or is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disorder {
    /// A sentence without a full stop.
    pub message: String,
}

impl Userlist {
    /// A list of nobody.
    pub fn named(name: Name) -> Userlist {
        Userlist { name, order: 0, groups: Vec::new(), users: Vec::new() }
    }

    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), Disorder> {
        let disorder = |message: String| Err(Disorder { message });
        let mut users = BTreeSet::new();
        if let Some(user) = self.users.iter().find(|user| !users.insert(user.name.as_str())) {
            return disorder(format!("user '{}' stands twice in userlist '{}'", user.name, self.name));
        }
        let mut groups = BTreeSet::new();
        if let Some(group) = self.groups.iter().find(|group| !groups.insert(group.name.as_str())) {
            return disorder(format!("group '{}' stands twice in userlist '{}'", group.name, self.name));
        }
        for group in &self.groups {
            if let Some(user) = group.users.iter().find(|user| !users.contains(user.as_str())) {
                let (group, list) = (&group.name, &self.name);
                return disorder(format!(
                    "group '{group}' of userlist '{list}' has no user '{user}' to take in"
                ));
            }
        }
        for user in &self.users {
            if let Some(group) = user.groups.iter().find(|group| !groups.contains(group.as_str())) {
                let (user, list) = (&user.name, &self.name);
                return disorder(format!(
                    "user '{user}' of userlist '{list}' has no group '{group}' to be in"
                ));
            }
        }
        Ok(())
    }

    /// The groups that a user is in, whoever says so.
    pub fn groups_of<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a str> {
        let is_in = |group: &&Group| user.groups.contains(&group.name) || group.users.contains(&user.name);
        self.groups.iter().filter(is_in).map(|group| group.name.as_str())
    }
}

impl Password {
    /// Whether it can be compared with what clients say: hashes of MD5 (`$1$`), SHA-256 (`$5$`), SHA-512 (`$6$`) and
    /// bcrypt (`$2a$`, `$2b$`, `$2y$`) can.
    pub fn is_usable(&self) -> bool {
        match self {
            Password::Plain(_) => true,
            Password::Hashed(hash) => SCHEMES.iter().any(|scheme| hash.starts_with(scheme)),
        }
    }
}

// Passwords and their hashes are for nobody's eyes, log files included.
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Password::Plain(_) => "Plain(…)",
            Password::Hashed(_) => "Hashed(…)",
        })
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let User { name, password, groups } = self;
        write!(f, "User {{ name: {name:?}, password: {password:?}, groups: {groups:?} }}")
    }
}

/// How usable hashes begin.
pub const SCHEMES: [&str; 6] = ["$1$", "$5$", "$6$", "$2a$", "$2b$", "$2y$"];

/// Whether this can be the name of a user or a group.
pub fn is_account_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control())
}
