//! `user`, `group` and `chroot` of `global` (configuration manual 3.1).
//!
//! On Linux a user belongs to a thread, and threads inherit it; so it is changed here while there is one thread
//! only, before anything listens. What listening on ports below 1024 needs (CAP_NET_BIND_SERVICE) is kept, nothing
//! else is: binds that come later, while the process runs, work as the ones at its start.

use rustix::fs::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_thread_gid,
    set_thread_groups, set_thread_uid,
};

use regate_proto::model::Global;

/// What to tell about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was asked for and is not done.
    pub warnings: Vec<String>,
}

/// Becomes the user and the group. Must be called while the process has one thread. The error keeps the process from
/// starting.
pub fn assume(global: &Global) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    if let Some(folder) = &global.chroot {
        outcome.warnings.push(format!(
            "'chroot {folder}' is not done: files and sockets that are named while the process runs must stay in reach."
        ));
    }
    let user = match &global.user {
        Some(name) => Some(user_number(name)?),
        None => None,
    };
    let group = match &global.group {
        Some(name) => Some(number(name, "/etc/group", "group")?),
        None => None,
    };
    let already = |wanted: Option<u32>, current: u32| wanted.is_none_or(|wanted| wanted == current);
    let is_user = already(user, rustix::process::geteuid().as_raw());
    let is_group = already(group, rustix::process::getegid().as_raw());
    if is_user && is_group {
        return Ok(outcome);
    }
    if !is_user {
        set_keep_capabilities(true).map_err(|error| format!("Cannot keep capabilities: {error}"))?;
    }
    if let Some(group) = group.filter(|_| !is_group) {
        let group = Gid::from_raw(group);
        set_thread_groups(&[group]).map_err(|error| format!("Cannot set supplementary groups: {error}"))?;
        set_thread_gid(group).map_err(|error| format!("Cannot set gid {}: {error}", group.as_raw()))?;
    }
    if let Some(user) = user.filter(|_| !is_user) {
        let user = Uid::from_raw(user);
        set_thread_uid(user).map_err(|error| format!("Cannot set uid {}: {error}", user.as_raw()))?;
        let kept = CapabilitySet::NET_BIND_SERVICE;
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
        set_capabilities(None, sets).map_err(|error| format!("Cannot drop capabilities: {error}"))?;
    }
    Ok(outcome)
}

fn user_number(name: &str) -> Result<u32, String> {
    number(name, "/etc/passwd", "user")
}

/// The number of a name, out of a file whose lines begin with `name:password:number:`. A number is itself.
fn number(name: &str, file: &str, kind: &str) -> Result<u32, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    find(&text, name).ok_or_else(|| format!("cannot find {kind} id for '{name}': {file} does not name it"))
}

fn find(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1).and_then(|number| number.parse().ok()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_the_system_s_lists() {
        let text = "root:x:0:0:root:/root:/bin/bash\nbroken\nhaproxy:x:117:\n";
        assert_eq!(find(text, "root"), Some(0));
        assert_eq!(find(text, "haproxy"), Some(117));
        assert_eq!(find(text, "broken"), None);
        assert_eq!(find(text, "nobody"), None);
        assert_eq!(number("42", "/nowhere", "user"), Ok(42));
        assert!(number("nosuchuser", "/etc/passwd", "user").is_err());
    }

    #[test]
    fn who_is_the_user_already_changes_nothing() {
        let global = Global {
            user: Some(rustix::process::geteuid().as_raw().to_string()),
            group: Some(rustix::process::getegid().as_raw().to_string()),
            ..Global::default()
        };
        assert_eq!(assume(&global), Ok(Outcome::default()));
    }

    #[test]
    fn chroot_is_told_not_to_be_done() {
        let global = Global { chroot: Some("/var/empty".to_owned()), ..Global::default() };
        let warnings = assume(&global).unwrap_or_default().warnings;
        assert!(warnings.first().is_some_and(|warning| warning.contains("/var/empty")), "{warnings:?}");
    }
}
