//! The states that a dump asks for.

/// The states that a dump asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum States {
    /// Every state but TIME-WAIT, later kernels' new ones included.
    Holding,
    /// Every state that can hold data: those of `Holding` but [`Bound`](States::Bound). For these the kernel
    /// would walk the bound ports of the whole host.
    Queueing,
    /// Listeners alone.
    Listening,
    /// TCP sockets that are bound and not connected, alone (since Linux 6.8). The kernel has them
    /// in a table of their own, and its sockstat does not count them (`inet_hash`).
    Bound,
    /// None: the answer tells only whether the table can be asked.
    None,
}

impl States {
    pub(super) fn bits(self) -> u32 {
        const TIME_WAIT: u32 = 1 << 6;
        const LISTEN: u32 = 1 << 10;
        const BOUND_INACTIVE: u32 = 1 << 13;
        match self {
            States::Holding => !TIME_WAIT,
            States::Queueing => !(TIME_WAIT | BOUND_INACTIVE),
            States::Listening => LISTEN,
            States::Bound => BOUND_INACTIVE,
            States::None => 0,
        }
    }
}
