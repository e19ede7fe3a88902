//! /proc/PID/comm.

/// The name in it.
pub fn comm(file: &[u8]) -> Vec<u8> {
    file.strip_suffix(b"\n").unwrap_or(file).to_vec()
}
