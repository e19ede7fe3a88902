//! What could not be seen.

use serde::Serialize;
use skcheck_core::Gap;

#[derive(Serialize)]
pub(super) struct GapJson<'a> {
    what: &'static str,
    r#where: &'a str,
    count: Option<u64>,
    hides_sockets: bool,
    remedy: &'a str,
    text: String,
}

impl<'a> GapJson<'a> {
    pub(super) fn new(gap: &'a Gap) -> GapJson<'a> {
        GapJson {
            what: gap.what.name(),
            r#where: &gap.place,
            count: gap.count,
            hides_sockets: gap.hides_sockets(),
            remedy: &gap.remedy,
            text: gap.to_string(),
        }
    }
}
