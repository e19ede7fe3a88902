//! What could not be seen.

use serde::Serialize;
use skcheck_core::{Gap, ProcessName};

use crate::output::json::bytes::{hex_unless_utf8, lossy};

#[derive(Serialize)]
pub(super) struct GapJson<'a> {
    what: &'static str,
    r#where: String,
    processes: Vec<ProcessNameJson>,
    count: Option<u64>,
    hides_sockets: bool,
    is_ordinary: bool,
    remedy: &'a str,
    text: String,
}

impl<'a> GapJson<'a> {
    pub(super) fn new(gap: &'a Gap) -> GapJson<'a> {
        GapJson {
            what: gap.what.name(),
            r#where: gap.place.to_string(),
            processes: gap.place.named_processes().iter().map(ProcessNameJson::new).collect(),
            count: gap.count,
            hides_sockets: gap.hides_sockets(),
            is_ordinary: gap.is_ordinary,
            remedy: &gap.remedy,
            text: gap.to_string(),
        }
    }
}

/// A process that a gap names.
#[derive(Serialize)]
struct ProcessNameJson {
    pid: u32,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    fd: Option<u32>,
}

impl ProcessNameJson {
    fn new(process: &ProcessName) -> ProcessNameJson {
        ProcessNameJson {
            pid: process.pid,
            comm: process.comm.as_deref().map(lossy),
            comm_hex: process.comm.as_deref().and_then(hex_unless_utf8),
            fd: process.fd,
        }
    }
}
