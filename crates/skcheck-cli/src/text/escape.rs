//! Names that others chose, made safe.

use std::fmt::Write as _;

use crate::text::charset::Charset;

/// A name that somebody else chose, made safe for a terminal: what is not printable, what changes
/// the direction of text or has no width of its own, and what is not UTF-8 becomes a visible
/// escape. A backslash is doubled, so that no two names look the same.
pub(crate) fn escape(name: &[u8], charset: Charset) -> String {
    let mut safe = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => safe.push_str("\\\\"),
                ' '..='~' => safe.push(c),
                '\0'..='\x1f' | '\x7f' => _ = write!(safe, "\\x{:02x}", u32::from(c)),
                _ if charset == Charset::Ascii || is_deceptive(c) => {
                    _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
                }
                _ => safe.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    safe
}

/// Whether a character outside ASCII can hurt a terminal or deceive who reads it: C1 controls, all
/// of Unicode's format characters (bidi marks, zero-width ones, tags), line and paragraph
/// separators, blanks other than the space, private use.
pub(super) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// Bytes in hexadecimal, two digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
