//! Packet and netlink sockets from /proc/net: tables of numbers under a line of names.

use crate::endpoint::Endpoint;
use crate::host::parse_number;
use crate::socket::{Family, Inode, Protocol, Socket, State};

/// A line of such a table, with the names above its numbers.
pub(super) struct Line<'a> {
    header: &'a [u8],
    line: &'a [u8],
}

impl<'a> Line<'a> {
    pub(super) fn new(header: &'a [u8], line: &'a [u8]) -> Line<'a> {
        Line { header, line }
    }

    /// The word below this name.
    fn word(&self, name: &str) -> Option<&'a [u8]> {
        let at = words(self.header).position(|word| word == name.as_bytes())?;
        words(self.line).nth(at)
    }

    fn number(&self, name: &str) -> Option<u32> {
        parse_number(self.word(name)?)
    }

    /// A line of /proc/net/packet (`packet_seq_show`). Nothing there tells of rings.
    pub(super) fn packet(&self) -> Option<Socket> {
        let protocol = u16::from_str_radix(std::str::from_utf8(self.word("Proto")?).ok()?, 16).ok()?;
        let mut socket = Socket::unknown(Family::Packet, Protocol::Packet, State::Close);
        socket.local = Endpoint::Packet { protocol };
        socket.interface = Some(self.number("Iface")?).filter(|index| *index != 0);
        socket.uid = self.number("User");
        socket.inode = Inode::new(self.number("Inode")?);
        self.charges(&mut socket)?;
        Some(socket.with_charges_queued())
    }

    /// A line of /proc/net/netlink (`netlink_native_seq_show`).
    pub(super) fn netlink(&self) -> Option<Socket> {
        let mut socket = Socket::unknown(Family::Netlink, Protocol::Netlink, State::Close);
        // A portid that is no process's id is printed as a negative number.
        let portid = std::str::from_utf8(self.word("Pid")?).ok()?.parse::<i64>().ok()?;
        socket.local = Endpoint::Netlink {
            protocol: u8::try_from(self.number("Eth")?).ok()?,
            portid: u32::try_from(portid & i64::from(u32::MAX)).ok()?,
        };
        socket.inode = Inode::new(self.number("Inode")?);
        socket.skmem.drops = self.number("Drops");
        self.charges(&mut socket)?;
        Some(socket.with_charges_queued())
    }

    fn charges(&self, socket: &mut Socket) -> Option<()> {
        socket.skmem.rmem_alloc = Some(self.number("Rmem")?);
        socket.skmem.wmem_alloc = self.number("Wmem");
        Some(())
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
