//! Memory outside of the ledger: what firmware and kernel kept for themselves before there was a page
//! allocator, from /proc/iomem.

use crate::units::Bytes;

/// Memory that the page allocator never got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reserved {
    /// The host's RAM, as its firmware told: all ranges named `System RAM`.
    pub ram: Bytes,
    /// Of that, what is not in MemTotal: the kernel's image, its records of pages, a crash kernel.
    pub kernel: Bytes,
    /// Of that, what is kept for a crash kernel (`Crash kernel`).
    pub crash_kernel: Bytes,
    /// Beside the RAM: tables of the firmware (ACPI). Ranges that are just `Reserved` can be device
    /// addresses without memory, and do not count.
    pub firmware: Bytes,
}
