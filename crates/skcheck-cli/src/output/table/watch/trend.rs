//! How the whole goes, in one line.

use std::time::Duration;

use skcheck_core::Bytes;
use skcheck_core::watch::{Growth, Trend};

use crate::text::{count, size, span};

/// `unread 2.9 MiB (+12 KiB/s), charged 4.1 MiB (steady), TCP memory 12 MiB (+1 MiB/s)
/// and at its pressure line in 5 min`.
pub(super) fn words(trend: &Trend) -> String {
    let mut parts = vec![unread(trend), part("charged", trend.charged)];
    if let Some(tcp) = trend.tcp_memory {
        let pressure = trend.until_pressure.map(pressure).unwrap_or_default();
        parts.push(format!("{}{pressure}", part("TCP memory", tcp)));
    }
    parts.extend(trend.unaccounted.map(|change| part("nobody's memory", change)));
    parts.join(", ")
}

/// What is unread, where that is known, and where it is not.
fn unread(trend: &Trend) -> String {
    let known = part("unread", trend.unread);
    match (trend.unread.now, trend.unread_unknown) {
        (_, 0) => known,
        (Bytes(0), n) => format!("unread an unknown amount at {}", count(n, "socket")),
        (_, n) => format!("{known} and an unknown amount at {}", count(n, "socket")),
    }
}

/// The line from which on the kernel holds back.
fn pressure(until: Duration) -> String {
    match until {
        Duration::ZERO => " above its pressure line".to_owned(),
        until => format!(" and at its pressure line in {}", span(until)),
    }
}

fn part(what: &str, Growth { now: Bytes(now), per_second, .. }: Growth) -> String {
    format!("{what} {} ({})", size(now), rate(per_second))
}

fn rate(per_second: f64) -> String {
    let sign = if per_second < 0.0 { '-' } else { '+' };
    match whole(per_second.abs()) {
        0 => "steady".to_owned(),
        bytes => format!("{sign}{}/s", size(bytes)),
    }
}

/// The nearest whole number; what is none is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(now: u64, per_second: f64) -> Growth {
        let mut change = Growth::default();
        (change.now, change.per_second) = (Bytes(now), per_second);
        change
    }

    #[test]
    fn says_how_each_changes() {
        let mut trend = Trend::default();
        trend.unread = change(3 << 20, 12_288.0);
        trend.charged = change(4 << 20, -0.3);
        let told = "unread 3 MiB (+12 KiB/s), charged 4 MiB (steady)";
        assert_eq!(words(&trend), told);
        trend.tcp_memory = Some(change(12 << 20, 1_048_576.0));
        trend.until_pressure = Some(Duration::from_secs(300));
        assert!(words(&trend).ends_with("TCP memory 12 MiB (+1 MiB/s) and at its pressure line in 5 min"));
        trend.tcp_memory = Some(change(12 << 20, -1024.0));
        trend.until_pressure = Some(Duration::ZERO);
        assert!(words(&trend).ends_with("TCP memory 12 MiB (-1 KiB/s) above its pressure line"));
        trend.until_pressure = None;
        assert!(words(&trend).ends_with("TCP memory 12 MiB (-1 KiB/s)"));
    }

    /// What is not known is no zero.
    #[test]
    fn says_where_it_is_not_known() {
        let mut trend = Trend::default();
        trend.unread_unknown = 2;
        assert!(words(&trend).starts_with("unread an unknown amount at 2 sockets, charged 0 B"));
        trend.unread = change(1024, 0.0);
        let told = "unread 1 KiB (steady) and an unknown amount at 2 sockets, charged";
        assert!(words(&trend).starts_with(told));
    }

    #[test]
    fn no_number_is_too_strange() {
        assert_eq!([whole(f64::NAN), whole(1e300), whole(0.5)], [0, u64::MAX, 1]);
    }
}
