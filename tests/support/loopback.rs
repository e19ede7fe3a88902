//! Packets that are on their way inside this host, or done with and not freed yet.

use std::net::{Ipv4Addr, UdpSocket};
use std::ops::Range;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::scan::eventually;

/// Sends a packet for each of `numbers` over loopback or veth, none of which is lost or on its way
/// afterwards.
pub(crate) fn send_each(numbers: Range<u64>, mut send: impl FnMut(u64)) {
    // A backlog takes 1000 (net.core.netdev_max_backlog).
    const BURST: u64 = 250;
    let mut next = numbers.start;
    while next < numbers.end {
        let burst = next..numbers.end.min(next + BURST);
        next = burst.end;
        burst.for_each(&mut send);
        settle();
    }
}

/// Waits until what was sent over loopback and veth has arrived, and what was read is freed.
///
/// Packets wait in a backlog of the CPU that sent them (`enqueue_to_backlog`), longer than the sender's call
/// where ksoftirqd is at work, and are dropped where it is full. What one CPU has allocated and another is
/// done with waits for the former's next packet (`skb_attempt_defer_free`, since Linux 5.19). So each CPU
/// gets one, behind all others.
pub(crate) fn settle() {
    let allowed = sched_getaffinity(None).expect("of this thread");
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    std::thread::scope(|scope| {
        for cpu in cpus {
            scope.spawn(move || {
                let mut only = CpuSet::new();
                only.set(cpu);
                sched_setaffinity(None, &only).expect("one that this thread may run on");
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
                socket.set_read_timeout(Some(Duration::from_secs(1))).expect("longer than 0");
                eventually("the last packet of a backlog arrives", || {
                    socket.send_to(&[0], socket.local_addr().expect("bound")).expect("it is bound");
                    socket.recv(&mut [0]).ok()
                });
            });
        }
    });
}
