use aya::{Btf, Endianness};
use aya_obj::btf::BtfKind;

use super::*;
use crate::btf::KernelBtf;
use crate::btf::file::VMLINUX;
use crate::objects::Object;

/// A BTF of these types: `struct inner { int a; }`, `struct outer { struct inner i; struct far *f; }`.
fn kernel() -> Vec<u8> {
    let mut btf = Written::new();
    let mut add = |name: &[u8], info: u32, rest: &[(&[u8], u32)], words: &[u32]| {
        let mut all = vec![btf.string(name), info];
        all.extend(words);
        for (at, (name, reference)) in (0..).step_by(64).zip(rest) {
            all.extend([btf.string(name), *reference, at]);
        }
        btf.types.extend(all.into_iter().flat_map(u32::to_ne_bytes));
    };
    add(b"far", STRUCT << 24, &[], &[0]);
    add(b"int", INT << 24, &[], &[4, 32]);
    add(b"", PTR << 24, &[], &[1]);
    add(b"inner", STRUCT << 24 | 1, &[(b"a", 2)], &[4]);
    add(b"bpf_iter_tcp", FUNC << 24, &[], &[0]);
    add(b"outer", STRUCT << 24 | 2, &[(b"i", 4), (b"f", 3)], &[16]);
    btf.finish()
}

#[test]
fn what_lies_inside_stays_and_what_is_pointed_to_goes() {
    let file = kernel();
    let kernel = Kernel::index(&file).unwrap();
    let names = FxHashSet::from_iter([b"outer".as_slice(), b"i", b"f", b"a"]);
    let small = kernel.closure(&names);
    let small = Kernel::index(&small).unwrap();
    let names: Vec<&[u8]> =
        small.numbers().map(|number| small.string(small.get(number).unwrap().word(0))).collect();
    assert_eq!(names, [b"int".as_slice(), b"", b"inner", b"outer"]);
    let outer = small.get(4).unwrap();
    let inside: Vec<u32> = outer.references().into_iter().map(|at| outer.word(at)).collect();
    assert_eq!(inside, [3, 2]);
    assert_eq!(small.get(2).unwrap().word(REFERENCE), 0);
}

/// A member that nobody knows takes what lies inside it with it; the others stay where they are.
#[test]
fn members_without_a_known_name_go() {
    let file = kernel();
    let kernel = Kernel::index(&file).unwrap();
    let small = kernel.closure(&FxHashSet::from_iter([b"outer".as_slice(), b"f"]));
    let small = Kernel::index(&small).unwrap();
    let names: Vec<&[u8]> =
        small.numbers().map(|number| small.string(small.get(number).unwrap().word(0))).collect();
    assert_eq!(names, [b"".as_slice(), b"outer"]);
    let outer = small.get(2).unwrap();
    let words: Vec<u32> = (0..outer.bytes.len()).step_by(4).map(|at| outer.word(at)).collect();
    let [name, info, size, member, inside, place] = words[..] else { panic!("{words:?}") };
    assert_eq!((small.string(name), small.string(member)), (b"outer".as_slice(), b"f".as_slice()));
    assert_eq!((info, size, inside, place), (STRUCT << 24 | 1, 16, 1, 64));
}

#[test]
fn iterators_keep_their_numbers() {
    let file = kernel();
    let Small { types, iterators } = small(&file, &[b"x\0iter/tcp\0iter/udp\0tcp\0"]).unwrap();
    assert_eq!(iterators, [("tcp".to_owned(), 5)]);
    let types = Btf::parse(&types, Endianness::default()).unwrap();
    let kernel = KernelBtf { types, iterators: Some(iterators), has_loops: true };
    let number = |over: &str, name| kernel.with_iterator(over).id_by_type_name_kind(name, BtfKind::Func).ok();
    assert_eq!(number("tcp", "bpf_iter_tcp"), Some(5));
    assert_eq!(number("udp", "bpf_iter_udp"), None);
}

#[test]
fn what_is_cut_or_unknown_is_no_index() {
    let file = kernel();
    assert!(Kernel::index(&file).is_some());
    let mut unknown = file.clone();
    unknown[24 + 7] = 0x1f;
    assert!(Kernel::index(&unknown).is_none());
    for length in 0..file.len() {
        assert!(Kernel::index(&file[..length]).is_none(), "{length}");
    }
}

/// Fields without which the programs do not load. All others can be missing: kernel.h says what is lost then.
const ESSENTIAL: [(&str, &[&str]); 22] = [
    ("atomic_t", &["counter"]),
    ("refcount_struct", &["refs"]),
    ("file", &["f_inode", "private_data"]),
    ("inode", &["i_ino", "i_sb"]),
    ("super_block", &["s_magic"]),
    ("socket", &["sk"]),
    ("net", &["ns"]),
    ("ns_common", &["inum"]),
    ("sock_common", &["skc_family", "skc_state", "skc_net", "skc_cookie"]),
    (
        "sock",
        &[
            "__sk_common",
            "sk_type",
            "sk_protocol",
            "sk_backlog",
            "sk_wmem_queued",
            "sk_wmem_alloc",
            "sk_ack_backlog",
            "sk_receive_queue",
        ],
    ),
    ("tcp_sock", &["rcv_nxt", "copied_seq", "write_seq", "snd_una"]),
    ("sk_buff_head", &["next", "prev", "qlen"]),
    ("sk_buff", &["next", "prev", "len", "head", "end", "truesize", "cb"]),
    ("rb_node", &["rb_left", "rb_right", "__rb_parent_color"]),
    ("rb_root", &["rb_node"]),
    ("list_head", &["next"]),
    ("hlist_node", &["next"]),
    ("task_struct", &["group_leader", "thread_pid", "files"]),
    ("pid", &["level", "numbers"]),
    ("upid", &["nr"]),
    ("bpf_iter__task_file", &["task", "fd", "file"]),
    ("bpf_iter__bpf_map", &["map"]),
];

