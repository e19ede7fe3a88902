//! Sockets of families that a scan does not look at: packet, raw and netlink. What they hold is memory of
//! sockets all the same.

use std::path::{Path, PathBuf};

use crate::host::Host;
use crate::memory::read::read;
use crate::namespaces::Netns;
use crate::units::Truesize;

/// What sockets of other families hold, as far as /proc/net tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherFamilies {
    /// What waits in the queues of packet, raw and netlink sockets (`sk_rmem_alloc`, and for raw and netlink
    /// `sk_wmem_alloc`).
    pub queued: Truesize,
    /// How many packet sockets there are. Each may have a ring, which is in no queue, in no count of
    /// packets, and as large as its owner likes.
    pub packet_sockets: u64,
    /// Every namespace that was found could be asked.
    pub everywhere: bool,
}

/// Asks every namespace that a process is in.
pub fn other_families(host: &dyn Host, namespaces: &[Netns]) -> OtherFamilies {
    let mut found = OtherFamilies { everywhere: !namespaces.is_empty(), ..OtherFamilies::default() };
    for netns in namespaces {
        let directory = directories(netns).into_iter().find(|it| file(host, it, "packet").is_some());
        let Some(directory) = directory else {
            found.everywhere = false;
            continue;
        };
        let mut add = |name: &str, columns: &[&str]| {
            let file = file(host, &directory, name).unwrap_or_default();
            let (sockets, queued) = table(&file, columns);
            found.queued.0 = found.queued.0.saturating_add(queued);
            sockets
        };
        add("raw", &["tx_queue", "rx_queue"]);
        add("raw6", &["tx_queue", "rx_queue"]);
        add("netlink", &["Rmem", "Wmem"]);
        found.packet_sockets = found.packet_sockets.saturating_add(add("packet", &["Rmem"]));
    }
    found
}

/// Where a namespace's /proc/net shows: beside the ns/net of each process and thread in it.
fn directories(netns: &Netns) -> Vec<PathBuf> {
    if netns.own {
        return vec![PathBuf::from("/proc/net")];
    }
    let of_process = netns.files.iter().filter(|file| file.root.is_none() && file.path.ends_with("ns/net"));
    of_process.filter_map(|file| Some(file.path.parent()?.parent()?.join("net"))).collect()
}

fn file(host: &dyn Host, directory: &Path, name: &str) -> Option<Vec<u8>> {
    read(host, directory.join(name).to_str()?)
}

/// How many lines a table has, and the sum of some of its columns, found by their names. The two queues of
/// raw sockets are one word of hexadecimal digits; everything else is decimal.
fn table(file: &[u8], columns: &[&str]) -> (u64, u64) {
    let mut lines = file.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let header: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let at = |name: &&str| header.iter().position(|word| word == name);
    let places: Vec<usize> = columns.iter().filter_map(at).collect();
    let (mut sockets, mut sum) = (0u64, 0u64);
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        sockets += u64::from(!words.is_empty());
        let numbers =
            match words.iter().position(|word| word.len() == 17 && word.as_bytes().get(8) == Some(&b':')) {
                Some(queues) if columns.contains(&"tx_queue") => {
                    let halves = words.get(queues).and_then(|word| word.split_once(':'));
                    let hex = |digits| u64::from_str_radix(digits, 16).unwrap_or(0);
                    halves.map(|(sent, received)| vec![hex(sent), hex(received)]).unwrap_or_default()
                }
                _ => places.iter().filter_map(|place| words.get(*place)?.parse().ok()).collect(),
            };
        sum = numbers.into_iter().fold(sum, u64::saturating_add);
    }
    (sockets, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_of_other_families() {
        let check = |file: &str, columns: &[&str], expected: (u64, u64)| {
            assert_eq!(table(file.as_bytes(), columns), expected, "{file}");
        };
        let packet = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n\
                      0000000000000000 3      3    0003   1     1 860198  0      12345\n\
                      0000000000000000 3      3    88cc   2     1 0      0      12346\n";
        check(packet, &["Rmem"], (2, 860_198));
        let netlink = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                       00000000a0556e46 0   0          00000000 7        0        0     2        0        4       \n\
                       00000000a0556e47 15  4711       00000001 212992   64       0     2        9        5       \n";
        check(netlink, &["Rmem", "Wmem"], (2, 7 + 212_992 + 64));
        let raw = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                   \x20  1: 00000000:0001 00000000:0000 07 00000010:00033F00 00:00000000 00000000     0        0 777\n";
        check(raw, &["tx_queue", "rx_queue"], (1, 0x10 + 0x33f00));
        check("", &["Rmem"], (0, 0));
        check("sk Rmem\n\n1 99999999999999999999\n", &["Rmem"], (1, 0));
    }
}
