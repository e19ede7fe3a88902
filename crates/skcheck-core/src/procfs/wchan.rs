//! /proc/PID/wchan and /proc/PID/task/TID/wchan.

/// The kernel function in it; `None` for `0`: it does not sleep, or the reader may not know (`proc_pid_wchan`
/// says the same of both).
pub fn wchan(file: &[u8]) -> Option<Vec<u8>> {
    let name = file.trim_ascii();
    (!name.is_empty() && name != b"0").then(|| name.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_to_sleep_in() {
        assert_eq!(wchan(b"ep_poll"), Some(b"ep_poll".to_vec()));
        assert_eq!([wchan(b"0"), wchan(b""), wchan(b"0\n")], [None, None, None]);
    }
}
