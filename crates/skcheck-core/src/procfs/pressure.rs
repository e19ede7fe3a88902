//! A cgroup's `memory.pressure` (`psi_show`).

/// Pressure stall information: the share of the last 10, 60 and 300 seconds in which tasks waited for
/// memory, in hundredths of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pressure {
    /// At least one task waited.
    pub some: [u32; 3],
    /// All tasks waited at the same time.
    pub full: [u32; 3],
}

impl Pressure {
    /// Parses a pressure file.
    pub(crate) fn parse(file: &[u8]) -> Option<Pressure> {
        let text = std::str::from_utf8(file).ok()?;
        let shares = |who: &str| {
            let mut words = text.lines().find(|line| line.split(' ').next() == Some(who))?.split(' ').skip(1);
            let mut share = |name: &str| hundredths(words.next()?.strip_prefix(name)?);
            Some([share("avg10=")?, share("avg60=")?, share("avg300=")?])
        };
        Some(Pressure { some: shares("some")?, full: shares("full")? })
    }
}

/// `12.34` as 1234.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.')?;
    let (whole, rest): (u32, u32) = (whole.parse().ok()?, (rest.len() == 2).then(|| rest.parse().ok())??);
    whole.checked_mul(100)?.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure() {
        let all: [(&str, Option<Pressure>); 6] = [
            (
                "some avg10=1.23 avg60=0.04 avg300=100.00 total=5\nfull avg10=0.00 avg60=0.10 avg300=9.99 total=0\n",
                Some(Pressure { some: [123, 4, 10_000], full: [0, 10, 999] }),
            ),
            ("some avg10=1.23 avg60=0.04 avg300=100.00 total=5\n", None),
            ("some avg10=1.2 avg60=0.04 avg300=0.00\nfull avg10=0.00 avg60=0.00 avg300=0.00\n", None),
            (
                "some avg10=99999999999.00 avg60=0.04 avg300=0.00\nfull avg10=0.00 avg60=0.00 avg300=0.00\n",
                None,
            ),
            ("some\nfull\n", None),
            ("", None),
        ];
        for (file, expected) in all {
            assert_eq!(Pressure::parse(file.as_bytes()), expected, "{file}");
        }
    }
}
