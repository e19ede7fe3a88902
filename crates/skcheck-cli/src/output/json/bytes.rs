//! Names that others chose: bytes in JSON.

use crate::text::hex;

/// The name as text, U+FFFD for what is none.
pub(super) fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The bytes, where the text does not tell them.
pub(super) fn hex_unless_utf8(name: &[u8]) -> Option<String> {
    std::str::from_utf8(name).is_err().then(|| hex(name))
}
