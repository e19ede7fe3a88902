//! Files of one number, and files with a name and a number a line, as a cgroup has them.

/// The number behind a name: of memory.stat, memory.events, cpu.stat and the like.
pub(crate) fn counter(file: &[u8], name: &str) -> Option<u64> {
    let lines = file.split(|&byte| byte == b'\n');
    let value = lines.filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b" ")).next()?;
    number(value)
}

/// A file that is one number.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters() {
        let file = b"anon 1\nanon_thp 2\n\xff 3\nhuge 99999999999999999999\nlow -1\nhigh\nmax 4";
        let all = [
            ("anon", Some(1)),
            ("anon_thp", Some(2)),
            ("thp", None),
            ("huge", None),
            ("low", None),
            ("high", None),
            ("max", Some(4)),
        ];
        for (name, expected) in all {
            assert_eq!(counter(file, name), expected, "{name}");
        }
        assert_eq!((number(b" 7\n"), number(b"max\n"), number(b"")), (Some(7), None, None));
    }
}
