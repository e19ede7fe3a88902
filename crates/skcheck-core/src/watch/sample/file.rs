//! Files that are read whole, and whether a refusal means that they are gone.

use std::io;

use crate::host::Host;

pub(crate) fn read(host: &dyn Host, path: &str) -> std::io::Result<Vec<u8>> {
    let mut file = Vec::new();
    host.read(std::path::Path::new(path), &mut file).map(|()| file)
}

/// Whether the process or its descriptor is not there any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}
