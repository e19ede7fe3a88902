//! What is known of every table of sockets, one row each.

use crate::model::families::row::{Columns, TableName, TableRow};
use crate::model::protocol::{Family, Protocol};
use crate::model::table::IpVersion::{V4, V6};
use crate::model::table::{IpVersion, Table};

/// The name of a table of which there is one for IPv4 and one for IPv6.
macro_rules! over_ip {
    ($word:literal) => {
        TableName { word: $word, full: [concat!($word, " over IPv4"), concat!($word, " over IPv6")] }
    };
}

/// The name of a table of which there is one.
const fn alone(word: &'static str) -> TableName {
    TableName { word, full: [word; 2] }
}

impl Table {
    /// Every table, in the order in which they are dumped: those of MPTCP before those of TCP, in which its
    /// subflows are.
    pub const ALL: [Table; 16] = [
        Table::Mptcp(V4),
        Table::Mptcp(V6),
        Table::Tcp(V4),
        Table::Udp(V4),
        Table::UdpLite(V4),
        Table::Raw(V4),
        Table::Ping(V4),
        Table::Tcp(V6),
        Table::Udp(V6),
        Table::UdpLite(V6),
        Table::Raw(V6),
        Table::Ping(V6),
        Table::Unix,
        Table::Packet,
        Table::Netlink,
        Table::Vsock,
    ];

    pub(crate) const fn row(self) -> &'static TableRow {
        match self {
            Table::Tcp(_) => &TCP,
            Table::Udp(_) => &UDP,
            Table::UdpLite(_) => &UDP_LITE,
            Table::Unix => &UNIX,
            Table::Mptcp(_) => &MPTCP,
            Table::Raw(_) => &RAW,
            Table::Ping(_) => &PING,
            Table::Packet => &PACKET,
            Table::Netlink => &NETLINK,
            Table::Vsock => &VSOCK,
        }
    }

    /// What the sockets of this table speak; for unix and vsock the record itself tells.
    pub fn protocol(self) -> Protocol {
        self.row().protocol
    }

    /// The table's name for people, such as `tcp over IPv6`.
    pub fn name(self) -> &'static str {
        self.pick(self.row().name.full)
    }

    /// The table's name without the version of IP, one lower-case word: `tcp`, `udp`, `udplite`, `unix`, `mptcp`,
    /// `raw`, `ping`, `packet`, `netlink` or `vsock`.
    pub fn short_name(self) -> &'static str {
        self.row().name.word
    }

    /// The kernel module that answers for this table; `None`: no kernel has one.
    pub fn module(self) -> Option<&'static str> {
        self.row().module
    }

    /// The table's file below /proc/net. MPTCP and vsock have none: a switch and a device tell where the
    /// kernel knows them.
    pub fn proc_file(self) -> &'static str {
        self.pick(self.row().proc_files)
    }

    /// The address family of its sockets. An IPv6 table has sockets that talk IPv4, too.
    pub fn family(self) -> Family {
        self.pick(self.row().families)
    }

    /// A table that sockets of this protocol are in.
    pub(crate) fn of(protocol: Protocol) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.row().speaks.contains(&protocol))
    }

    /// Whether the kernel calls its protocol so.
    pub(crate) fn is_called(self, name: &[u8]) -> bool {
        self.pick(self.row().kernel_names).iter().any(|it| it.as_bytes() == name)
    }

    /// The table of the sockets whose protocol the kernel calls so.
    pub(crate) fn called(name: &[u8]) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.is_called(name))
    }

    /// The version of IP of its sockets.
    pub(crate) const fn ip_version(self) -> Option<IpVersion> {
        match self {
            Table::Tcp(version)
            | Table::Udp(version)
            | Table::UdpLite(version)
            | Table::Mptcp(version)
            | Table::Raw(version)
            | Table::Ping(version) => Some(version),
            Table::Unix | Table::Packet | Table::Netlink | Table::Vsock => None,
        }
    }

    /// What a row says for this version of IP.
    pub(crate) fn pick<T: Copy>(self, [four, six]: [T; 2]) -> T {
        if self.ip_version() == Some(V6) { six } else { four }
    }
}

static TCP: TableRow = TableRow {
    name: over_ip!("tcp"),
    protocol: Protocol::Tcp,
    speaks: &[Protocol::Tcp],
    families: [Family::Ipv4, Family::Ipv6],
    module: Some("tcp_diag"),
    proc_files: ["/proc/net/tcp", "/proc/net/tcp6"],
    columns: Some(Columns::Tcp),
    untold: Some("memory, limits, backlog and cookies"),
    hides_queues: true,
    sockstat: Some(["TCP", "TCP6"]),
    kernel_names: [&["TCP"], &["TCPv6"]],
    is_dear: false,
    is_rare: false,
    is_everywhere: true,
    is_met_by_engine: true,
};

static UDP: TableRow = TableRow {
    name: over_ip!("udp"),
    protocol: Protocol::Udp,
    speaks: &[Protocol::Udp],
    families: [Family::Ipv4, Family::Ipv6],
    module: Some("udp_diag"),
    proc_files: ["/proc/net/udp", "/proc/net/udp6"],
    columns: Some(Columns::Datagram),
    untold: Some("limits, backlog and cookies"),
    hides_queues: false,
    sockstat: Some(["UDP", "UDP6"]),
    kernel_names: [&["UDP"], &["UDPv6"]],
    is_dear: false,
    is_rare: false,
    is_everywhere: true,
    is_met_by_engine: true,
};

