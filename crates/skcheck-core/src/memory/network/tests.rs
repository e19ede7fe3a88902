use super::*;
use crate::model::units::PageSize;

const SOCKSTAT: &[u8] =
    b"sockets: used 13\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 154\nUDP: inuse 5 mem 58\n\
    UDPLITE: inuse 6\nRAW: inuse 7\nFRAG: inuse 8 memory 4096\n";
const SOCKSTAT6: &[u8] =
    b"TCP6: inuse 9\nUDP6: inuse 10\nUDPLITE6: inuse 11\nRAW6: inuse 12\nFRAG6: inuse 13 memory 512\n";
const PROTOCOLS: &[u8] = b"protocol  size sockets  memory press maxhdr  slab module     cl co di\n\
    AF_VSOCK  1240      0      -1   NI       0   yes  kernel      y  n  n\n\
    MPTCP     1936      0     154   yes      0   yes  kernel      y  y  y\n\
    UDP       1344      0      58   NI       0   yes  kernel      y  y  y\n\
    TCP       2304      1     154   yes    192   yes  kernel      y  y  y\n\
    SCTP      1900      1       0   no     192   yes  sctp        y  y  y\n\
    yes yes\n\n";

fn facts() -> HostFacts {
    let mut facts = HostFacts::assumed(PageSize(4096));
    facts.active_skbs = Some(15033);
    facts
}

#[test]
fn every_number_from_its_place() {
    let files = NetworkFiles {
        sockstat: Some(SOCKSTAT),
        sockstat6: Some(SOCKSTAT6),
        protocols: Some(PROTOCOLS),
        tcp_mem: Some(b"287898\t383867\t575796\n"),
        udp_mem: Some(b"1 2 3\n"),
    };
    let limits = |low, pressure, high| {
        Some(MemLimits { low: Pages(low), pressure: Pages(pressure), high: Pages(high) })
    };
    let expected = Network {
        tcp: Some(ProtocolMemory { used: Pages(154), limits: limits(287_898, 383_867, 575_796) }),
        udp: Some(ProtocolMemory { used: Pages(58), limits: limits(1, 2, 3) }),
        fragments: Some(Bytes(4608)),
        under_pressure: vec!["MPTCP".to_owned(), "TCP".to_owned()],
        sockets_used: Some(13),
        tcp_allocated: Some(4),
        tcp_orphans: Some(2),
        tcp_time_wait: Some(3),
        skb_objects: Some(15033),
        skb_bound: Some(Bytes(15033 * 144 * 4096)),
    };
    assert_eq!(network(&files, &facts()), expected);
}

#[test]
fn what_cannot_be_read_is_absent() {
    let mut nothing = facts();
    nothing.active_skbs = None;
    assert_eq!(network(&NetworkFiles::default(), &nothing), Network::default());
    let garbage: &[u8] = b"TCP: mem\nUDP: mem x\nFRAG: \xff\n";
    let files = NetworkFiles {
        sockstat: Some(garbage),
        sockstat6: Some(garbage),
        protocols: Some(garbage),
        tcp_mem: Some(garbage),
        udp_mem: Some(garbage),
    };
    assert_eq!(network(&files, &nothing), Network::default());
    let files = NetworkFiles { sockstat: Some(SOCKSTAT), tcp_mem: Some(b"1 2"), ..NetworkFiles::default() };
    let network = network(&files, &nothing);
    assert_eq!(network.tcp, Some(ProtocolMemory { used: Pages(154), limits: None }));
    assert_eq!(network.fragments, Some(Bytes(4096)));
}

#[test]
fn how_close() {
    let memory = |used, pressure| ProtocolMemory {
        used: Pages(used),
        limits: Some(MemLimits { low: Pages(1), pressure: Pages(pressure), high: Pages(900) }),
    };
    assert_eq!(memory(300, 600).share_of_pressure(), Some(0.5));
    assert_eq!(memory(300, 0).share_of_pressure(), None);
    assert_eq!(ProtocolMemory { used: Pages(1), limits: None }.share_of_pressure(), None);
}
