//! What `tcp_info` adds to a TCP socket's record.

use std::time::Duration;

/// The parts of `struct tcp_info` (`tcp_get_info`) that skcheck uses. A field that the kernel is
/// too old to send is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// How many packets have ever arrived out of order (`tcpi_rcv_ooopack`, since Linux 5.4): a
    /// count since the connection began. 0 proves that the out-of-order queue is empty.
    pub rcv_ooopack: Option<u32>,
    /// Sequence numbers that arrived in order since the connection began, a FIN's included
    /// (`tcpi_bytes_received`, since Linux 4.1), in bytes. Less Recv-Q it is what the application consumed.
    pub bytes_received: Option<u64>,
    /// Bytes that the peer has acknowledged (`tcpi_bytes_acked`, since Linux 4.1).
    pub bytes_acked: Option<u64>,
    /// Bytes that were not sent yet (`tcpi_notsent_bytes`, since Linux 4.6).
    pub notsent_bytes: Option<u32>,
    /// How long ago data last arrived (`tcpi_last_data_recv`, milliseconds in the kernel).
    pub last_data_recv: Option<Duration>,
    /// How long ago data was last sent (`tcpi_last_data_sent`).
    pub last_data_sent: Option<Duration>,
    /// The peer's receive window as it last told it (`tcpi_snd_wnd`, since Linux 5.4), in bytes.
    pub snd_wnd: Option<u32>,
    /// How long sending was held up by the peer's window, since the connection began
    /// (`tcpi_rwnd_limited`, since Linux 4.10, microseconds in the kernel).
    pub rwnd_limited: Option<Duration>,
}

impl TcpInfo {
    /// Decodes the value of `INET_DIAG_INFO`, of any length. Offsets are those of `struct tcp_info`
    /// (linux/tcp.h), which only ever grows at its end.
    pub fn from_bytes(value: &[u8]) -> TcpInfo {
        let word = |at: usize| Some(u32::from_ne_bytes(value.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_ne_bytes(value.get(at..at + 8)?.try_into().ok()?));
        let milliseconds = |at: usize| Some(Duration::from_millis(word(at)?.into()));
        TcpInfo {
            rcv_ooopack: word(224),
            bytes_received: long(128),
            bytes_acked: long(120),
            notsent_bytes: word(144),
            last_data_recv: milliseconds(52),
            last_data_sent: milliseconds(44),
            snd_wnd: word(228),
            rwnd_limited: long(176).map(Duration::from_micros),
        }
    }
}
