//! Times in and out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The duration that `500ms`, `5s`, `1m` or `1h` names.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let allowed = || "not a time: write 500ms, 5s, 1m or 1h".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| allowed())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(allowed()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(allowed)
}

/// A duration in the unit that suits it: `1.3 ms`, `500 ms`, `5 s`, `1.5 s`.
pub(crate) fn duration(time: Duration) -> String {
    let microseconds = time.as_micros();
    let (whole, tenths, unit) = match microseconds {
        0..10_000 => (microseconds / 1000, microseconds / 100 % 10, "ms"),
        10_000..1_000_000 => (microseconds / 1000, 0, "ms"),
        _ => (microseconds / 1_000_000, microseconds / 100_000 % 10, "s"),
    };
    if tenths == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenths} {unit}") }
}

/// The same to the nearest tenth of a second: what a window of a second is off by tells nobody anything.
pub(crate) fn about(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from((time.as_millis() + 50) / 100 * 100).unwrap_or(u64::MAX))
}

/// How long something has lasted, in at most two units and never too long: `400 ms`, `5 s`, `1.5 s`, `41 s`,
/// `5 min 3 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn span(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_secs();
    let (large, large_unit, small, small_unit) = match seconds {
        0..10 => return duration(time),
        10..MINUTE => return format!("{seconds} s"),
        MINUTE..HOUR => (seconds / MINUTE, "min", seconds % MINUTE, "s"),
        HOUR..DAY => (seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        _ => (seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    };
    match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    }
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
