//! Writing to standard output.

use std::io::{self, BufWriter, Write};

use crate::commands::failure::Failure;

/// Writes all of it.
pub(super) fn write(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Writes it at once: a terminal shall not show half of it.
pub(super) fn put(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Output)
}
