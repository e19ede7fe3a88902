//! What `tcp_info` adds to a TCP socket's record.

use std::time::Duration;

/// The parts of `struct tcp_info` (`tcp_get_info`) that skcheck uses, and what an engine reads beside them. A
/// field that was not told is `None`: the kernel is too old to send it, or only an engine knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// How many packets have ever arrived out of order (`tcpi_rcv_ooopack`, since Linux 5.4): a
    /// count since the connection began. 0 proves that the out-of-order queue is empty.
    pub rcv_ooopack: Option<u32>,
    /// How far what has arrived out of order reaches beyond what has arrived in order, holes included, in
    /// bytes (`ooo_last_skb`'s `end_seq` less `rcv_nxt`, as `tcp_data_queue_ofo` keeps them); 0: there is
    /// nothing. Only an engine tells.
    pub ooo_span: Option<u32>,
    /// Sequence numbers that arrived in order since the connection began, a FIN's included
    /// (`tcpi_bytes_received`, since Linux 4.1), in bytes. Less Recv-Q it is what the application consumed.
    pub bytes_received: Option<u64>,
    /// Bytes that the peer has acknowledged (`tcpi_bytes_acked`, since Linux 4.1).
    pub bytes_acked: Option<u64>,
    /// Bytes that were not sent yet (`tcpi_notsent_bytes`, since Linux 4.6): `write_seq` less `snd_nxt`.
    pub notsent_bytes: Option<u32>,
    /// How long ago data last arrived (`tcpi_last_data_recv`, milliseconds in the kernel).
    pub last_data_recv: Option<Duration>,
    /// How long ago data was last sent (`tcpi_last_data_sent`).
    pub last_data_sent: Option<Duration>,
    /// The peer's receive window as it last told it (`tcpi_snd_wnd`, since Linux 5.4), in bytes.
    pub snd_wnd: Option<u32>,
    /// The receive window that this end told last (`tcpi_rcv_wnd`, since Linux 6.2), in bytes. 0: its peer
    /// may not send.
    pub rcv_wnd: Option<u32>,
    /// How long sending was held up by the peer's window, since the connection began
    /// (`tcpi_rwnd_limited`, since Linux 4.10, microseconds in the kernel).
    pub rwnd_limited: Option<Duration>,
    /// How often what waits for its acknowledgement was sent again since the last one came
    /// (`tcpi_retransmits`, `icsk_retransmits`): a count, which `tcp_retransmit_timer` raises.
    pub retransmits: Option<u8>,
    /// How often the time until the next try was doubled (`tcpi_backoff`, `icsk_backoff`): a count, which
    /// `tcp_retransmit_timer` and `tcp_send_probe0` raise.
    pub backoff: Option<u8>,
    /// How many probes of a shut window, or of an idle connection, have had no answer (`tcpi_probes`,
    /// `icsk_probes_out`): a count, which `tcp_write_wakeup`'s callers raise.
    pub probes: Option<u8>,
    /// What the socket's timer waits for (`icsk_pending`, set by `inet_csk_reset_xmit_timer`). Only an engine
    /// tells.
    pub pending: Option<Timer>,
}

/// What the timer of a TCP socket waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timer {
    /// It is not set.
    None,
    /// To send again what was not acknowledged (`ICSK_TIME_RETRANS`).
    Retransmit,
    /// To probe a window that the peer has shut (`ICSK_TIME_PROBE0`).
    WindowProbe,
    /// To probe whether the last packets were lost (`ICSK_TIME_LOSS_PROBE`).
    LossProbe,
    /// For packets that may only have been overtaken (`ICSK_TIME_REO_TIMEOUT`).
    Reordering,
    /// For something that is not known here.
    Other(u8),
}

impl Timer {
    /// What a value of `icsk_pending` means (net/inet_connection_sock.h).
    pub fn from_kernel(pending: u8) -> Timer {
        match pending {
            0 => Timer::None,
            1 => Timer::Retransmit,
            3 => Timer::WindowProbe,
            5 => Timer::LossProbe,
            6 => Timer::Reordering,
            other => Timer::Other(other),
        }
    }
}

impl TcpInfo {
    /// Decodes the value of `INET_DIAG_INFO`, of any length. Offsets are those of `struct tcp_info`
    /// (linux/tcp.h), which only ever grows at its end.
    pub(crate) fn from_bytes(value: &[u8]) -> TcpInfo {
        let byte = |at: usize| value.get(at).copied();
        let word = |at: usize| Some(u32::from_ne_bytes(value.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_ne_bytes(value.get(at..at + 8)?.try_into().ok()?));
        let milliseconds = |at: usize| Some(Duration::from_millis(word(at)?.into()));
        TcpInfo {
            rcv_ooopack: word(224),
            ooo_span: None,
            bytes_received: long(128),
            bytes_acked: long(120),
            notsent_bytes: word(144),
            last_data_recv: milliseconds(52),
            last_data_sent: milliseconds(44),
            snd_wnd: word(228),
            rcv_wnd: word(232),
            rwnd_limited: long(176).map(Duration::from_micros),
            retransmits: byte(2),
            backoff: byte(4),
            probes: byte(3),
            pending: None,
        }
    }
}
