//! What /proc/PID/maps says of sockets: a mapping keeps its socket when the descriptor has been closed.

use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;

/// The sockets that a process has mapped (`show_map_vma`): lines like `7f0e8c000000-7f0e9c000000 rw-s
/// 00000000 00:08 4711                       socket:[4711]`. The name of a file is a path, and begins with a
/// slash.
pub fn mapped_sockets(maps: &[u8]) -> impl Iterator<Item = Inode> + '_ {
    maps.split(|&b| b == b'\n').filter_map(|line| {
        let mut fields = line.split(|&b| b == b' ').filter(|field| !field.is_empty());
        socket_inode(fields.nth(5)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_of_sockets() {
        let check = |maps: &str, expected: &[u32]| {
            let found: Vec<u32> = mapped_sockets(maps.as_bytes()).map(Inode::get).collect();
            assert_eq!(found, expected, "{maps:?}");
        };
        let ring = "7f0e8c000000-7f0e9c000000 rw-s 00000000 00:08 4711                       socket:[4711]\n";
        let others = "55a0c7a00000-55a0c7a22000 r--p 00000000 fe:00 1180  /usr/bin/tcpdump\n\
                      55a0c8000000-55a0c8021000 rw-p 00000000 00:00 0     [heap]\n\
                      7f0e9c000000-7f0e9c001000 rw-p 00000000 00:00 0\n\
                      7f0e9d000000-7f0e9d001000 rw-s 00000000 fe:00 12    /tmp/socket:[99]\n\
                      7f0e9e000000-7f0e9e001000 rw-s 00000000 fe:00 12    /tmp/a socket:[98]\n";
        check("", &[]);
        check(ring, &[4711]);
        check(others, &[]);
        check(&format!("{others}{ring}{ring}"), &[4711, 4711]);
        check("7f0e8c000000-7f0e9c000000 rw-s 00000000 00:08 4711 socket:[0]", &[]);
        check("7f0e8c000000-7f0e9c0000", &[]);
    }
}
