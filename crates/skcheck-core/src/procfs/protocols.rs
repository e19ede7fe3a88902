//! /proc/net/protocols (`proto_seq_printf`).

use crate::procfs::sockstat::{InUse, none_or_perhaps};

/// Whether a namespace has sockets of the protocol that its /proc/net/protocols calls `name` (`MPTCP`, ...;
/// `sock_prot_inuse_get`). Perhaps, where that has no line of it.
pub fn protocol_in_use(protocols: &[u8], name: &str) -> InUse {
    let text = String::from_utf8_lossy(protocols);
    let count = column(&text, "sockets").find(|(of, _)| *of == name);
    none_or_perhaps(count.and_then(|(_, count)| count.parse().ok()))
}

/// The protocols with `yes` in the column `press`: those that are under memory pressure.
pub fn under_pressure(protocols: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(protocols);
    let pressed = column(&text, "press").filter(|(_, press)| *press == "yes");
    pressed.map(|(name, _)| name.to_owned()).collect()
}

/// Each protocol with what stands in a column.
fn column<'f>(text: &'f str, name: &str) -> impl Iterator<Item = (&'f str, &'f str)> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let at = header.split_whitespace().position(|word| word == name);
    lines.filter_map(move |line| Some((line.split_whitespace().next()?, line.split_whitespace().nth(at?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_move() {
        let all: [(&str, &[&str]); 5] = [
            ("protocol press memory\nTCP yes -1\nyes no yes\n", &["TCP"]),
            ("press protocol\nyes TCP\n", &["yes"]),
            ("protocol size\nTCP yes\n", &[]),
            ("protocol press\nTCP\n", &[]),
            ("", &[]),
        ];
        for (file, expected) in all {
            assert_eq!(under_pressure(file.as_bytes()), expected, "{file}");
        }
    }

    #[test]
    fn sockets_of_a_protocol() {
        let file = b"protocol  size sockets\nMPTCP 1936 0\nTCP 2304 1\nSMC 1000\n";
        let all = [
            ("MPTCP", InUse::None),
            ("TCP", InUse::Perhaps),
            ("SMC", InUse::Perhaps),
            ("UDP", InUse::Perhaps),
        ];
        for (name, expected) in all {
            assert_eq!(protocol_in_use(file, name), expected, "{name}");
        }
    }
}
