//! Settings of the whole process.

use super::{choice, field, v1};
use crate::model::{Global, SocketFile, StatsSocket};
use crate::problem::Problem;

impl From<&Global> for v1::Global {
    fn from(global: &Global) -> Self {
        v1::Global {
            maxconn: global.maxconn,
            maxconnrate: global.maxconnrate,
            maxsessrate: global.maxsessrate,
            maxsslrate: global.maxsslrate,
            maxcomprate: global.maxcomprate,
            nbthread: global.nbthread,
            hard_stop_after_ms: global.hard_stop_after.map(|span| span.get()),
            grace_ms: global.grace.map(|span| span.get()),
            log_targets: global.log.iter().map(Into::into).collect(),
            log_tag: global.log_tag.clone(),
            log_send_hostname: global.log_send_hostname.clone(),
            stats_sockets: global.stats_sockets.iter().map(Into::into).collect(),
            stats_timeout_ms: global.stats_timeout.map(|span| span.get()),
            stats_maxconn: global.stats_maxconn,
            node: global.node.clone(),
            description: global.description.clone(),
            daemon: global.daemon,
            pidfile: global.pidfile.clone(),
            user: global.user.clone(),
            group: global.group.clone(),
            chroot: global.chroot.clone(),
            server_state_base: global.server_state_base.clone(),
            server_state_file: global.server_state_file.clone(),
            statistics_file: global.statistics_file.clone(),
            checks: field::unless_default(&global.checks),
            conduct: field::unless_default(&*global.conduct),
        }
    }
}

impl TryFrom<v1::Global> for Global {
    type Error = Problem;

    fn try_from(global: v1::Global) -> Result<Self, Problem> {
        Ok(Global {
            maxconn: global.maxconn,
            maxconnrate: global.maxconnrate,
            maxsessrate: global.maxsessrate,
            maxsslrate: global.maxsslrate,
            maxcomprate: global.maxcomprate,
            nbthread: global.nbthread,
            hard_stop_after: field::millis("hard_stop_after_ms", global.hard_stop_after_ms)?,
            grace: field::millis("grace_ms", global.grace_ms)?,
            log: field::list("log_targets", global.log_targets)?,
            log_tag: global.log_tag,
            log_send_hostname: global.log_send_hostname,
            stats_sockets: field::list("stats_sockets", global.stats_sockets)?,
            stats_timeout: field::millis("stats_timeout_ms", global.stats_timeout_ms)?,
            stats_maxconn: global.stats_maxconn,
            node: global.node,
            description: global.description,
            daemon: global.daemon,
            pidfile: global.pidfile,
            user: global.user,
            group: global.group,
            chroot: global.chroot,
            server_state_base: global.server_state_base,
            server_state_file: global.server_state_file,
            statistics_file: global.statistics_file,
            checks: field::defaulted("checks", global.checks)?,
            conduct: Box::new(field::defaulted("conduct", global.conduct)?),
        })
    }
}

impl From<&StatsSocket> for v1::StatsSocket {
    fn from(socket: &StatsSocket) -> Self {
        v1::StatsSocket {
            address: Some((&socket.address).into()),
            level: choice::number(socket.level),
            severity: choice::number(socket.severity),
            volatile: socket.volatile,
            file: field::unless_default(&socket.file),
        }
    }
}

impl TryFrom<v1::StatsSocket> for StatsSocket {
    type Error = Problem;

    fn try_from(socket: v1::StatsSocket) -> Result<Self, Problem> {
        Ok(StatsSocket {
            address: field::required("address", socket.address)?,
            level: field::choice("level", socket.level)?,
            severity: field::choice("severity", socket.severity)?,
            volatile: socket.volatile,
            file: field::defaulted("file", socket.file)?,
        })
    }
}

impl From<&SocketFile> for v1::SocketFile {
    fn from(file: &SocketFile) -> Self {
        v1::SocketFile { mode: file.mode, user: file.user.clone(), group: file.group.clone() }
    }
}

impl TryFrom<v1::SocketFile> for SocketFile {
    type Error = Problem;

    fn try_from(file: v1::SocketFile) -> Result<Self, Problem> {
        let mode = file.mode.map(|mode| field::ranged("mode", mode, 0, 0o7777)).transpose()?;
        Ok(SocketFile { mode, user: file.user, group: file.group })
    }
}
