//! Text in and out: sizes, hostile names, the time of day.

mod time;

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) use crate::text::time::{about, duration, parse_duration, rfc3339, span};

/// Units of a SIZE: their names in lower case, and their bytes.
const UNITS: [(&[&str], u64); 11] = [
    (&["", "b"], 1),
    (&["k", "kib"], 1 << 10),
    (&["m", "mib"], 1 << 20),
    (&["g", "gib"], 1 << 30),
    (&["t", "tib"], 1 << 40),
    (&["p", "pib"], 1 << 50),
    (&["kb"], 1_000),
    (&["mb"], 1_000_000),
    (&["gb"], 1_000_000_000),
    (&["tb"], 1_000_000_000_000),
    (&["pb"], 1_000_000_000_000_000),
];

/// More digits behind the point than this cannot matter to a number of bytes.
const MAX_DECIMALS: usize = 18;

/// The bytes that a SIZE names: `4096`, `64K`, `1.5G` (powers of 1024), `1MB` (powers of 1000),
/// `1MiB`. A fraction of a byte is rounded up, because sizes mean "at least".
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let allowed = || "not a size: write 4096, 64K, 1.5G (powers of 1024), 1MiB, or 1MB (powers of 1000)";
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_lowercase();
    let factor = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())).map(|(_, factor)| *factor);
    let (whole, decimals) = match number.split_once('.') {
        Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
        Some(_) => return Err(allowed().to_owned()),
        None => (number, ""),
    };
    let (Some(factor), false) = (factor, whole.is_empty() || decimals.contains('.')) else {
        return Err(allowed().to_owned());
    };
    let too_large = || "too large: a size is less than 16384P".to_owned();
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > MAX_DECIMALS {
        return Err(format!("too many digits behind the point: at most {MAX_DECIMALS}"));
    }
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let fraction: u128 = if decimals.is_empty() { 0 } else { decimals.parse().map_err(|_| too_large())? };
    let scale = 10u128.pow(u32::try_from(decimals.len()).unwrap_or(0));
    let bytes = u128::from(whole) * u128::from(factor) + (fraction * u128::from(factor)).div_ceil(scale);
    u64::try_from(bytes).map_err(|_| too_large())
}

/// A size in IEC units, with three or four digits: `17 B`, `1.5 MiB`, `64 KiB`, `1023 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    const NAMES: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    for (name, shift) in NAMES.iter().zip((10..).step_by(10)) {
        let unit = 1u128 << shift;
        let rounded = |parts: u128| (u128::from(bytes) * parts + unit / 2) / unit;
        if u128::from(bytes) % unit == 0 && rounded(1) < 1024 {
            return format!("{} {name}", rounded(1));
        }
        if rounded(10) < 1000 {
            return format!("{}.{} {name}", rounded(10) / 10, rounded(10) % 10);
        }
        if rounded(1) < 1024 {
            return format!("{} {name}", rounded(1));
        }
    }
    format!("{bytes} B")
}

/// A remainder in the same units, with its sign: `-12 MiB`.
pub(crate) fn signed_size(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", size(bytes.unsigned_abs()))
}

/// A share with one decimal: `19.5 %`, `<0.1 %`, `100 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let (part, whole) = (u128::from(part), u128::from(whole));
    match (part * 1000 + whole / 2).checked_div(whole) {
        None => "?".to_owned(),
        Some(0) if part > 0 => "<0.1 %".to_owned(),
        Some(tenths) if tenths >= 1000 => format!("{} %", tenths / 10),
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// The same with a capital letter in front.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A number of five digits or more with its digits in groups of three: `40,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How to write for a terminal or a file whose encoding may be ASCII only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Everything that is printable.
    Utf8,
    /// ASCII only.
    Ascii,
}

impl Charset {
    /// "At least" in front of a number.
    pub(crate) fn at_least(self) -> &'static str {
        match self {
            Charset::Utf8 => "≥",
            Charset::Ascii => ">=",
        }
    }

    /// "About" in front of a number.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Charset::Utf8 => "≈",
            Charset::Ascii => "~=",
        }
    }

    /// "At most" in front of a number.
    pub(crate) fn at_most(self) -> &'static str {
        match self {
            Charset::Utf8 => "≤",
            Charset::Ascii => "<=",
        }
    }

    /// What stands for text that was cut off.
    pub(crate) fn ellipsis(self) -> &'static str {
        match self {
            Charset::Utf8 => "…",
            Charset::Ascii => "..",
        }
    }
}

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
fn is_deceptive(c: char) -> bool {
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

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to so many columns; what was cut off leaves a mark.
pub(crate) fn fit(text: &str, columns: usize, charset: Charset) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = charset.ellipsis();
    if columns <= width(mark) {
        return ".".repeat(columns);
    }
    let mut room = columns - width(mark);
    let mut cut = String::new();
    for c in text.chars() {
        let needed = c.width().unwrap_or(0);
        if needed > room {
            break;
        }
        room -= needed;
        cut.push(c);
    }
    cut + mark
}

/// Bytes in hexadecimal, two digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;

/// How many processes a sentence names.
const MOST_NAMES: usize = 3;

/// `a, b and c`; `a, b, c and 2 more`.
pub(crate) fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
