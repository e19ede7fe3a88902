//! The floor: what the kernel takes for the same questions, whoever asks them.

use std::io;
use std::mem::MaybeUninit;

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use skcheck_core::Query;
use skcheck_core::testing::request;
use skcheck_core::testing::request::States;

/// As large as the scan's own buffers.
const BUFFER: usize = 32 * 1024;

/// Dumps every table of the query once and throws the datagrams away, then reads every descriptor
/// of every process of `pids` and throws the targets away. Returns how many descriptors.
pub(crate) fn run(query: &Query, pids: &[u32]) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let protocol = Some(netlink::SOCK_DIAG);
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    for (table, sequence) in query.tables().into_iter().zip(1..) {
        rustix::net::send(&socket, &request::dump(table, States::Holding, sequence), SendFlags::empty())?;
        loop {
            let (_, length) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC)?;
            if is_end(&buffer[..length.min(BUFFER)], sequence) {
                break;
            }
        }
    }
    let mut descriptors = 0;
    let mut names = Vec::with_capacity(BUFFER);
    for pid in pids {
        descriptors += read_links(*pid, &mut names).unwrap_or(0);
    }
    Ok(descriptors)
}

/// The processes that /proc lists.
pub(crate) fn pids() -> io::Result<Vec<u32>> {
    let names = std::fs::read_dir("/proc")?.map(|entry| Ok(entry?.file_name()));
    let names: Vec<_> = names.collect::<io::Result<_>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
}

fn read_links(pid: u32, names: &mut Vec<u8>) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(format!("/proc/{pid}/fd"), flags, Mode::empty())?;
    let mut entries = RawDir::new(&dir, names.spare_capacity_mut());
    let mut target = [const { MaybeUninit::uninit() }; 63];
    let mut descriptors = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if entry.file_name().to_bytes().starts_with(b".") {
            continue;
        }
        if rustix::fs::readlinkat_raw(&dir, entry.file_name(), &mut target).is_ok() {
            descriptors += 1;
        }
    }
    Ok(descriptors)
}

/// Whether the answer ends with this datagram: NLMSG_DONE or NLMSG_ERROR comes first in it, or
/// NLMSG_DONE last.
fn is_end(datagram: &[u8], sequence: u32) -> bool {
    const ERROR: u16 = 2;
    const DONE: u16 = 3;
    const DONE_LENGTH: usize = 20;
    let kind_at = |at: usize| {
        let header = datagram.get(at..at + 16)?;
        let is_ours = header[8..12] == sequence.to_ne_bytes();
        is_ours.then_some(u16::from_ne_bytes([header[4], header[5]]))
    };
    let last = datagram.len().checked_sub(DONE_LENGTH);
    matches!(kind_at(0), Some(ERROR | DONE))
        || last.is_some_and(|at| datagram[at..at + 4] == 20u32.to_ne_bytes() && kind_at(at) == Some(DONE))
}
