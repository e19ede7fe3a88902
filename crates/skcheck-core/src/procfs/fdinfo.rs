//! What /proc/PID/fdinfo says of sockets that have no descriptor of their own.

use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;
use crate::procfs::number::parse_number;

/// The files that are registered with a ring of io_uring (`io_uring_show_fdinfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingFiles {
    /// The sockets among them, in the order of their slots.
    pub sockets: Vec<Inode>,
    /// How many slots hold a file that is not told: kernels before 6.14 print a name that says nothing of
    /// which (`d_iname`).
    pub unnamed: u64,
    /// There are slots, or nothing tells, and none is listed: the ring was busy (`uring_lock`), or all are
    /// empty (kernels since 6.14 pass over those).
    pub may_be_busy: bool,
}

impl RingFiles {
    /// Reads the section that begins with `UserFiles:` and the number of slots, and goes on with lines like
    /// `    0: socket:[19198543]` and `    1: <none>`. Newer kernels print no section of a busy ring.
    pub fn parse(fdinfo: &[u8]) -> RingFiles {
        let mut lines = fdinfo.split(|&b| b == b'\n');
        let mut files = RingFiles::default();
        let slots = lines.find_map(|line| line.strip_prefix(b"UserFiles:"));
        files.may_be_busy = slots.is_none_or(|slots| slots.trim_ascii() != b"0");
        for line in lines {
            let mut parts = line.splitn(2, |&b| b == b':');
            let slot = parts.next().map(<[u8]>::trim_ascii).and_then(parse_number);
            let (Some(_), Some(file)) = (slot, parts.next()) else { break };
            files.may_be_busy = false;
            match file.trim_ascii() {
                b"<none>" => {}
                file => match socket_inode(file) {
                    Some(inode) => files.sockets.push(inode),
                    None if !is_told(file) => files.unnamed += 1,
                    None => {}
                },
            }
        }
        files
    }
}

/// Whether a file's name says that it is no socket: a path, or what is in no file system (`pipe:[1]`,
/// `anon_inode:[eventfd]`).
fn is_told(file: &[u8]) -> bool {
    file.contains(&b'/') || file.contains(&b':')
}

/// How many descriptors wait in the messages that a unix socket has not received, or those who wait at a unix
/// listener (`unix_show_fdinfo`, since Linux 5.6): a line `scm_fds: 2`. Of sockets and of other files alike.
pub fn in_flight(fdinfo: &[u8]) -> Option<u32> {
    let mut lines = fdinfo.split(|&b| b == b'\n');
    parse_number(lines.find_map(|line| line.strip_prefix(b"scm_fds:"))?.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inodes(numbers: &[u32]) -> Vec<Inode> {
        numbers.iter().filter_map(|number| Inode::new(*number)).collect()
    }

    #[test]
    fn registered_files() {
        let check = |text: &str, sockets: &[u32], unnamed: u64, may_be_busy: bool| {
            let expected = RingFiles { sockets: inodes(sockets), unnamed, may_be_busy };
            assert_eq!(RingFiles::parse(text.as_bytes()), expected, "{text:?}");
        };
        let head = "pos:\t0\nSqThread:\t-1\n";
        check("", &[], 0, true);
        check(head, &[], 0, true);
        check("    0: socket:[7]\n", &[], 0, true);
        check(&format!("{head}UserFiles:\t0\nUserBufs:\t0\n"), &[], 0, false);
        check(&format!("{head}UserFiles:\t3\nUserBufs:\t0\n"), &[], 0, true);
        check(
            "UserFiles:\t1\n    0: socket:[7]\nUserBufs:\t0\nPollList:\n    9: socket:[8]\n",
            &[7],
            0,
            false,
        );
        let listed = "    0: socket:[11]\n    2: socket:[12]\n    3: /tmp/a: b\n    4: pipe:[7]\n";
        let buffers = "UserBufs:\t1\n    0: 0x7f00/4096\n";
        check(&format!("{head}UserFiles:\t5\n{listed}{buffers}"), &[11, 12], 0, false);
        // Before Linux 6.14 a socket is called by its protocol, and any file by its last part.
        let names = "    0: TCP\n    1: <none>\n    2: passwd\n";
        check(&format!("{head}UserFiles:\t3\n{names}UserBufs:\t0\n"), &[], 2, false);
        check("UserFiles:\t2\n    0: <none>\n    1: <none>\nUserBufs:\t0\n", &[], 0, false);
        check("UserFiles:\t99999999999\n    0: socket:[0]\n    1:\n", &[], 1, false);
    }

    #[test]
    fn descriptors_in_flight() {
        let check =
            |text: &str, expected: Option<u32>| assert_eq!(in_flight(text.as_bytes()), expected, "{text:?}");
        check("pos:\t0\nflags:\t02\nmnt_id:\t9\nino:\t5\nscm_fds: 3\n", Some(3));
        check("scm_fds: 0\n", Some(0));
        check("scm_fds: many\n", None);
        check("pos:\t0\n", None);
    }
}
