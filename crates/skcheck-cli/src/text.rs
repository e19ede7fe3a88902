//! Text in and out: sizes, hostile names, the time of day.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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

/// A moment in UTC as RFC 3339 spells it, with milliseconds. A clock before 1970 counts as 1970.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// Year, month and day of the day that is so many days after 1970-01-01, in the Gregorian calendar.
fn civil_date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    // 400 years are 146,097 days, whatever year they begin with.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_that_are_read() {
        let check = |text: &str, bytes: u64| assert_eq!(parse_size(text), Ok(bytes), "{text}");
        check("0", 0);
        check("4096", 4096);
        check("17B", 17);
        check("64K", 65_536);
        check("64k", 65_536);
        check("1M", 1_048_576);
        check("1.5G", 1_610_612_736);
        check("1MB", 1_000_000);
        check("1.5kB", 1500);
        check("1MiB", 1_048_576);
        check("2T", 2 << 40);
        check("0.1K", 103);
        check("1.50M", 1_572_864);
        check("18446744073709551615", u64::MAX);
        check("16383P", 16383 << 50);
    }

    #[test]
    fn sizes_that_are_refused() {
        for text in
            ["", "M", "-1", "+1", "1X", "1 M", ".5M", "1.M", "1..5M", "1.5.5", "1e3", "0x10", "1MBB", "１"]
        {
            let refusal = parse_size(text).unwrap_err();
            assert!(refusal.contains("powers of 1024"), "{text}: {refusal}");
        }
        for text in ["18446744073709551616", "16384P", "99999999999999999999999P"] {
            assert!(parse_size(text).unwrap_err().contains("too large"), "{text}");
        }
    }

    #[test]
    fn sizes_that_are_written() {
        let check = |bytes: u64, text: &str| assert_eq!(size(bytes), text);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1 KiB");
        check(1025, "1.0 KiB");
        check(1536, "1.5 KiB");
        check(65_536, "64 KiB");
        check(65_537, "64.0 KiB");
        check(102_348, "99.9 KiB");
        check(102_399, "100 KiB");
        check(1023 * 1024 + 511, "1023 KiB");
        check(1024 * 1024 - 1, "1.0 MiB");
        check(1 << 20, "1 MiB");
        check(6_549_825_126, "6.1 GiB");
        check(u64::MAX, "16.0 EiB");
    }

    #[test]
    fn names_that_would_hurt() {
        let check = |name: &[u8], safe: &str| assert_eq!(escape(name, Charset::Utf8), safe);
        check(b"nginx", "nginx");
        check(b"a\x1b[31mb", "a\\x1b[31mb");
        check(b"a\nb\tc\x7f\0", "a\\x0ab\\x09c\\x7f\\x00");
        check(b"\xff\xfe/x", "\\xff\\xfe/x");
        check(b"\xc2\x9b31m", "\\u{9b}31m");
        check("\u{202e}txt.exe\u{2066}".as_bytes(), "\\u{202e}txt.exe\\u{2066}");
        check("a\u{200b}b\u{feff}\u{61c}".as_bytes(), "a\\u{200b}b\\u{feff}\\u{61c}");
        check("\u{2028}\u{2029}\u{a0}".as_bytes(), "\\u{2028}\\u{2029}\\u{a0}");
        check(b"a\\x1b", "a\\\\x1b");
        check("grüße-日本".as_bytes(), "grüße-日本");
        assert_eq!(escape("grüße".as_bytes(), Charset::Ascii), "gr\\u{fc}\\u{df}e");
    }

    #[test]
    fn texts_that_are_cut() {
        assert_eq!(fit("abcdef", 6, Charset::Utf8), "abcdef");
        assert_eq!(fit("abcdef", 5, Charset::Utf8), "abcd…");
        assert_eq!(fit("abcdef", 5, Charset::Ascii), "abc..");
        assert_eq!(fit("日本語", 4, Charset::Utf8), "日…");
        assert_eq!(fit("abcdef", 1, Charset::Ascii), ".");
    }

    #[test]
    fn moments_that_are_written() {
        let check = |seconds: u64, text: &str| {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        };
        // date -u -d @N +%FT%T
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(1_709_251_199, "2024-02-29T23:59:59.000Z");
        check(4_107_542_399, "2100-02-28T23:59:59.000Z");
        check(4_107_542_400, "2100-03-01T00:00:00.000Z");
        check(253_402_300_799, "9999-12-31T23:59:59.000Z");
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn any_name_is_safe_and_unlike_any_other(a: Vec<u8>, b: Vec<u8>) {
            for charset in [Charset::Utf8, Charset::Ascii] {
                let safe = escape(&a, charset);
                prop_assert!(!safe.chars().any(|c| c.is_control() || !c.is_ascii() && is_deceptive(c)));
                prop_assert!(charset == Charset::Utf8 || safe.is_ascii());
                prop_assert_eq!(a == b, safe == escape(&b, charset));
            }
        }

        #[test]
        fn any_text_is_cut_to_its_room(text: String, columns in 0usize..40) {
            let safe = escape(text.as_bytes(), Charset::Utf8);
            prop_assert!(width(&fit(&safe, columns, Charset::Utf8)) <= columns);
        }

        #[test]
        fn any_size_is_written_close_and_short(bytes: u64) {
            let text = size(bytes);
            prop_assert!(text.len() <= 8, "{}", text);
            let read = parse_size(&text.replace(' ', ""));
            // 16.0 EiB has no u64; every other text reads back within half of its last digit.
            if let Ok(read) = read {
                prop_assert!(read.abs_diff(bytes) <= bytes / 15, "{} {}", text, bytes);
            }
        }

        #[test]
        fn no_text_makes_the_size_parser_panic(text: String) {
            let _ = parse_size(&text);
        }
    }
}
