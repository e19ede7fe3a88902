//! The values of maps: what the programs are told before they run, and what they count.

use skcheck_core::SocketName;

use crate::wire::bytes::{numbers, records};

records! {
    /// What is asked of the programs that find sockets.
    FilterValue is "question" {
        /// Bits of [`want`].
        families: u64,
        min_recvq: u64,
        min_sendq: u64,
        /// 0: every process.
        pid: u64,
    }

    /// What is counted of a network namespace.
    TallyValue is "tally" {
        /// Of which pass it is.
        pass: u64,
        /// Each once, of every family.
        sockets: u64,
        /// What TCP sockets that the tables know account for.
        tcp_memory: i64,
    }

    /// What is counted of the host.
    CountsValue is "counts" {
        /// How many descriptors refer to sockets.
        descriptors: u64,
        /// How many sockets did not fit into the maps that count them.
        uncounted: u64,
        /// The number of this pass; no pass has 0.
        pass: u64,
        /// How many entries it has added to the map of shared sockets.
        new_shared: u64,
        /// The namespace of the last sockets.
        netns: u64,
        /// Of that one, what is not in its tally yet.
        sum: TallyValue,
    }

    /// A protocol's name.
    ProtocolName is "protocol_name" {
        /// Filled up with NULs.
        text: [u8; 32],
    }

    /// How far a walk goes.
    LimitsValue is "limits" {
        /// How many packets of a socket are walked at most.
        packets: u64,
        /// In nanoseconds of the monotonic clock; 0: no limit.
        deadline: u64,
        /// How many bytes may wait in the ring buffer before the next socket is begun.
        room: u64,
        /// And before another packet.
        full: u64,
        /// Whether any socket is named by its inode.
        by_inode: u64,
    }

    /// A socket to walk.
    TargetValue is "target" {
        /// Its number.
        slot: u32,
        /// How often it was begun.
        attempts: u32,
    }

    /// Where the walk of the tables is.
    TablesValue is "tables" {
        /// Bits of [`table`].
        wanted: u64,
        first: u64,
        netns: u64,
        next_table: u64,
        chains: u64,
        chain: u64,
        count: u64,
        attempts: u64,
        size: u64,
        nulls: u64,
        begun: u64,
        node: u64,
        length: u64,
        again: u64,
        done: u64,
        namespaces: u64,
        tcp_of_all: u64,
        udp_of_all: u64,
        tries: u64,
    }
}

numbers! {
    /// What is asked for.
    want: u64 {
        WANT_TCP = 1,
        WANT_UDP = 2,
        WANT_UNIX = 4,
        WANT_INET = 8,
        WANT_INET6 = 16,
        WANT_IDLE = 32,
        WANT_PING = 64,
    }

    /// Tables of sockets.
    table: u64 { TCP_TABLE = 1, UDP_TABLE = 2, UNIX_TABLE = 4, PACKET_TABLE = 8 }
}

/// What is set in the key of a socket that is named by its inode (`BY_INODE`): no cookie comes near it.
const BY_INODE: u64 = 1 << 63;

/// The key of a socket to walk.
pub(crate) fn target_key(name: SocketName) -> u64 {
    match name {
        SocketName::Cookie(cookie) => cookie.0,
        SocketName::Inode(inode) => BY_INODE | u64::from(inode.get()),
    }
}

impl ProtocolName {
    /// Its bytes, without the NULs behind them.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

impl TablesValue {
    /// Before these tables are gone along; what was found among the descriptors stays.
    pub(crate) fn begin(&self, wanted: u64) -> TablesValue {
        let TablesValue { tcp_of_all, udp_of_all, tries, .. } = *self;
        TablesValue { wanted, tcp_of_all, udp_of_all, tries, ..zerocopy::FromZeros::new_zeroed() }
    }
}