static UDP_LITE: TableRow = TableRow {
    name: over_ip!("udplite"),
    protocol: Protocol::UdpLite,
    speaks: &[Protocol::UdpLite],
    families: [Family::Ipv4, Family::Ipv6],
    module: Some("udp_diag"),
    proc_files: ["/proc/net/udplite", "/proc/net/udplite6"],
    columns: Some(Columns::Datagram),
    untold: Some("limits, backlog and cookies"),
    hides_queues: false,
    sockstat: Some(["UDPLITE", "UDPLITE6"]),
    kernel_names: [&["UDP-Lite"], &["UDPLITEv6"]],
    is_dear: false,
    is_rare: false,
    is_everywhere: false,
    is_met_by_engine: true,
};

static UNIX: TableRow = TableRow {
    name: alone("unix"),
    protocol: Protocol::UnixStream,
    speaks: &[Protocol::UnixStream, Protocol::UnixDatagram, Protocol::UnixSeqpacket],
    families: [Family::Unix; 2],
    module: Some("unix_diag"),
    proc_files: ["/proc/net/unix"; 2],
    columns: Some(Columns::Unix),
    untold: Some("queues, limits, peers and cookies"),
    hides_queues: true,
    sockstat: None,
    kernel_names: [&["UNIX", "UNIX-STREAM"]; 2],
    is_dear: false,
    is_rare: false,
    is_everywhere: true,
    is_met_by_engine: true,
};

static MPTCP: TableRow = TableRow {
    name: over_ip!("mptcp"),
    protocol: Protocol::Mptcp,
    speaks: &[Protocol::Mptcp],
    families: [Family::Ipv4, Family::Ipv6],
    module: Some("mptcp_diag"),
    proc_files: ["/proc/sys/net/mptcp/enabled"; 2],
    columns: None,
    untold: None,
    hides_queues: false,
    sockstat: None,
    kernel_names: [&["MPTCP"], &["MPTCPv6"]],
    is_dear: true,
    is_rare: false,
    is_everywhere: false,
    is_met_by_engine: false,
};

static RAW: TableRow = TableRow {
    name: over_ip!("raw"),
    protocol: Protocol::Raw,
    speaks: &[Protocol::Raw],
    families: [Family::Ipv4, Family::Ipv6],
    module: Some("raw_diag"),
    proc_files: ["/proc/net/raw", "/proc/net/raw6"],
    columns: Some(Columns::Raw),
    untold: Some("limits, backlog and cookies"),
    hides_queues: false,
    sockstat: Some(["RAW", "RAW6"]),
    kernel_names: [&["RAW"], &["RAWv6"]],
    is_dear: false,
    is_rare: false,
    is_everywhere: false,
    is_met_by_engine: false,
};

static PING: TableRow = TableRow {
    name: over_ip!("ping"),
    protocol: Protocol::Ping,
    speaks: &[Protocol::Ping],
    families: [Family::Ipv4, Family::Ipv6],
    module: None,
    proc_files: ["/proc/net/icmp", "/proc/net/icmp6"],
    columns: Some(Columns::Datagram),
    untold: Some("limits, backlog and cookies"),
    hides_queues: false,
    sockstat: None,
    kernel_names: [&["PING"], &["PINGv6"]],
    is_dear: false,
    is_rare: false,
    is_everywhere: false,
    is_met_by_engine: true,
};

static PACKET: TableRow = TableRow {
    name: alone("packet"),
    protocol: Protocol::Packet,
    speaks: &[Protocol::Packet],
    families: [Family::Packet; 2],
    module: Some("af_packet_diag"),
    proc_files: ["/proc/net/packet"; 2],
    columns: Some(Columns::Packet),
    untold: Some("rings, limits and cookies"),
    hides_queues: false,
    sockstat: None,
    kernel_names: [&["PACKET"]; 2],
    is_dear: false,
    is_rare: false,
    is_everywhere: false,
    is_met_by_engine: false,
};

static NETLINK: TableRow = TableRow {
    name: alone("netlink"),
    protocol: Protocol::Netlink,
    speaks: &[Protocol::Netlink],
    families: [Family::Netlink; 2],
    module: Some("netlink_diag"),
    proc_files: ["/proc/net/netlink"; 2],
    columns: Some(Columns::Netlink),
    untold: Some("limits, backlog and cookies"),
    hides_queues: false,
    sockstat: None,
    kernel_names: [&["NETLINK"]; 2],
    is_dear: false,
    is_rare: false,
    is_everywhere: false,
    is_met_by_engine: false,
};

static VSOCK: TableRow = TableRow {
    name: alone("vsock"),
    protocol: Protocol::VsockStream,
    speaks: &[Protocol::VsockStream, Protocol::VsockDatagram, Protocol::VsockSeqpacket],
    families: [Family::Vsock; 2],
    module: Some("vsock_diag"),
    proc_files: ["/sys/class/misc/vsock/dev"; 2],
    columns: None,
    untold: None,
    hides_queues: true,
    sockstat: None,
    kernel_names: [&["AF_VSOCK"]; 2],
    is_dear: false,
    is_rare: true,
    is_everywhere: false,
    is_met_by_engine: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_a_table() {
        for protocol in Protocol::ALL {
            assert!(Table::of(protocol).is_some(), "{protocol:?}");
        }
        for table in Table::ALL {
            assert!(table.row().speaks.contains(&table.protocol()), "{table:?}");
            assert_eq!(table.row().columns.is_some(), table.row().untold.is_some(), "{table:?}");
        }
    }
}
