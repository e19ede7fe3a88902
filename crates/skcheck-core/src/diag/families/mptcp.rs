//! What inet_diag tells of MPTCP besides what it tells of every IP socket: `struct mptcp_info` of
//! linux/mptcp.h, and of each subflow `INET_DIAG_ULP_INFO` (linux/inet_diag.h).

use crate::diag::attributes::{attributes, decoded, u32_at, u64_at};
use crate::model::socket::Mptcp;
use crate::model::units::Payload;

const INET_ULP_INFO_NAME: u16 = 1;
const INET_ULP_INFO_MPTCP: u16 = 3;
const MPTCP_SUBFLOW_ATTR_TOKEN_LOC: u16 = 2;

/// Of an MPTCP socket. Older kernels send less.
pub(super) fn of_info(info: &[u8]) -> Mptcp {
    const TOKEN: usize = 12;
    const WRITE_SEQ: usize = 16;
    const SND_UNA: usize = 24;
    let snd_una = u64_at(info, SND_UNA);
    let written = u64_at(info, WRITE_SEQ).zip(snd_una);
    Mptcp {
        // A listener and a connection that fell back to TCP before it was one have none.
        token: u32_at(info, TOKEN).filter(|token| *token != 0),
        // Not read at one moment: what is acknowledged can be ahead.
        unsent: written.map(|(write_seq, snd_una)| {
            let unsent = write_seq.wrapping_sub(snd_una).cast_signed();
            Payload(unsent.max(0).cast_unsigned())
        }),
        snd_una,
        subflows: Vec::new(),
    }
}

/// Of a TCP socket, if that is a subflow: there are other upper layer protocols.
pub(super) fn of_ulp(ulp: &[u8], bad_attributes: &mut u64) -> Option<Mptcp> {
    let mut is_mptcp = false;
    let mut token = None;
    let (mut bad_within, mut cut) = (0, 0);
    for (kind, value) in attributes(ulp, bad_attributes) {
        match kind {
            INET_ULP_INFO_NAME => is_mptcp = value.strip_suffix(b"\0").unwrap_or(value) == b"mptcp",
            INET_ULP_INFO_MPTCP => {
                let is_token = |(kind, _): &(u16, &[u8])| *kind == MPTCP_SUBFLOW_ATTR_TOKEN_LOC;
                let found = attributes(value, &mut bad_within).find(is_token);
                let number = found.and_then(|(_, value)| decoded(u32_at(value, 0), &mut cut));
                token = number.filter(|token| *token != 0);
            }
            _ => {}
        }
    }
    *bad_attributes += bad_within + cut;
    is_mptcp.then(|| Mptcp { token, ..Mptcp::default() })
}
