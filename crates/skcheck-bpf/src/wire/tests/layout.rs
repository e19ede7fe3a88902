//! Both sides agree: what is defined here is held against the BTF that the compiler of the programs has put into
//! their objects.

use std::collections::BTreeMap;

use crate::btf::layout::{Fields, Layouts};
use crate::wire::bytes::{Enumeration, Structure};
use crate::wire::{find, ring, tcp, value, walk};

const STRUCTURES: [Structure; 15] = [
    find::FoundRecord::LAYOUT,
    ring::RingRecord::LAYOUT,
    tcp::TcpRecord::LAYOUT,
    value::FilterValue::LAYOUT,
    value::TallyValue::LAYOUT,
    value::CountsValue::LAYOUT,
    value::ProtocolName::LAYOUT,
    value::LimitsValue::LAYOUT,
    value::TargetValue::LAYOUT,
    value::TablesValue::LAYOUT,
    walk::PieceRecord::LAYOUT,
    walk::PacketRecord::LAYOUT,
    walk::QueueEndRecord::LAYOUT,
    walk::AnewRecord::LAYOUT,
    walk::SocketEndRecord::LAYOUT,
];

const ENUMERATIONS: [Enumeration; 11] = [
    find::found_kind::ALL,
    find::found_flag::ALL,
    find::known::ALL,
    ring::ring_flag::ALL,
    tcp::told::ALL,
    value::want::ALL,
    value::table::ALL,
    walk::walk_kind::ALL,
    walk::list::ALL,
    walk::walk_flag::ALL,
    walk::page_kind::ALL,
];

fn owned<T: Copy>(named: &[(&str, T)]) -> Vec<(String, T)> {
    named.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

/// Holds each of this side against the one of that name, and both against each other as a whole.
fn compare<T: PartialEq + std::fmt::Debug>(programs: &BTreeMap<String, T>, ours: &BTreeMap<String, T>) {
    for (name, our) in ours {
        assert_eq!(programs.get(name), Some(our), "{name}, in the programs and here");
    }
    let forgotten: Vec<&String> = programs.keys().filter(|name| !ours.contains_key(*name)).collect();
    assert!(forgotten.is_empty(), "only in the programs: {forgotten:?}");
}

/// Each side has each structure with each field in its place, and each number, and nothing more.
#[test]
fn both_sides_lay_out_the_same() {
    let structures: BTreeMap<String, Fields> =
        STRUCTURES.iter().map(|it| (it.name.to_owned(), (it.size, owned(it.fields)))).collect();
    let enumerations: BTreeMap<String, Vec<(String, i64)>> =
        ENUMERATIONS.iter().map(|it| (it.name.to_owned(), owned(it.numbers))).collect();
    let objects = [crate::objects::FIND, crate::objects::WALK];
    for object in objects.into_iter().flat_map(|object| [true, false].map(|loops| object.for_loops(loops))) {
        let mut layouts = Layouts::inside(object, "exchanged");
        assert!(layouts.structures.remove("exchanged").is_some(), "records.h lists what is exchanged");
        compare(&layouts.structures, &structures);
        compare(&layouts.enumerations, &enumerations);
    }
}