fn is_essential(structure: &[u8], member: &[u8]) -> bool {
    let of = ESSENTIAL.iter().find(|(name, _)| name.as_bytes() == structure);
    of.is_some_and(|(_, members)| members.iter().any(|name| name.as_bytes() == member))
}

/// The structures that an object knows, and their members.
fn known_to(object: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let own = layout::own(object);
    let mut known = Vec::new();
    for it in own.numbers().filter_map(|number| own.get(number)) {
        let structure = own.string(it.word(0));
        if matches!(it.kind, STRUCT | UNION) && !structure.is_empty() {
            let members = it.members(12).map(|at| own.string(it.word(at)));
            known.extend(members.map(|member| (plain(structure).to_vec(), member.to_vec())));
        }
    }
    known
}

/// Whether a structure lacks a member.
type IsMissing<'a> = &'a dyn Fn(&[u8], &[u8]) -> bool;

/// A kernel's BTF in which these members have another name.
fn without(file: &[u8], is_missing: IsMissing<'_>) -> Vec<u8> {
    let kernel = Kernel::index(file).expect("the layout is known");
    let begin = word(file, 4).unwrap() as usize;
    let mut renamed = file.to_vec();
    for (number, at) in kernel.numbers().zip(&kernel.offsets) {
        let it = kernel.get(number).unwrap();
        if !matches!(it.kind, STRUCT | UNION) {
            continue;
        }
        let structure = kernel.string(it.word(0));
        for member in it.members(12) {
            if is_missing(structure, kernel.string(it.word(member))) {
                // Any name will do that is not its own.
                put(&mut renamed, begin + *at as usize + member, it.word(0));
            }
        }
    }
    renamed
}

/// Loads every program by itself; how many the kernel refused, and why.
fn refused<'b>(loader: &mut aya::EbpfLoader<'b>, btf: &'b KernelBtf) -> Vec<String> {
    use crate::{objects, pass};
    let finding: &[_] = &[("find", "task_file"), ("holders", "task_file")];
    let all: &[_] = &[("walk_files", "task_file"), ("walk_tables", "bpf_map"), ("walk_locked", "tcp")];
    let walking = if btf.has_loops { all } else { &all[..2] };
    let mut refused = Vec::new();
    for (object, programs) in [(objects::FIND, finding), (objects::WALK, walking)] {
        let mut ebpf =
            loader.btf(Some(&btf.types)).load(object.for_loops(btf.has_loops)).expect("maps can be made");
        for (name, over) in programs {
            refused.extend(pass::load(&mut ebpf, btf, name, over).err().map(|error| error.to_string()));
        }
    }
    refused
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// No field that only refines an answer keeps a program from loading, whichever others are missing too.
#[test]
fn what_is_not_essential_can_be_missing() {
    if !is_root() {
        println!("skipped: needs root");
        return;
    }
    let file = std::fs::read(VMLINUX).expect("this kernel has BTF");
    let objects = [crate::objects::FIND, crate::objects::WALK];
    for has_loops in [true, false] {
        check_missing(&file, &objects, has_loops);
    }
}

fn check_missing(file: &[u8], objects: &[Object], has_loops: bool) {
    let known = objects.iter().flat_map(|object| known_to(object.for_loops(has_loops)));
    let known: FxHashSet<(Vec<u8>, Vec<u8>)> = known.collect();
    let is_known = |structure: &[u8], member: &[u8]| known.contains(&(structure.to_vec(), member.to_vec()));
    let is_missing =
        |structure: &[u8], member: &[u8]| is_known(structure, member) && !is_essential(structure, member);
    let only = |structure: &'static str, member: &'static str| {
        assert!(is_known(structure.as_bytes(), member.as_bytes()), "{structure}.{member}");
        move |of: &[u8], it: &[u8]| of == structure.as_bytes() && it == member.as_bytes()
    };
    // What Linux 7.1 has renamed, and one of each kind.
    let [page, cache] = [only("page", "compound_head"), only("kmem_cache", "node")];
    let (queue, reader) = (only("sock", "tcp_rtx_queue"), only("udp_sock", "reader_queue"));
    // And a refusal is one: the walk goes along these, and nothing finds a socket without those.
    let (size, socket) = (only("sk_buff", "truesize"), only("socket", "sk"));
    let cases: [(&str, IsMissing<'_>, usize); 8] = [
        ("nothing", &|_, _| false, 0),
        ("all at once", &is_missing, 0),
        ("page.compound_head", &page, 0),
        ("kmem_cache.node", &cache, 0),
        ("sock.tcp_rtx_queue", &queue, 0),
        ("udp_sock.reader_queue", &reader, 0),
        ("sk_buff.truesize", &size, if has_loops { 4 } else { 3 }),
        ("socket.sk", &socket, 3),
    ];
    let kernels: Vec<KernelBtf> = cases
        .iter()
        .map(|(_, is_missing, _)| {
            KernelBtf::of(&without(file, is_missing), objects, has_loops).expect("it is one")
        })
        .collect();
    let mut loader = aya::EbpfLoader::new();
    for ((what, _, expected), kernel) in cases.iter().zip(&kernels) {
        let refused = refused(&mut loader, kernel);
        assert_eq!(refused.len(), *expected, "without {what}, bpf_loop {has_loops}: {refused:#?}");
    }
}
