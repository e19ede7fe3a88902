//! The state of a socket.

/// The state of a socket (`sk_state`; the names are TCP's, other protocols use some of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Connected. UDP and unix datagram sockets with a fixed peer too.
    Established,
    /// Connecting.
    SynSent,
    /// A connection request half answered (`TCP_SYN_RECV`).
    SynRecv,
    /// Closed here, our end not yet acknowledged.
    FinWait1,
    /// Closed here, waiting for the peer to close.
    FinWait2,
    /// Waiting for stray packets to die. Holds no data; skcheck does not ask for it.
    TimeWait,
    /// Not connected.
    Close,
    /// The peer has closed; this end has not.
    CloseWait,
    /// Both have closed, our end not yet acknowledged.
    LastAck,
    /// Waiting for connections.
    Listen,
    /// Both closed at the same time.
    Closing,
    /// A connection request half answered, not yet a full socket (`TCP_NEW_SYN_RECV`).
    NewSynRecv,
    /// A TCP socket that is bound to a port and not connected (`TCP_BOUND_INACTIVE`, since Linux 6.8).
    BoundInactive,
    /// A descriptor holds this TCP socket and the kernel's tables do not know it: its connection
    /// was reset or has ended on both sides, **or it never connected**; from outside they look the
    /// same. If it was connected, it can still hold unread data. (A connected socket of a network
    /// namespace that no process, mount or descriptor keeps alive, only its sockets, shows so too.)
    ClosedHeld,
    /// A state that is newer than this library.
    Other(u8),
}

impl State {
    /// Every state with a name, in the kernel's order.
    pub const ALL: [State; 14] = [
        State::Established,
        State::SynSent,
        State::SynRecv,
        State::FinWait1,
        State::FinWait2,
        State::TimeWait,
        State::Close,
        State::CloseWait,
        State::LastAck,
        State::Listen,
        State::Closing,
        State::NewSynRecv,
        State::BoundInactive,
        State::ClosedHeld,
    ];

    /// The state for the kernel's number (`include/net/tcp_states.h`).
    pub fn from_kernel(number: u8) -> State {
        match number {
            1 => State::Established,
            2 => State::SynSent,
            3 => State::SynRecv,
            4 => State::FinWait1,
            5 => State::FinWait2,
            6 => State::TimeWait,
            7 => State::Close,
            8 => State::CloseWait,
            9 => State::LastAck,
            10 => State::Listen,
            11 => State::Closing,
            12 => State::NewSynRecv,
            13 => State::BoundInactive,
            other => State::Other(other),
        }
    }

    /// The state's name in lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            State::Established => "established",
            State::SynSent => "syn_sent",
            State::SynRecv => "syn_recv",
            State::FinWait1 => "fin_wait1",
            State::FinWait2 => "fin_wait2",
            State::TimeWait => "time_wait",
            State::Close => "close",
            State::CloseWait => "close_wait",
            State::LastAck => "last_ack",
            State::Listen => "listen",
            State::Closing => "closing",
            State::NewSynRecv => "new_syn_recv",
            State::BoundInactive => "bound_inactive",
            State::ClosedHeld => "closed_held",
            State::Other(_) => "unknown",
        }
    }
}
