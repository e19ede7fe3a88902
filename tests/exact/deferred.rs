//! Packets that are done with, and not freed yet.

use std::net::{Ipv4Addr, UdpSocket};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What one CPU has allocated and another is done with waits for the former's next packet
/// (`skb_attempt_defer_free`, since Linux 5.19): each CPU gets one.
pub(crate) fn free_what_is_put_off() {
    let allowed = sched_getaffinity(None).expect("of this thread");
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    std::thread::scope(|scope| {
        for cpu in cpus {
            scope.spawn(move || {
                let mut only = CpuSet::new();
                only.set(cpu);
                sched_setaffinity(None, &only).expect("one that this thread may run on");
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
                socket.send_to(&[0], socket.local_addr().expect("bound")).expect("it is bound");
                socket.recv(&mut [0]).expect("the byte");
            });
        }
    });
}
