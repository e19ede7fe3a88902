//! What could not be seen.

use std::borrow::Cow;

use serde::Serialize;
use skcheck_core::{Gap, ProcessName};

#[derive(Serialize)]
pub(super) struct GapJson<'a> {
    what: &'static str,
    r#where: String,
    processes: Vec<ProcessNameJson<'a>>,
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
struct ProcessNameJson<'a> {
    pid: u32,
    comm: Option<Cow<'a, str>>,
}

impl<'a> ProcessNameJson<'a> {
    fn new(process: &'a ProcessName) -> ProcessNameJson<'a> {
        let comm = process.comm.as_deref().map(String::from_utf8_lossy);
        ProcessNameJson { pid: process.pid, comm }
    }
}
