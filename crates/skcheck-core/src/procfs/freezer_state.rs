//! A cgroup's `freezer.state`, of version 1.

/// Whether the cgroup, or one above it, is frozen. One that is about to be, `FREEZING`, counts: each of its
/// threads stops where it would next run outside of the kernel.
pub fn frozen(state: &[u8]) -> Option<bool> {
    match state.trim_ascii() {
        b"FROZEN" | b"FREEZING" => Some(true),
        b"THAWED" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freezing() {
        for (file, expected) in
            [("FROZEN\n", Some(true)), ("FREEZING\n", Some(true)), ("THAWED\n", Some(false)), ("", None)]
        {
            assert_eq!(frozen(file.as_bytes()), expected, "{file}");
        }
    }
}
