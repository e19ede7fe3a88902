//! A BTF of a few types, made from a whole one. Pure.

use memchr::memmem::find;
use rustc_hash::FxHashSet;

/// What of a BTF some objects need.
pub(crate) struct Small {
    /// A BTF of their types, of which the numbers are other ones.
    pub(crate) types: Vec<u8>,
    /// What programs iterate over, and the numbers that the functions which stand for that have in the whole.
    pub(crate) iterators: Vec<(String, u32)>,
}

/// What of a BTF these objects need; `None` where it is not of the layout.
pub(crate) fn small(file: &[u8], objects: &[&[u8]]) -> Option<Small> {
    let strings = objects.iter().flat_map(|object| object.split(|&b| b == 0));
    let names: FxHashSet<&[u8]> = strings.filter(|string| is_name(string)).map(plain).collect();
    // A program says by its section what it iterates over.
    let over: Vec<&[u8]> = names.iter().filter_map(|name| name.strip_prefix(b"iter/")).collect();
    let kernel = Kernel::index(file)?;
    Some(Small { types: kernel.closure(&names), iterators: kernel.iterators(&over) })
}

/// Whether it can be the name of a type, a member or a section; no type without a name is one by that.
fn is_name(string: &[u8]) -> bool {
    let is_in_names = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/');
    !string.is_empty() && string.iter().all(is_in_names)
}

/// A name without its flavour.
fn plain(name: &[u8]) -> &[u8] {
    find(name, b"___").and_then(|at| name.get(..at)).unwrap_or(name)
}

// The layout is that of Documentation/bpf/btf.rst, the kinds are `BTF_KIND_*`.
const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// The three words that every type begins with: its name; its kind and how many members it has; its size,
/// or the number of the type that it refers to.
const HEAD: usize = 12;
const INFO: usize = 4;
const REFERENCE: usize = 8;

/// How many members a type has, in its second word.
const MEMBERS: u32 = 0xffff;

/// A member of a structure: its name, its type and where it is.
const MEMBER: usize = 12;

/// A type without a name that refers to nothing.
const POINTER_TO_VOID: [u32; 3] = [0, PTR << 24, 0];

/// A whole BTF, and where in it each type is.
struct Kernel<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// By number, less one: number 0 is `void`, which is not written down.
    offsets: Vec<u32>,
}

/// One type of a BTF.
#[derive(Clone, Copy)]
struct Type<'a> {
    bytes: &'a [u8],
    kind: u32,
}

impl<'a> Kernel<'a> {
    /// Finds every type; `None` where the data are not of the layout.
    fn index(file: &'a [u8]) -> Option<Kernel<'a>> {
        let header = word(file, 4)? as usize;
        let part = |at: usize| {
            let begin = header + word(file, at)? as usize;
            file.get(begin..begin + word(file, at + 4)? as usize)
        };
        let (types, strings) = (part(8)?, part(16)?);
        let mut offsets = Vec::new();
        let mut at = 0;
        while at < types.len() {
            offsets.push(u32::try_from(at).ok()?);
            at += Type::at(types, at)?.bytes.len();
        }
        Some(Kernel { types, strings, offsets })
    }

    fn get(&self, number: u32) -> Option<Type<'a>> {
        let at = self.offsets.get((number as usize).checked_sub(1)?)?;
        Type::at(self.types, *at as usize)
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        1..=u32::try_from(self.offsets.len()).unwrap_or(u32::MAX)
    }

