//! What was looked at, and where the records came from.

/// Where a report's records came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// NETLINK_SOCK_DIAG.
    SockDiag,
    /// /proc/net, because NETLINK_SOCK_DIAG was refused: no memory numbers, no unix queues.
    ProcNet,
}

impl Source {
    /// `sock_diag` or `proc_net`.
    pub fn name(self) -> &'static str {
        match self {
            Source::SockDiag => "sock_diag",
            Source::ProcNet => "proc_net",
        }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// Records in the dumped tables, matching or not. Repeats of a table that changed are counted.
    pub sockets: u64,
    /// Descriptors that refer to sockets.
    pub descriptors: u64,
    /// Processes whose descriptors were read.
    pub processes: u64,
    /// Processes whose descriptors may not be read.
    pub unreadable: u64,
    /// Every process of the host was read: none may not be, and /proc hides none.
    pub all_processes: bool,
}
