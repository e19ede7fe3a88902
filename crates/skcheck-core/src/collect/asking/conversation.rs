//! Opens a conversation with a namespace, and tells what its errors mean.

use std::io;

use crate::host::{Diag, Host};
use crate::model::netns::Netns;

/// Tries every way into the namespace: those through a process that has ended lead nowhere.
pub(crate) fn open<'h>(host: &'h dyn Host, netns: &Netns) -> io::Result<Box<dyn Diag + 'h>> {
    if netns.own {
        return host.diag(None);
    }
    let mut worst = io::ErrorKind::NotFound.into();
    for file in &netns.files {
        match host.diag(Some(file)) {
            Ok(diag) => return Ok(diag),
            Err(error) if is_gone(&error) => {}
            Err(error) => worst = error,
        }
    }
    Err(worst)
}

/// Whether nothing leads there any more: what showed it in /proc is gone, or its process.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    let no_process = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(no_process)
}

/// Whether asking once more may help: the datagram was cut, or the socket's buffer overflowed.
pub(crate) fn is_disturbance(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
        || error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error())
}
