//! Whether a refusal to read means that what was to be read is gone.

use std::io;

/// Whether the process or its descriptor is not there any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}
