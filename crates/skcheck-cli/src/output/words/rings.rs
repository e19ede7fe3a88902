//! What is said of the rings of packet sockets.

use skcheck_core::{Fill, SocketEntry};

use crate::text::{count, size};

/// The rings of a packet socket; `None` where there are none.
pub(in crate::output) fn note(report: &SocketEntry) -> Option<String> {
    if report.footprint.rings.is_none() {
        return Some("rings unknown".to_owned());
    }
    let rings = report.socket.rings.unwrap_or_default();
    let told = [("rx", rings.rx), ("tx", rings.tx)].into_iter().filter_map(|(direction, ring)| {
        let ring = ring?;
        let fill = if direction == "rx" {
            let drops = rings.fill.and_then(|fill| fill.drops).filter(|drops| *drops > 0);
            let drops =
                drops.map(|drops| format!(", {drops} dropped since it last asked")).unwrap_or_default();
            format!(", {}{drops}", full(rings.fill))
        } else {
            String::new()
        };
        Some(format!("{direction} ring of {}{fill}", size(ring.bytes().0)))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// `16 of 16 blocks full`: how much of a ring its program has not given back.
pub(in crate::output) fn full(fill: Option<Fill>) -> String {
    match fill {
        None => "fill unknown".to_owned(),
        Some(fill) => format!("{} of {} full", fill.full, count(fill.units.into(), fill.by.name())),
    }
}

/// How full a ring is, as a sentence; `None` where nothing tells.
pub(in crate::output) fn sentence(fill: Option<Fill>) -> Option<String> {
    let fill = fill?;
    let units = count(fill.units.into(), fill.by.name());
    if fill.full == 0 {
        return Some(format!("None of the {units} of its ring is full."));
    }
    let are = if fill.full == 1 { "is" } else { "are" };
    let wait = if fill.packets == 1 { "waits" } else { "wait" };
    let room = if fill.has_no_room() { ", and what comes now is dropped" } else { "" };
    let packets = count(fill.packets, "packet");
    Some(format!("{} of {units} of its ring {are} full: {packets} {wait} there{room}.", fill.full))
}

#[cfg(test)]
mod tests {
    use skcheck_core::Unit;

    use super::*;

    #[test]
    fn how_full_a_ring_is() {
        let check = |number: u32, packets: u64, is_frozen: bool, expected: &str| {
            let mut fill = Fill::empty(Unit::Block, 16);
            (fill.full, fill.packets, fill.is_frozen) = (number, packets, is_frozen);
            assert_eq!(sentence(Some(fill)).as_deref(), Some(expected));
        };
        check(0, 0, false, "None of the 16 blocks of its ring is full.");
        check(1, 1, false, "1 of 16 blocks of its ring is full: 1 packet waits there.");
        let all =
            "16 of 16 blocks of its ring are full: 4711 packets wait there, and what comes now is dropped.";
        check(16, 4711, true, all);
        assert_eq!((sentence(None), full(None)), (None, "fill unknown".to_owned()));
        assert_eq!(full(Some(Fill::empty(Unit::Frame, 1))), "0 of 1 frame full");
    }
}
