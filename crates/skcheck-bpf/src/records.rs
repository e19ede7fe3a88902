//! What the records of the programs mean to an [`Engine`](skcheck_core::Engine).

use std::io;

use skcheck_core::engine::{Found, Pass, Step};
use skcheck_core::{Holder, Inode};

use crate::error::defect;
use crate::find::PassCounts;
use crate::wire::{FindRecord, WalkRecord};

/// Turns the records of a pass over all descriptors into what was found.
pub(crate) fn find(
    on_found: &mut dyn FnMut(Found),
    find: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<PassCounts>,
) -> io::Result<Pass> {
    let mut namespace_files = Vec::new();
    let counted = understood(find, |record| {
        match FindRecord::decode(record) {
            Some(FindRecord::Socket(found)) => on_found(*found),
            Some(FindRecord::NamespaceFile(holder)) => namespace_files.push(holder),
            Some(FindRecord::Holder(..)) | None => return false,
        }
        true
    })?;
    let PassCounts { descriptors, namespaces, apart } = counted;
    let mut pass = Pass::default();
    (pass.descriptors, pass.namespaces, pass.apart) = (descriptors, namespaces, apart);
    pass.namespace_files = namespace_files;
    Ok(pass)
}

/// Hands on the holders that records tell of.
pub(crate) fn holders<T>(
    on_holder: &mut dyn FnMut(Inode, Holder),
    look: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<T>,
) -> io::Result<T> {
    understood(look, |record| {
        let Some(FindRecord::Holder(inode, holder)) = FindRecord::decode(record) else { return false };
        on_holder(inode, holder);
        true
    })
}

/// Hands on the steps of a walk that records are.
pub(crate) fn walk<T>(
    on_step: &mut dyn FnMut(usize, Step<'_>),
    walk: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<T>,
) -> io::Result<T> {
    understood(walk, |record| {
        let Some((slot, record)) = WalkRecord::decode(record) else { return false };
        on_step(slot as usize, record.step());
        true
    })
}

/// Takes records in until there are no more, `take` each; one that it does not understand is not left out
/// without a word.
fn understood<T>(
    run: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<T>,
    mut take: impl FnMut(&[u8]) -> bool,
) -> io::Result<T> {
    let mut misunderstood = 0u64;
    let result = run(&mut |record| misunderstood += u64::from(!take(record)))?;
    if misunderstood > 0 {
        return Err(defect(format_args!("{misunderstood} records were not understood")));
    }
    Ok(result)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_not_understood_is_told() {
        let run = |records: &'static [&'static [u8]]| {
            move |on_record: &mut dyn FnMut(&[u8])| {
                records.iter().for_each(|record| on_record(record));
                Ok(true)
            }
        };
        const ANEW: &[u8] = &[3, 0, 0, 0, 7, 0, 0, 0];
        let mut steps = Vec::new();
        let all = walk(&mut |slot, step| steps.push((slot, step == Step::Anew)), run(&[ANEW]));
        assert!(all.unwrap());
        assert_eq!(steps, [(7, true)]);
        let none = walk(&mut |_, _| {}, run(&[ANEW, b"x", b"y"]));
        assert_eq!(none.unwrap_err().to_string(), "unexpected: 2 records were not understood");
        assert!(holders(&mut |_, _| {}, run(&[ANEW])).is_err());
        // A socket's record that is cut, one of a kind that there is not, and none at all.
        for record in [&[1; 100][..], &[9; 500], &[]] {
            let found = find(&mut |_| panic!("it is none"), |on_record| {
                on_record(record);
                Ok(PassCounts { descriptors: 1, namespaces: Vec::new(), apart: BTreeMap::new() })
            });
            assert_eq!(found.unwrap_err().to_string(), "unexpected: 1 records were not understood");
        }
    }
}
