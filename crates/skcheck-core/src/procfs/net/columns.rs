//! Packet, netlink and unix sockets from /proc/net: tables of numbers under a line of names.

use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::procfs::number::parse_number;

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

    /// The word below the name that is the last one.
    fn last_word(&self, name: &str) -> Option<&'a [u8]> {
        words(self.header).last().filter(|last| *last == name.as_bytes())?;
        words(self.line).last()
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

    /// A line of /proc/net/unix (`unix_seq_show`). It tells of no queue.
    pub(super) fn unix(&self) -> Option<Socket> {
        /// `__SO_ACCEPTCON`: it listens.
        const LISTENS: u32 = 1 << 16;
        let hex = |name| u32::from_str_radix(std::str::from_utf8(self.word(name)?).ok()?, 16).ok();
        let protocol = match hex("Type")? {
            1 => Protocol::UnixStream,
            2 => Protocol::UnixDatagram,
            5 => Protocol::UnixSeqpacket,
            _ => return None,
        };
        // What the kernel prints here is what it has made of the state that is wanted (`SS_CONNECTING`,
        // `SS_CONNECTED`: `TCP_ESTABLISHED`).
        let state = match (hex("Flags")? & LISTENS, hex("St")?) {
            (LISTENS, _) => State::Listen,
            (_, 2 | 3) => State::Established,
            (_, 1 | 4) => State::Close,
            _ => return None,
        };
        let inode = self.word("Inode")?;
        let mut socket = Socket::unknown(Family::Unix, protocol, state);
        socket.inode = Inode::new(parse_number(inode)?);
        socket.local = unix_name(self.behind(inode)?);
        Some(socket)
    }

    /// What follows a word of the line, without the space between them.
    fn behind(&self, word: &[u8]) -> Option<&'a [u8]> {
        let end = (word.as_ptr_range().end as usize).checked_sub(self.line.as_ptr() as usize)?;
        let rest = self.line.get(end..)?;
        Some(rest.strip_prefix(b" ").unwrap_or(rest))
    }

    /// A socket of a table whose last column counts the packets that were dropped. Further in front two names
    /// can be above one number.
    pub(super) fn with_drops(&self, mut socket: Socket) -> Socket {
        socket.skmem.drops = self.last_word("drops").and_then(parse_number);
        socket
    }

    fn charges(&self, socket: &mut Socket) -> Option<()> {
        socket.skmem.rmem_alloc = Some(self.number("Rmem")?);
        socket.skmem.wmem_alloc = self.number("Wmem");
        Some(())
    }
}

/// What a unix socket is called. In abstract names, and in front of them, `@` stands for NUL: one that has an
/// `@` of its own looks the same.
fn unix_name(name: &[u8]) -> Endpoint {
    match name {
        [] => Endpoint::Unnamed,
        [b'@', name @ ..] => Endpoint::Abstract(name.to_vec()),
        path => Endpoint::Path(path.to_vec()),
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
