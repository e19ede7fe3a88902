//! /proc/sys/kernel/osrelease.

/// The version that a kernel's release begins with: an older one is less than a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    major: u32,
    minor: u32,
}

impl Release {
    /// This version, such as 6 and 8.
    pub const fn new(major: u32, minor: u32) -> Release {
        Release { major, minor }
    }

    /// That of a release as the kernel tells it (`uname -r`, /proc/sys/kernel/osrelease); `None` where it does not
    /// begin with two numbers.
    pub fn of(release: &[u8]) -> Option<Release> {
        let release = String::from_utf8_lossy(release);
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Release { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
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
            assert_eq!(Release::of(release.as_bytes()) >= Some(Release::new(6, 8)), expected, "{release}");
        }
    }
}
