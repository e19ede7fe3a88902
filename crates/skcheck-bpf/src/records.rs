//! What the records of the programs mean to an [`Engine`](skcheck_core::Engine).

use std::io;

use skcheck_core::engine::{Found, Pass, Step};
use skcheck_core::{Holder, Inode};

use crate::error::defect;
use crate::find::Counted;
use crate::wire::{FindRecord, WalkRecord};

/// Turns the records of a pass over all descriptors into what was found.
pub(crate) fn find(
    on_found: &mut dyn FnMut(Found),
    find: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<Counted>,
) -> io::Result<Pass> {
    let mut pass = Pass::default();
    let mut misunderstood = 0u64;
    let counted = find(&mut |record| match FindRecord::decode(record) {
        Some(FindRecord::Socket(found)) => on_found(*found),
        Some(FindRecord::NamespaceFile(holder)) => pass.namespace_files.push(holder),
        Some(FindRecord::Holder(..)) | None => misunderstood += 1,
    })?;
    if misunderstood > 0 {
        return Err(defect(format_args!("{misunderstood} records were not understood")));
    }
    (pass.descriptors, pass.namespaces) = (counted.descriptors, counted.namespaces);
    Ok(pass)
}

/// Hands on the holder that a record tells of.
pub(crate) fn holder(record: &[u8], on_holder: &mut dyn FnMut(Inode, Holder)) {
    if let Some(FindRecord::Holder(inode, holder)) = FindRecord::decode(record) {
        on_holder(inode, holder);
    }
}

/// Hands on the step of a walk that a record is.
pub(crate) fn step(record: &[u8], on_step: &mut dyn FnMut(usize, Step<'_>)) {
    if let Some((slot, record)) = WalkRecord::decode(record) {
        on_step(slot as usize, record.step());
    }
}
