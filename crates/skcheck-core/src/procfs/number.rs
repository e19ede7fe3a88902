//! Numbers and words as /proc spells them.

/// A decimal number, as /proc spells process ids, descriptors and inodes.
pub(crate) fn parse_number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number.checked_mul(10)?.checked_add(u32::from(digit)))?
    })
}

/// A decimal number of 64 bits.
pub(super) fn decimal(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A number in hexadecimal, without a prefix.
pub(super) fn hexadecimal(word: &[u8]) -> Option<u64> {
    // from_str_radix takes a sign.
    let first = word.first()?;
    if !first.is_ascii_hexdigit() {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
}

/// What lies between white space.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// What follows this name at the beginning of a line, without the blanks around it; of the first such line.
pub(super) fn value<'f>(file: &'f [u8], name: &[u8]) -> Option<&'f [u8]> {
    let mut lines = file.split(|&b| b == b'\n');
    lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
}
