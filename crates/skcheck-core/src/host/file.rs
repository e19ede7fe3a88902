//! Files that are read whole.

use std::path::Path;

use crate::host::Host;

/// Whether a file can be read.
pub(crate) fn exists(host: &dyn Host, path: &str) -> bool {
    read(host, path).is_some()
}

pub(crate) fn read(host: &dyn Host, path: &str) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    host.read(Path::new(path), &mut file).ok().map(|()| file)
}
