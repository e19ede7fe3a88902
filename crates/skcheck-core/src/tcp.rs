//! What `tcp_info` adds to a TCP socket's record.

/// The parts of `struct tcp_info` (`tcp_get_info`) that skcheck uses. A field that the kernel is
/// too old to send is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// How many packets have ever arrived out of order (`tcpi_rcv_ooopack`, since Linux 5.4): a
    /// count since the connection began. 0 proves that the out-of-order queue is empty.
    pub rcv_ooopack: Option<u32>,
}

impl TcpInfo {
    /// Offset of `tcpi_rcv_ooopack` in `struct tcp_info`; the structure only ever grows at its end.
    const RCV_OOOPACK: usize = 224;

    /// Decodes the value of `INET_DIAG_INFO`, of any length.
    pub fn from_bytes(value: &[u8]) -> TcpInfo {
        let bytes = value.get(Self::RCV_OOOPACK..Self::RCV_OOOPACK + 4);
        TcpInfo { rcv_ooopack: bytes.and_then(|b| b.try_into().ok()).map(u32::from_ne_bytes) }
    }
}
