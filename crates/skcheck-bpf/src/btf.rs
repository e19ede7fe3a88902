//! The running kernel's BTF, made small.
//!
//! Relocating an object compares each type that it uses with every type of the kernel, of which there are
//! more than a hundred thousand. Only types whose names the objects know can match, with what lies
//! inside them; a BTF of just these makes loading several times faster.

mod small;

use aya::{Btf, BtfError, Endianness};

use crate::btf::small::small;

#[cfg(test)]
pub(crate) use crate::btf::small::layout;

/// Where the kernel shows its BTF.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// What of the kernel's BTF it takes to load programs.
#[derive(Debug)]
pub(crate) struct KernelBtf {
    /// The types that objects are relocated by.
    pub(crate) types: Btf,
    /// The functions that stand for iterators, with the kernel's numbers for them.
    pub(crate) iterators: Btf,
}

impl KernelBtf {
    /// The kernel's BTF, as far as these objects need it.
    pub(crate) fn read(objects: &[&[u8]]) -> Result<KernelBtf, BtfError> {
        let file =
            std::fs::read(VMLINUX).map_err(|error| BtfError::FileError { path: VMLINUX.into(), error })?;
        KernelBtf::of(&file, objects)
    }

    /// The same of a kernel's whole BTF.
    fn of(file: &[u8], objects: &[&[u8]]) -> Result<KernelBtf, BtfError> {
        let parse = |btf: &[u8]| Btf::parse(btf, Endianness::default());
        match small(file, objects) {
            Some([types, iterators]) => {
                Ok(KernelBtf { types: parse(&types)?, iterators: parse(&iterators)? })
            }
            // A newer layout: loading is slower, and no less right.
            None => Ok(KernelBtf { types: parse(file)?, iterators: parse(file)? }),
        }
    }
}
