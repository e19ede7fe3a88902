//! /sys/kernel/security/lockdown.

/// Whether the level in force, the one in brackets among all that it lists, is `confidentiality`.
pub(crate) fn is_confidential(file: &[u8]) -> bool {
    file.split(u8::is_ascii_whitespace).any(|word| word == b"[confidentiality]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_in_force() {
        assert!(is_confidential(b"none integrity [confidentiality]\n"));
        assert!(!is_confidential(b"none [integrity] confidentiality\n"));
        assert!(!is_confidential(b"[none] integrity confidentiality\n"));
        assert!(!is_confidential(b""));
    }
}
