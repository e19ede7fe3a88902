//! Numbers and bytes in a row, as questions and answers consist of. Reading is total: whatever the bytes are,
//! it ends and does not panic.

/// Puts numbers and bytes in a row.
#[derive(Debug, Default)]
pub struct Words(Vec<u8>);

impl Words {
    /// Begins with a kind of question or answer.
    pub fn of(kind: u8) -> Words {
        Words(vec![kind])
    }

    /// Adds a byte.
    #[must_use]
    pub fn byte(mut self, byte: u8) -> Words {
        self.0.push(byte);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Words {
        self.0.extend(number.to_ne_bytes());
        self
    }

    /// Adds bytes, with their length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Words {
        self.push_bytes(bytes);
        self
    }

    /// The same, in place.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        self.0.extend((bytes.len() as u64).to_ne_bytes());
        self.0.extend(bytes);
    }

    /// Takes everything away, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

/// Reads what [`Words`] has put in a row. `None` where it does not go on like that.
#[derive(Debug, Clone, Copy)]
pub struct WordReader<'a>(&'a [u8]);

impl<'a> WordReader<'a> {
    /// Reads from the beginning.
    pub fn of(bytes: &'a [u8]) -> WordReader<'a> {
        WordReader(bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next number.
    pub fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*first))
    }

    /// The next number, where it is one of 32 bits.
    pub fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// The next bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    /// Whether that was all.
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// All that has not been read.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out() {
        let words = Words::of(7).number(u64::MAX).bytes(b"ab").bytes(b"").byte(9);
        let mut reading = WordReader::of(words.as_slice());
        assert_eq!((reading.byte(), reading.number()), (Some(7), Some(u64::MAX)));
        assert_eq!((reading.bytes(), reading.bytes()), (Some(&b"ab"[..]), Some(&b""[..])));
        assert!(!reading.is_at_end());
        assert_eq!((reading.byte(), reading.byte(), reading.number()), (Some(9), None, None));
    }

    #[test]
    fn a_length_that_is_a_lie_is_no_bytes() {
        let words = Words::default().number(u64::MAX).byte(1);
        assert_eq!(WordReader::of(words.as_slice()).bytes(), None);
        assert_eq!(WordReader::of(words.as_slice()).small(), None);
        for end in 0..words.len() {
            assert_eq!(words.as_slice().get(..end).and_then(|part| WordReader::of(part).bytes()), None);
        }
    }
}
