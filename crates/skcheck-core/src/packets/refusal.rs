//! Why the packets of a socket cannot be listed, in words. Pure.

use std::io;

use crate::model::socket::Socket;
use crate::model::table::Table;
use crate::procfs::link::socket_inode;

/// How many processes are named.
const MOST: usize = 3;

/// Of a socket that the engine cannot find again.
pub(crate) fn of_socket(socket: &Socket) -> String {
    if let Some(why) = socket.protocol.row().not_walked {
        return why.to_owned();
    }
    // It is known by its descriptor, but /proc/net may tell no inode.
    let module = Table::of(socket.protocol).and_then(Table::module);
    let remedy = module.map(|module| format!(" (load the kernel module {module})"));
    format!("the kernel gives it neither cookie nor inode{}", remedy.unwrap_or_default())
}

/// Of a process by what its directory in /proc gave; `None` where it is there.
pub(crate) fn of_process(directory: &io::Result<()>) -> Option<&'static str> {
    match directory.as_ref().err()?.kind() {
        io::ErrorKind::NotFound => Some("there is no such process"),
        io::ErrorKind::TimedOut => Some("its process does not answer"),
        _ => None,
    }
}

/// Of a descriptor of a process by what it refers to.
pub(crate) fn of_descriptor(pid: u32, link: &io::Result<Vec<u8>>) -> String {
    match link {
        Ok(target) if socket_inode(target).is_some() => {
            "it is in no table: not bound yet, or of a protocol that is not known here".to_owned()
        }
        Ok(_) => "it is no socket".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("the process has no such descriptor: ls -l /proc/{pid}/fd")
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => format!(
            "it may not be looked at ({error}): run as root with all capabilities; where that does not help, a security \
             module or another user namespace keeps everybody out, and skcheck --pid {pid} --all lists what can be seen"
        ),
        Err(error) => error.to_string(),
    }
}

/// Of a walk that was to lock, with who may keep a lock that it waited for: to come to one socket it locks
/// each TCP socket of the namespace before it.
pub(crate) fn of_lock(error: &io::Error, mut names: Vec<String>) -> io::Error {
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let who = match names.as_slice() {
        [] => "who keeps one cannot be told".to_owned(),
        [one] => format!("{one} may keep one locked"),
        [others @ .., last] => format!("{} or {last} may keep one locked", others.join(", ")),
    };
    io::Error::other(format!(
        "{error}; --lock waits for each TCP socket of the namespace in turn, and {who}: run without --lock"
    ))
}
