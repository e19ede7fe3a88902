//! Numbers and attributes in the kernel's answers. Total: whatever the bytes are, what can be read is.

use netlink_packet_core::NlasIterator;

use crate::model::socket::Cookie;

/// The attributes behind a header, each with its kind and value. At the first that cannot be read the rest
/// is given up, and counted as one.
pub(super) fn attributes<'a>(bytes: &'a [u8], bad: &mut u64) -> impl Iterator<Item = (u16, &'a [u8])> {
    NlasIterator::new(bytes).map_while(move |attribute| match attribute {
        Ok(attribute) => Some((attribute.kind(), value(attribute.into_inner()))),
        Err(_) => {
            *bad += 1;
            None
        }
    })
}

/// The value of an attribute that has been checked: what its length says, less the header.
fn value(attribute: &[u8]) -> &[u8] {
    let length = attribute.first_chunk().map_or(0, |b| usize::from(u16::from_ne_bytes(*b)));
    attribute.get(4..length).unwrap_or_default()
}

/// What was decoded; where an attribute has no room for what it is to have, that is counted.
pub(super) fn decoded<T>(value: Option<T>, bad: &mut u64) -> Option<T> {
    *bad += u64::from(value.is_none());
    value
}

/// The kernel stores the low half first (`sock_diag_save_cookie`).
pub(super) fn cookie(bytes: &[u8]) -> Option<Cookie> {
    Some(Cookie(u64::from(u32_at(bytes, 4)?) << 32 | u64::from(u32_at(bytes, 0)?)))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}
