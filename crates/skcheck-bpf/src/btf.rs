//! The running kernel's BTF, made quick to search.
//!
//! Relocating an object compares each type that it uses with the name of every type of the kernel, more
//! than a hundred thousand. Only the names that the objects know can match, so all others are blanked
//! before: loading takes a quarter of the time.

use std::collections::HashSet;

use aya::{Btf, BtfError, Endianness};

/// Where the kernel shows its BTF.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// The kernel's BTF, with the names that occur in `objects` and those of iterators.
pub(crate) fn of_kernel(objects: &[&[u8]]) -> Result<Btf, BtfError> {
    let mut btf = std::fs::read(VMLINUX)
        .map_err(|error| BtfError::FileError { path: VMLINUX.into(), error })?;
    let names: HashSet<&[u8]> =
        objects.iter().flat_map(|object| object.split(|&b| b == 0)).map(plain).collect();
    // What is not understood stays as it is: then loading is slower, and no less right.
    let _ = blank(&mut btf, |kind, name| match kind {
        FUNC => name.starts_with(b"bpf_iter_"),
        _ => names.contains(plain(name)),
    });
    Btf::parse(&btf, Endianness::default())
}

/// A name without its flavour.
fn plain(name: &[u8]) -> &[u8] {
    let flavour = name.windows(3).position(|three| three == b"___");
    flavour.and_then(|at| name.get(..at)).unwrap_or(name)
}

const FUNC: u32 = 12;

/// Takes the name from every type that is not to keep it. The layout is that of
/// Documentation/bpf/btf.rst; `None` where the data are not of it.
fn blank(btf: &mut [u8], keeps: impl Fn(u32, &[u8]) -> bool) -> Option<()> {
    const HEADER_LENGTH: usize = 4;
    let field = |btf: &[u8], at: usize| number(btf, HEADER_LENGTH + 4 * at);
    let header = field(btf, 0)?;
    let (types, strings) = (header + field(btf, 1)?, header + field(btf, 3)?);
    let types_end = types + field(btf, 2)?;
    let (head, strings) = btf.split_at_mut_checked(strings)?;
    let mut at = types;
    while at < types_end {
        let name = number(head, at)?;
        let info = number(head, at + 4)?;
        let kind = (info >> 24 & 0x1f) as u32;
        if name != 0 {
            let name = strings.get(name..)?;
            let length = name.iter().position(|&b| b == 0)?;
            if !keeps(kind, name.get(..length)?) {
                head.get_mut(at..at + 4)?.fill(0);
            }
        }
        at += 12 + extra(kind, info & 0xffff)?;
    }
    Some(())
}

/// How many bytes follow the three words of a type with this many members.
fn extra(kind: u32, members: usize) -> Option<usize> {
    match kind {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => Some(4),
        // ARRAY
        3 => Some(12),
        // STRUCT, UNION, DATASEC, ENUM64
        4 | 5 | 15 | 19 => Some(12 * members),
        // ENUM, FUNC_PROTO
        6 | 13 => Some(8 * members),
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7..=12 | 16 | 18 => Some(0),
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*bytes) as usize)
}
