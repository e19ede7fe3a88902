//! Single figures of memory, each from one file.

use crate::host::Host;
use crate::host::file::read;
use crate::model::units::Bytes;
use crate::procfs::meminfo::Meminfo;
use crate::procfs::status::Status;

/// Memory that can be had without hurting anybody (`MemAvailable`); `None` where /proc/meminfo does not tell.
pub fn available(host: &dyn Host) -> Option<Bytes> {
    Meminfo::parse(&read(host, "/proc/meminfo")?).bytes("MemAvailable")
}

/// How much of a process is in memory (`VmRSS`); `None` where its /proc/PID/status does not tell.
pub fn resident(host: &dyn Host, pid: u32) -> Option<Bytes> {
    Status::parse(&read(host, &format!("/proc/{pid}/status"))?)?.resident.map(Bytes)
}
