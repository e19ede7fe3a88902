//! The running kernel's BTF, made small.
//!
//! Relocating an object compares each type that it uses with every type of the kernel, of which there are
//! more than a hundred thousand. Only types whose names the objects know can match, with what lies
//! inside them; a BTF of just these makes loading several times faster.

mod small;

use aya::{Btf, BtfError, Endianness};

use crate::btf::small::small;
use crate::objects::Object;

/// Whether a BTF has this name: of a type, a member or a number.
fn names(file: &[u8], name: &str) -> bool {
    let whole = format!("\0{name}\0");
    memchr::memmem::find(file, whole.as_bytes()).is_some()
}

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
    /// The kernel has `bpf_loop`.
    pub(crate) has_loops: bool,
}

impl KernelBtf {
    /// The kernel's BTF, as far as these objects need it.
    pub(crate) fn read(objects: &[Object]) -> Result<KernelBtf, BtfError> {
        let file =
            std::fs::read(VMLINUX).map_err(|error| BtfError::FileError { path: VMLINUX.into(), error })?;
        KernelBtf::of(&file, objects, names(&file, "BPF_FUNC_loop"))
    }

    /// The same of a kernel's whole BTF; one without `bpf_loop` takes other objects.
    fn of(file: &[u8], objects: &[Object], has_loops: bool) -> Result<KernelBtf, BtfError> {
        let parse = |btf: &[u8]| Btf::parse(btf, Endianness::default());
        let objects: Vec<&[u8]> = objects.iter().map(|object| object.for_loops(has_loops)).collect();
        let [types, iterators] = match small(file, &objects) {
            Some([types, iterators]) => [parse(&types)?, parse(&iterators)?],
            // A newer layout: loading is slower, and no less right.
            None => [parse(file)?, parse(file)?],
        };
        Ok(KernelBtf { types, iterators, has_loops })
    }
}
