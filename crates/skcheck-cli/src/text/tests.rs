use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::escape::is_deceptive;
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

#[test]
fn durations_in_and_out() {
    let check = |text: &str, milliseconds: u64| {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    };
    check("500ms", 500);
    check("0s", 0);
    check("5s", 5000);
    check("1m", 60_000);
    check("2h", 7_200_000);
    for text in ["", "s", "5", "1.5s", "-1s", "5 s", "5d", "99999999999999999999s", "18446744073709551615h"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
    let shown = |microseconds| duration(Duration::from_micros(microseconds));
    let expected = ["0 ms", "0.9 ms", "1 ms", "9.9 ms", "10 ms", "999 ms", "1 s", "1.5 s", "3600 s"];
    let times = [7, 999, 1000, 9999, 10_999, 999_999, 1_000_000, 1_599_999, 3_600_000_000];
    assert_eq!(times.map(shown), expected);
}

#[test]
fn digits_in_groups() {
    assert_eq!([0, 999, 1000, 40_000, 1_234_567].map(grouped), ["0", "999", "1000", "40,000", "1,234,567"]);
}

#[test]
fn shares_and_remainders() {
    assert_eq!(percent(195, 1000), "19.5 %");
    assert_eq!(percent(0, 1000), "0.0 %");
    assert_eq!(percent(1, u64::MAX), "<0.1 %");
    assert_eq!(percent(u64::MAX, u64::MAX), "100 %");
    assert_eq!(percent(3, 2), "150 %");
    assert_eq!(percent(1, 0), "?");
    assert_eq!(signed_size(-(12 << 20)), "-12 MiB");
    assert_eq!(signed_size(1536), "1.5 KiB");
    assert_eq!(signed_size(i64::MIN), "-8 EiB");
}

#[test]
fn spans_have_two_units_at_most() {
    let check = |milliseconds: u64, text: &str| assert_eq!(span(Duration::from_millis(milliseconds)), text);
    check(400, "400 ms");
    check(5_003, "5 s");
    check(1_500, "1.5 s");
    check(41_900, "41 s");
    check(60_000, "1 min");
    check(303_000, "5 min 3 s");
    check(7_500_000, "2 h 5 min");
    check(273_600_000, "3 d 4 h");
    let check = |milliseconds: u64, text: &str| {
        assert_eq!(span(about(Duration::from_millis(milliseconds))), text);
    };
    check(998, "1 s");
    check(1_040, "1 s");
    check(289, "300 ms");
    check(4_960, "5 s");
}
