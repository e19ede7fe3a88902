//! Files that are read whole.

use std::io;
use std::path::Path;

use crate::host::seam::Host;

/// Whether a file can be read.
pub(crate) fn exists(host: &dyn Host, path: &str) -> bool {
    read(host, path).is_some()
}

/// A file, where it can be read.
pub(crate) fn read(host: &dyn Host, path: &str) -> Option<Vec<u8>> {
    try_read(host, path).ok()
}

/// A file, or why it cannot be read.
pub(crate) fn try_read(host: &dyn Host, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    host.read(path.as_ref(), &mut file).map(|()| file)
}
