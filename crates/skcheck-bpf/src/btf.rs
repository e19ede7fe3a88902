//! The running kernel's BTF, made small.
//!
//! Relocating an object compares each type that it uses with every type of the kernel, of which there are
//! more than a hundred thousand. Only types whose names the objects know can match, with what lies
//! inside those of their members that the objects know; a BTF of just these makes loading several times faster.

mod file;
mod small;

use std::borrow::Cow;

use aya::{Btf, BtfError, Endianness};
use aya_obj::btf::{BtfType, Func, FuncLinkage};

use crate::btf::file::{KernelFile, VMLINUX};
use crate::btf::small::{Small, small};
use crate::objects::Object;

/// Whether a BTF has this name: of a type, a member or a number.
fn names(file: &[u8], name: &str) -> bool {
    let whole = format!("\0{name}\0");
    memchr::memmem::find(file, whole.as_bytes()).is_some()
}

#[cfg(test)]
pub(crate) use crate::btf::small::layout;

/// What of the kernel's BTF it takes to load programs.
#[derive(Debug)]
pub(crate) struct KernelBtf {
    /// The types that objects are relocated by.
    pub(crate) types: Btf,
    /// The kernel's numbers of the functions that stand for iterators, by what they are over; `None` where `types` are
    /// all of the kernel's.
    iterators: Option<Vec<(String, u32)>>,
    /// The kernel has `bpf_loop`.
    pub(crate) has_loops: bool,
}

impl KernelBtf {
    /// The kernel's BTF, as far as these objects need it.
    pub(crate) fn read(objects: &[Object]) -> Result<KernelBtf, BtfError> {
        let file = KernelFile::open().map_err(|error| BtfError::FileError { path: VMLINUX.into(), error })?;
        KernelBtf::of(&file, objects, names(&file, "BPF_FUNC_loop"))
    }

    /// The same of a kernel's whole BTF; one without `bpf_loop` takes other objects.
    fn of(file: &[u8], objects: &[Object], has_loops: bool) -> Result<KernelBtf, BtfError> {
        let parse = |btf: &[u8]| Btf::parse(btf, Endianness::default());
        let objects: Vec<&[u8]> = objects.iter().map(|object| object.for_loops(has_loops)).collect();
        let (types, iterators) = match small(file, &objects) {
            Some(Small { types, iterators }) => (parse(&types)?, Some(iterators)),
            // A newer layout: loading is slower, and no less right.
            None => (parse(file)?, None),
        };
        Ok(KernelBtf { types, iterators, has_loops })
    }

    /// A BTF in which the iterator over this has the number that the kernel has for it: all that is asked of it. It is
    /// of some megabytes, so it is made when it is needed.
    pub(crate) fn with_iterator(&self, over: &str) -> Cow<'_, Btf> {
        let Some(iterators) = &self.iterators else { return Cow::Borrowed(&self.types) };
        let mut btf = Btf::new();
        if let Some((_, number)) = iterators.iter().find(|(iterator, _)| *iterator == over) {
            for _ in 1..*number {
                btf.add_type(BtfType::Unknown);
            }
            let name = btf.add_string(&format!("bpf_iter_{over}"));
            btf.add_type(BtfType::Func(Func::new(name, 0, FuncLinkage::Static)));
        }
        Cow::Owned(btf)
    }
}
