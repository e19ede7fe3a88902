//! What the kernel tells of MPTCP: which TCP sockets carry which connection.

use crate::socket::Socket;
use crate::units::Payload;

/// Of an MPTCP socket what it is made of; of a TCP socket, that it is part of one.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Mptcp {
    /// The connection's token, the same for the MPTCP socket (`mptcpi_token`) and for each of its subflows
    /// (`MPTCP_SUBFLOW_ATTR_TOKEN_LOC`), and unique on the host. A listener has none.
    pub token: Option<u32>,
    /// MPTCP: bytes written that the peer has not acknowledged (`mptcpi_write_seq` less `mptcpi_snd_una`,
    /// since Linux 5.9).
    pub unsent: Option<Payload>,
    /// MPTCP: the first byte that the peer has not acknowledged (`mptcpi_snd_una`, since Linux 5.9): a
    /// sequence number that begins anywhere. How far it moves is what the peer took, in bytes.
    pub snd_una: Option<u64>,
    /// MPTCP: the TCP sockets that carry it, each with queues of its own. What has come through them and lies
    /// in the MPTCP socket's queue is charged there; what they send is charged to both.
    pub subflows: Vec<Socket>,
}
