//! What is told of a TCP socket.

use std::time::Duration;

use skcheck_core::{TcpInfo, Timer};

use crate::wire::bytes::{numbers, records};

records! {
    /// What the kernel counts of a connection, as far as `told` says that it is known.
    TcpRecord is "tcp_told" {
        received: u64,
        acked: u64,
        /// In microseconds.
        held_up: u64,
        told: u32,
        not_sent: u32,
        ooo_packets: u32,
        ooo_span: u32,
        /// Milliseconds ago.
        last_received: u32,
        /// Milliseconds ago.
        last_sent: u32,
        window: u32,
        retransmits: u32,
        backoff: u32,
        probes: u32,
        pending: u32,
        own_window: u32,
    }
}

numbers! {
    /// Which of the numbers are known.
    told: u32 {
        RECEIVED = 1 << 0,
        ACKED = 1 << 1,
        HELD_UP = 1 << 2,
        NOT_SENT = 1 << 3,
        OOO_PACKETS = 1 << 4,
        OOO_SPAN = 1 << 5,
        LAST_RECEIVED = 1 << 6,
        LAST_SENT = 1 << 7,
        WINDOW = 1 << 8,
        RETRANSMITS = 1 << 9,
        BACKOFF = 1 << 10,
        PROBES = 1 << 11,
        PENDING = 1 << 12,
        OWN_WINDOW = 1 << 13,
    }
}

impl TcpRecord {
    /// What is known of it.
    pub(crate) fn info(&self) -> TcpInfo {
        let is_told = |bit: u32| self.told & bit != 0;
        let number = |bit, value| is_told(bit).then_some(value);
        let milliseconds = |bit, value: u32| is_told(bit).then(|| Duration::from_millis(value.into()));
        let small = |bit, value: u32| if is_told(bit) { u8::try_from(value).ok() } else { None };
        let mut info = TcpInfo::default();
        info.bytes_received = is_told(told::RECEIVED).then_some(self.received);
        info.bytes_acked = is_told(told::ACKED).then_some(self.acked);
        info.rwnd_limited = is_told(told::HELD_UP).then(|| Duration::from_micros(self.held_up));
        info.notsent_bytes = number(told::NOT_SENT, self.not_sent);
        info.rcv_ooopack = number(told::OOO_PACKETS, self.ooo_packets);
        info.ooo_span = number(told::OOO_SPAN, self.ooo_span);
        info.last_data_recv = milliseconds(told::LAST_RECEIVED, self.last_received);
        info.last_data_sent = milliseconds(told::LAST_SENT, self.last_sent);
        info.snd_wnd = number(told::WINDOW, self.window);
        info.rcv_wnd = number(told::OWN_WINDOW, self.own_window);
        info.retransmits = small(told::RETRANSMITS, self.retransmits);
        info.backoff = small(told::BACKOFF, self.backoff);
        info.probes = small(told::PROBES, self.probes);
        info.pending = small(told::PENDING, self.pending).map(Timer::from_kernel);
        info
    }
}
