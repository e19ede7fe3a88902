//! /proc/PID/cmdline.

/// The arguments in it: each ends with a NUL.
pub fn cmdline(file: &[u8]) -> Vec<Vec<u8>> {
    let file = file.strip_suffix(b"\0").unwrap_or(file);
    if file.is_empty() {
        return Vec::new();
    }
    file.split(|&b| b == 0).map(<[u8]>::to_vec).collect()
}
