//! What an object's own BTF says of the types that its programs define.

use std::collections::{BTreeMap, BTreeSet};

use crate::btf::small::*;

/// A structure: its size, and the name and the offset of each field.
pub(crate) type Fields = (usize, Vec<(String, usize)>);

/// The types of an object.
pub(crate) struct Layouts {
    /// Structures and unions, by name.
    pub(crate) structures: BTreeMap<String, Fields>,
    /// Enumerations, by name: the name and the value of each number.
    pub(crate) enumerations: BTreeMap<String, Vec<(String, i64)>>,
}

/// The BTF in an object: one of its sections.
pub(super) fn own(object: &[u8]) -> Kernel<'_> {
    let begins = object.windows(4).enumerate().filter(|(_, four)| *four == [0x9f, 0xeb, 1, 0]);
    begins.map(|(at, _)| &object[at..]).find_map(Kernel::index).expect("it has BTF")
}

impl Layouts {
    /// Those of the types that lie inside the one with this name, and its own.
    pub(crate) fn inside(object: &[u8], name: &str) -> Layouts {
        let own = own(object);
        let is_named = |number: &u32| {
            let it = own.get(*number).unwrap();
            matches!(it.kind, STRUCT | UNION) && own.string(it.word(0)) == name.as_bytes()
        };
        let mut next: Vec<u32> = own.numbers().filter(is_named).collect();
        let mut seen = BTreeSet::new();
        let mut layouts = Layouts { structures: BTreeMap::new(), enumerations: BTreeMap::new() };
        while let Some(number) = next.pop() {
            let Some(it) = own.get(number).filter(|_| seen.insert(number)) else { continue };
            next.extend(it.references().into_iter().map(|at| it.word(at)));
            layouts.add(&own, it);
        }
        layouts
    }

    fn add(&mut self, own: &Kernel<'_>, it: Type<'_>) {
        let text = |at: usize| String::from_utf8(own.string(it.word(at)).to_vec()).unwrap();
        match it.kind {
            STRUCT | UNION => {
                // In bits.
                let fields = it.members(12).map(|at| (text(at), it.word(at + 8) as usize / 8)).collect();
                self.structures.insert(text(0), (it.word(8) as usize, fields));
            }
            ENUM => {
                let numbers = it.members(8).map(|at| (text(at), i64::from(it.word(at + 4).cast_signed())));
                self.enumerations.insert(text(0), numbers.collect());
            }
            INT | ARRAY | TYPEDEF => {}
            kind => panic!("a type of kind {kind}, of which nothing is compared"),
        }
    }
}
