//! Unix names are bytes: paths, abstract names, and names that are no text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rustix::net::{SocketAddrUnix, SocketType};
use skcheck_core::{Connections, Endpoint, RecvQueue, SendQueue, State};

use crate::support::scan::{self, get};
use crate::support::sockets::{abstract_name, inode, unix_socket};
use crate::support::ss;

fn name_of(address: &SocketAddrUnix) -> Endpoint {
    let socket = unix_socket(SocketType::STREAM);
    rustix::net::bind(&socket, address).expect("the name is free");
    let snapshot = scan::run(&scan::unix_only());
    get(&snapshot, inode(&socket)).socket.local.clone()
}

#[test]
fn unbound() {
    let socket = unix_socket(SocketType::STREAM);
    let snapshot = scan::run(&scan::unix_only());
    let report = get(&snapshot, inode(&socket));
    assert_eq!((report.socket.state, &report.socket.local), (State::Close, &Endpoint::Unnamed));
    ss::assert_agrees(report);
}

#[test]
fn paths() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in [&b"plain"[..], b"invalid \xff\xfe utf-8", b"esc \x1b[31m and\nnewline"] {
        let path = dir.path().join(OsStr::from_bytes(name));
        let bytes = path.as_os_str().as_bytes().to_vec();
        let address = SocketAddrUnix::new(&path).expect("short enough");
        assert_eq!(name_of(&address), Endpoint::Path(bytes));
    }
}

/// A path of full length has no closing NUL (`sun_path` has 108 bytes).
#[test]
fn the_longest_path() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut path = dir.path().as_os_str().as_bytes().to_vec();
    path.push(b'/');
    path.resize(107, b'p');
    let address = SocketAddrUnix::new(&path[..]).expect("short enough");
    assert_eq!(name_of(&address), Endpoint::Path(path));
}

#[test]
fn abstract_names_with_any_bytes() {
    for tail in [&b"plain"[..], b"nul \0 inside", b"nul at the end\0", b"\0\0", b"\xff\xc0\x80"] {
        let mut name = abstract_name("names").0;
        name.extend(tail);
        let address = SocketAddrUnix::new_abstract_name(&name).expect("short enough");
        assert_eq!(name_of(&address), Endpoint::Abstract(name));
    }
}

#[test]
fn a_listener() {
    let (name, address) = abstract_name("listener");
    let socket = unix_socket(SocketType::SEQPACKET);
    rustix::net::bind(&socket, &address).expect("the name is free");
    rustix::net::listen(&socket, 5).expect("bound");
    let snapshot = scan::run(&scan::unix_only());
    let report = get(&snapshot, inode(&socket));
    assert_eq!((report.socket.state, &report.socket.local), (State::Listen, &Endpoint::Abstract(name)));
    assert_eq!(report.socket.recv_q, RecvQueue::Connections(Connections(0)));
    assert_eq!(report.socket.send_q, SendQueue::BacklogLimit(Connections(5)));
    ss::assert_agrees(report);
}
