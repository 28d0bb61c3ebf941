//! File descriptors that come from outside, and the socket options that no library offers safely.
//!
//! The only module that may hold `unsafe`; each use says why it is sound.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use regate_proto::model::DescriptorSource;

/// A copy of a listening socket that the parent process left open (`fd@N`, `fd@${NAME}`).
///
/// Refuses what is no open, listening stream socket, so that a mistyped number takes nothing over.
pub(crate) fn inherited(source: &DescriptorSource) -> io::Result<OwnedFd> {
    let number: RawFd = match source {
        DescriptorSource::Number(number) => {
            RawFd::try_from(*number).map_err(|_| invalid(format!("{number} is no descriptor")))?
        }
        DescriptorSource::Variable(name) => {
            let value = std::env::var(name).map_err(|_| invalid(format!("the environment has no {name}")))?;
            value
                .parse()
                .map_err(|_| invalid(format!("{name} is {value:?}, a descriptor's number is expected")))?
        }
    };
    if number < 3 {
        return Err(invalid(format!("descriptor {number} is a standard stream")));
    }
    let borrowed = borrowed(number)?;
    if !rustix::net::sockopt::socket_acceptconn(borrowed).unwrap_or(false) {
        return Err(invalid(format!("descriptor {number} is no listening socket")));
    }
    borrowed.try_clone_to_owned()
}

/// A copy of a descriptor that the parent process left open, such as one that log lines go to.
pub(crate) fn copy_of(number: u32) -> io::Result<OwnedFd> {
    let number = RawFd::try_from(number).map_err(|_| invalid(format!("{number} is no descriptor")))?;
    borrowed(number)?.try_clone_to_owned()
}

fn borrowed(number: RawFd) -> io::Result<BorrowedFd<'static>> {
    if std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_err() {
        return Err(invalid(format!("descriptor {number} is not open")));
    }
    // SAFETY: the number names an open descriptor (just checked), and callers borrow it only to look at it and to
    // duplicate it; nothing in this process closes inherited descriptors, so it cannot be closed in between.
    #[expect(unsafe_code, reason = "an inherited descriptor is known by its number alone")]
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(borrowed)
}

/// Lets the kernel hand connections over once data came.
pub(crate) fn defer_accept(socket: &impl AsFd) -> io::Result<()> {
    set_tcp_option(socket, libc::TCP_DEFER_ACCEPT, 1)
}

/// Sets an option of TCP (`tcp(7)`) that is an integer.
pub(crate) fn set_tcp_option(socket: &impl AsFd, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel reads just the integer whose
    // address and size are handed over.
    #[expect(unsafe_code, reason = "no library offers these options")]
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            std::ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What the kernel measures of a TCP connection: `struct tcp_info` of `linux/tcp.h`, up to the reordering, as the
/// integers of 32 bits that it is made of.
pub(crate) fn tcp_measures(socket: &impl AsFd) -> io::Result<[u32; 23]> {
    let mut info = [0_u32; 23];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel writes no more than the size that is
    // handed over, to an array of as many bytes, any content of which is valid.
    #[expect(unsafe_code, reason = "no library offers this option")]
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            std::ptr::from_mut(&mut info).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
}

/// The number of a user (`/etc/passwd`) or group (`/etc/group`), given by name or number.
pub(crate) fn account_number(file: &str, name: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = std::fs::read_to_string(file)?;
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(2).and_then(|number| number.parse().ok()))
        .ok_or_else(|| invalid(format!("{file} has no {name}")))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
