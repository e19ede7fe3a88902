//! /proc/sys/kernel/osrelease.

/// Whether a kernel's release (`uname -r`, /proc/sys/kernel/osrelease) is this version or newer.
pub fn is_release_at_least(release: &[u8], version: (u32, u32)) -> bool {
    let release = String::from_utf8_lossy(release);
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= version,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        let all = [
            ("6.8.0", true),
            ("6.18.44-fc\n", true),
            ("7.0", true),
            ("6.1.0-44-cloud", false),
            ("5.17", false),
            ("", false),
            ("6", false),
            ("six.eight", false),
        ];
        for (release, expected) in all {
            assert_eq!(is_release_at_least(release.as_bytes(), (6, 8)), expected, "{release}");
        }
    }
}
