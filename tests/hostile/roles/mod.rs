//! What the processes of a situation do. Each tells the test who it is before it does what it never ends.

mod command_lines;
mod epoll_sets;
mod file_systems;
mod limited;
mod socket_locks;
mod starting;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fuse::PLACE;
use crate::role::{call, tell};
use crate::world::Shows;

/// Plays a role to its end.
pub(crate) fn play(name: &str, words: &[String]) {
    match name {
        "world" => crate::inside::first_process(words),
        "files" => crate::inside::files(words),
        "beside" => beside(words[0].parse().expect("a number")),
        "recv" => socket_locks::receive(),
        "send" => socket_locks::send(),
        "mptcp" => socket_locks::receive_mptcp(),
        "userfault" => socket_locks::receive_into_userfault(),
        "recv-unix" => socket_locks::receive_unix(),
        "recv-slowly" => socket_locks::receive_slowly(),
        "exec" => starting::exec(),
        "exec-with-sockets" => starting::exec_with_sockets(),
        "exec-slowly" => starting::exec_slowly(),
        "read" => file_systems::read(),
        "read-before-the-socket" => file_systems::read_before_the_socket(),
        "sleep-with-a-file" => file_systems::sleep_with_a_file(),
        "epoll" => epoll_sets::wait(),
        "endless-command-line" => command_lines::endless(),
        "silent-command-line" => command_lines::silent(),
        "boot" => file_systems::boot(),
        "slow-boot" => file_systems::slow_boot(),
        "namespaces" => file_systems::namespaces(),
        "limited" => limited::run(words),
        _ => panic!("no role is called {name:?}"),
    }
}

/// A reader that does not read, with so many bytes.
fn beside(bytes: usize) {
    call("sk-beside");
    let (_writer, reader) = unread(bytes);
    holds("beside", &reader, bytes);
    forever()
}

/// A TCP connection whose reader has not read so many bytes: both ends.
fn unread(bytes: usize) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let mut writer = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (reader, _) = listener.accept().expect("the writer waits");
    writer.write_all(&vec![b'x'; bytes]).expect("the window is open");
    while rustix::io::ioctl_fionread(&reader).expect("a socket tells") < bytes as u64 {
        std::thread::sleep(Duration::from_millis(2));
    }
    (writer, reader)
}

/// Tells of a socket that this process holds, and what is unread in it.
fn holds(what: &str, socket: &(impl AsFd + AsRawFd), unread: usize) {
    let inode = rustix::fs::fstat(socket).expect("it is open").st_ino;
    tell(&format!("{what} {} {} {inode} {unread}", std::process::id(), socket.as_raw_fd()));
}

/// Tells that this process is about to be stuck.
fn about_to(shows: &Shows) {
    tell(&format!("stuck {} {shows}", std::process::id()));
}

/// Tells that nothing waits for this process, though it may wait itself.
fn innocent(shows: &Shows) {
    tell(&format!("innocent {} {shows}", std::process::id()));
}

fn path(file: &str) -> PathBuf {
    Path::new(PLACE).join(file)
}

/// A file of the file system that behaves as its name says. Children do not inherit it, and each process has
/// its own: who opens one waits for those who read it.
fn open(named: &str) -> File {
    let file = format!("{named}-{}", std::process::id());
    OpenOptions::new().read(true).write(true).open(path(&file)).expect("the file system answers yet")
}

fn forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}