    /// The first string is the empty one, whatever is written there.
    fn string(&self, at: u32) -> &'a [u8] {
        if at == 0 {
            return &[];
        }
        let rest = self.strings.get(at as usize..).unwrap_or_default();
        memchr::memchr(0, rest).and_then(|end| rest.get(..end)).unwrap_or(rest)
    }

    /// The types with these names and all that lies inside them, numbered anew. Members with other names are left out:
    /// nobody looks for them.
    fn closure(&self, names: &FxHashSet<&[u8]>) -> Vec<u8> {
        let chosen = self.chosen(names);
        let renumbered = |number: u32| {
            let at = chosen.binary_search(&number).ok();
            at.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0)
        };
        let mut written = Written::new();
        for it in chosen.iter().filter_map(|number| self.get(*number)) {
            if let FUNC | FUNC_PROTO | VAR | DATASEC | DECL_TAG = it.kind {
                written.types.extend(bytes_of(POINTER_TO_VOID));
                continue;
            }
            let kept = self.kept(it, names);
            let it = Type { bytes: &kept, kind: it.kind };
            let mut bytes = kept.clone();
            for at in it.references() {
                put(&mut bytes, at, renumbered(it.word(at)));
            }
            for at in it.names() {
                put(&mut bytes, at, written.string(self.string(it.word(at))));
            }
            if it.kind == PTR {
                put(&mut bytes, REFERENCE, 0);
            }
            written.types.extend(bytes);
        }
        written.finish()
    }

    /// A type without the members that have other names.
    fn kept(&self, it: Type<'a>, names: &FxHashSet<&[u8]>) -> Vec<u8> {
        let (STRUCT | UNION) = it.kind else { return it.bytes.to_vec() };
        let mut kept = it.bytes.get(..HEAD).unwrap_or_default().to_vec();
        let mut count = 0;
        for member in self.members(it, names).filter_map(|at| it.bytes.get(at..at + MEMBER)) {
            kept.extend(member);
            count += 1;
        }
        put(&mut kept, INFO, it.word(INFO) & !MEMBERS | count);
        kept
    }

    /// Where a structure has the members with these names, and those without a name.
    fn members<'n>(&'n self, it: Type<'a>, names: &'n FxHashSet<&[u8]>) -> impl Iterator<Item = usize> + 'n {
        it.members(MEMBER).filter(move |at| it.word(*at) == 0 || names.contains(self.string(it.word(*at))))
    }

    /// The numbers of the types with these names and of all that lies inside them, in order.
    fn chosen(&self, names: &FxHashSet<&[u8]>) -> Vec<u32> {
        let is_named = |number: &u32| {
            self.get(*number).is_some_and(|it| {
                matches!(it.kind, STRUCT | UNION | ENUM | TYPEDEF | ENUM64)
                    && names.contains(self.string(it.word(0)))
            })
        };
        let mut chosen: Vec<u32> = self.numbers().filter(is_named).collect();
        let mut seen: FxHashSet<u32> = chosen.iter().copied().collect();
        let mut next = 0;
        while let Some(number) = chosen.get(next).copied() {
            next += 1;
            let Some(it) = self.get(number) else { continue };
            let references = match it.kind {
                STRUCT | UNION => self.members(it, names).map(|at| at + 4).collect(),
                _ => it.references(),
            };
            let inside = references.into_iter().map(|at| it.word(at));
            chosen.extend(inside.filter(|number| *number != 0 && seen.insert(*number)));
        }
        chosen.sort_unstable();
        chosen
    }

    /// What of this there are iterators over, each with the number of the function that stands for it.
    fn iterators(&self, over: &[&[u8]]) -> Vec<(String, u32)> {
        let name = |number| {
            let it = self.get(number).filter(|it| it.kind == FUNC)?;
            let name = self.strings.get(it.word(0) as usize..)?.strip_prefix(b"bpf_iter_")?;
            let name = memchr::memchr(0, name).and_then(|end| name.get(..end))?;
            over.contains(&name).then(|| (String::from_utf8_lossy(name).into_owned(), number))
        };
        // Each has one, so that the rest need not be looked at.
        self.numbers().filter_map(name).take(over.len()).collect()
    }
}

impl<'a> Type<'a> {
    /// The type that is written here.
    fn at(types: &'a [u8], at: usize) -> Option<Type<'a>> {
        let info = word(types, at + INFO)?;
        let (kind, members) = (info >> 24 & 0x1f, (info & MEMBERS) as usize);
        let behind = match kind {
            INT | VAR | DECL_TAG => 4,
            ARRAY => 12,
            STRUCT | UNION | DATASEC | ENUM64 => 12 * members,
            ENUM | FUNC_PROTO => 8 * members,
            _ if kind <= ENUM64 => 0,
            _ => return None,
        };
        Some(Type { bytes: types.get(at..at + HEAD + behind)?, kind })
    }

    fn word(&self, at: usize) -> u32 {
        word(self.bytes, at).unwrap_or(0)
    }

    /// Where it has the numbers of types that lie inside it. What a pointer points to does not.
    fn references(&self) -> Vec<usize> {
        match self.kind {
            STRUCT | UNION => self.members(MEMBER).map(|at| at + 4).collect(),
            ARRAY => vec![HEAD, HEAD + 4],
            TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => vec![REFERENCE],
            _ => Vec::new(),
        }
    }

    /// Where it has names: its own, and those of its members.
    fn names(&self) -> Vec<usize> {
        let size = match self.kind {
            STRUCT | UNION | ENUM64 => 12,
            ENUM => 8,
            _ => return vec![0],
        };
        std::iter::once(0).chain(self.members(size)).collect()
    }

    fn members(&self, size: usize) -> impl Iterator<Item = usize> + use<> {
        (HEAD..self.bytes.len()).step_by(size)
    }
}

/// A BTF that is being written.
struct Written {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Written {
    fn new() -> Written {
        // The first string is the empty one.
        Written { types: Vec::new(), strings: vec![0] }
    }

    /// Adds a string, and says where it is.
    fn string(&mut self, string: &[u8]) -> u32 {
        if string.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap_or(0);
        self.strings.extend(string);
        self.strings.push(0);
        at
    }

    fn finish(self) -> Vec<u8> {
        const MAGIC_AND_VERSION: u32 = 0xeb9f | 1 << 16;
        const HEADER: u32 = 24;
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
        let (types, strings) = (length(&self.types), length(&self.strings));
        let header = bytes_of([MAGIC_AND_VERSION, HEADER, 0, types, types, strings]);
        [header, self.types, self.strings].concat()
    }
}

fn bytes_of<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_ne_bytes).collect()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn put(bytes: &mut [u8], at: usize, word: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
}

#[cfg(test)]
#[path = "small/layout.rs"]
pub(crate) mod layout;

#[cfg(test)]
#[path = "small/tests.rs"]
mod tests;
