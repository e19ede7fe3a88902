use super::*;

fn tableless(number: u32, pids: &[u32], protocol: Option<&str>, asked: bool) -> Tableless {
    Tableless {
        inode: Inode::new(number).unwrap(),
        holders: pids.iter().map(|pid| Holder::new(*pid, number + 100)).collect(),
        protocol: protocol.map(|name| name.as_bytes().to_vec()),
        asked,
    }
}

fn leaked(pid: u32, table: &'static str, sockets: u64, shared: u64, oldest: u32) -> Leaked {
    let oldest = (Inode::new(oldest).unwrap(), Holder::new(pid, oldest + 100));
    Leaked { pid, table, sockets, shared, oldest }
}

fn sorted(all: &[Tableless], unread: &[&'static str], least: u64) -> Sorted {
    sort_out(all, &unread.iter().copied().collect(), least)
}

#[test]
fn by_process_and_table_most_first() {
    let all = [
        tableless(9, &[1], Some("TCP"), true),
        tableless(5, &[1], Some("TCPv6"), true),
        tableless(6, &[1], Some("UDP"), true),
        tableless(7, &[2], Some("UDPv6"), true),
        tableless(8, &[2], Some("UDP"), true),
        tableless(4, &[2], Some("UDP"), true),
        tableless(3, &[3], Some("TCP"), true),
    ];
    let found = sorted(&all, &[], 3);
    assert_eq!(
        found.leaked,
        [leaked(2, "udp", 3, 0, 4), leaked(1, "tcp", 2, 0, 5), leaked(1, "udp", 1, 0, 6)]
    );
    assert_eq!((found.sockets, found.below), (7, Below { sockets: 1, processes: 1 }));
    assert_eq!(found.apart, Apart::default());
    assert_eq!(sorted(&all, &[], 1).below, Below::default());
}

/// Workers inherit what their parent has leaked: each is told, and each socket counts once.
#[test]
fn what_several_have_counts_once() {
    let all: Vec<Tableless> = (1..=4).map(|number| tableless(number, &[1, 2], Some("TCP"), true)).collect();
    let mut more = all.clone();
    more.push(tableless(5, &[2], Some("TCP"), true));
    let found = sorted(&more, &[], 4);
    assert_eq!(found.leaked, [leaked(2, "tcp", 5, 4, 1), leaked(1, "tcp", 4, 4, 1)]);
    assert_eq!((found.sockets, found.below), (5, Below::default()));
    // One that is too little has none of its own.
    let found = sorted(&more, &[], 5);
    assert_eq!(found.leaked, [leaked(2, "tcp", 5, 4, 1)]);
    assert_eq!(found.below, Below { sockets: 0, processes: 1 });
}

#[test]
fn what_is_no_leak() {
    let all = [
        tableless(1, &[1], Some("ALG"), true),
        tableless(2, &[1], Some("ALG"), false),
        tableless(3, &[1], Some("XDP"), true),
        tableless(4, &[1], Some("UDP"), true),
        tableless(5, &[1], Some("TCP"), false),
        tableless(6, &[1], None, true),
        tableless(7, &[1], Some("UNIX"), true),
    ];
    let found = sorted(&all, &["udp"], 1);
    assert_eq!(found.leaked, [leaked(1, "unix", 1, 0, 7)]);
    let families = [(b"ALG".to_vec(), 2), (b"XDP".to_vec(), 1), (b"UDP".to_vec(), 1)];
    assert_eq!(found.apart, Apart { families: families.into(), namespaces: 1, unnamed: 1 });
    assert_eq!(found.sockets, 1);
}
