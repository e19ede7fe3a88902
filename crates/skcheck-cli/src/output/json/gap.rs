//! What could not be seen.

use serde::Serialize;
use skcheck_core::Gap;

use crate::output::json::gap_place::{GapPlaceJson, ProcessNameJson};

#[derive(Serialize)]
pub(super) struct GapJson<'a> {
    what: &'static str,
    r#where: String,
    place: GapPlaceJson,
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
            place: GapPlaceJson::new(&gap.place),
            processes: gap.place.named_processes().iter().map(ProcessNameJson::new).collect(),
            count: gap.count,
            hides_sockets: gap.hides_sockets(),
            is_ordinary: gap.is_ordinary,
            remedy: &gap.remedy,
            text: gap.to_string(),
        }
    }
}
