//! Lists of users.

use super::{field, v1};
use crate::model::{Group, Password, User, Userlist, is_account_name};
use crate::problem::Problem;

impl From<&Userlist> for v1::Userlist {
    fn from(row: &Userlist) -> Self {
        v1::Userlist {
            name: row.name.to_string(),
            order: row.order,
            groups: row.groups.iter().map(Into::into).collect(),
            users: row.users.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Userlist> for Userlist {
    type Error = Problem;

    fn try_from(row: v1::Userlist) -> Result<Self, Problem> {
        let row = Userlist {
            name: field::name("name", &row.name)?,
            order: row.order,
            groups: field::list("groups", row.groups)?,
            users: field::list("users", row.users)?,
        };
        row.check().map_err(|disorder| field::malformed("users", disorder.message))?;
        Ok(row)
    }
}

impl From<&Group> for v1::UserGroup {
    fn from(group: &Group) -> Self {
        v1::UserGroup { name: group.name.clone(), users: group.users.clone() }
    }
}

impl TryFrom<v1::UserGroup> for Group {
    type Error = Problem;

    fn try_from(group: v1::UserGroup) -> Result<Self, Problem> {
        Ok(Group { name: account_name(group.name)?, users: group.users })
    }
}

impl From<&User> for v1::User {
    fn from(user: &User) -> Self {
        use v1::user::Password as Wire;
        let password = user.password.as_ref().map(|password| match password {
            Password::Plain(text) => Wire::Plain(text.clone()),
            Password::Hashed(hash) => Wire::Hashed(hash.clone()),
        });
        v1::User { name: user.name.clone(), password, groups: user.groups.clone() }
    }
}

impl TryFrom<v1::User> for User {
    type Error = Problem;

    fn try_from(user: v1::User) -> Result<Self, Problem> {
        use v1::user::Password as Wire;
        let password = user.password.map(|password| match password {
            Wire::Plain(text) => Password::Plain(text),
            Wire::Hashed(hash) => Password::Hashed(hash),
        });
        Ok(User { name: account_name(user.name)?, password, groups: user.groups })
    }
}

fn account_name(name: String) -> Result<String, Problem> {
    match is_account_name(&name) {
        true => Ok(name),
        false => Err(field::malformed("name", "a name without commas and white space is expected")),
    }
}
