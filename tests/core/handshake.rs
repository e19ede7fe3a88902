//! What a SYN and a FIN of one's own leave in Send-Q, beside data.

use std::net::{Ipv4Addr, Shutdown, SocketAddrV4};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{Payload, State};

use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, get};
use crate::support::sockets::{fill, inode, socket_of, tcp_pair};

/// A connection that nobody answers: the kernel counts its SYN as a byte to be acknowledged.
#[test]
fn a_syn_is_no_data() {
    if !in_own_netns("handshake::a_syn_is_no_data") {
        return;
    }
    const PORT: u16 = 7100;
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT);
    let tcp = || socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let listener = tcp();
    rustix::net::bind(&listener, &address).expect("the port is free");
    rustix::net::listen(&listener, 0).expect("bound");
    // One fits in; the second is not answered.
    let clients = [tcp(), tcp()];
    for client in &clients {
        rustix::io::ioctl_fionbio(client, true).expect("a socket");
        let connecting = rustix::net::connect(client, &address);
        assert!(matches!(connecting, Ok(()) | Err(rustix::io::Errno::INPROGRESS)), "{connecting:?}");
    }
    let unanswered = inode(&clients[1]);
    let report = eventually("the second waits for an answer", || {
        let snapshot = scan::run(&scan::port(PORT));
        let report = get(&snapshot, unanswered).clone();
        (report.socket.state == State::SynSent).then_some(report)
    });
    assert_eq!(report.socket.send_q.size(), Some(1), "what ss prints");
    assert_eq!(report.footprint.sent.payload, Some(Payload(0)), "{report:#?}");
    assert!(report.footprint.sent.charged.is_some_and(|charge| charge.0 > 0), "the SYN's own packet");
}

/// The same of a FIN behind data that the peer does not take.
#[test]
fn a_fin_is_no_data() {
    let pair = tcp_pair("127.0.0.1");
    let written = fill(&pair.client);
    let client = inode(&pair.client);
    let unsent = || {
        let snapshot = scan::run(&scan::port(pair.port));
        let report = get(&snapshot, client);
        let sent = report.footprint.sent.payload.expect("known").0;
        let unread = get(&snapshot, inode(&pair.server)).footprint.received.payload.expect("known").0;
        (sent + unread == written).then(|| (report.socket.state, report.socket.send_q.size(), sent))
    };
    let (_, _, before) = eventually("both queues hold what was written", unsent);
    pair.client.shutdown(Shutdown::Write).expect("connected");
    let (state, send_q, sent) = eventually("they still do", unsent);
    assert_eq!((state, send_q, sent), (State::FinWait1, Some(before + 1), before));
}
