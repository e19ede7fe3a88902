//! Numbers as /proc spells them.

/// A decimal number, as /proc spells process ids, descriptors and inodes.
pub fn parse_number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number.checked_mul(10)?.checked_add(u32::from(digit)))?
    })
}
