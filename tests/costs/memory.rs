//! What does not match is remembered in at most 16 bytes.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use crate::world::{Idlers, allow_descriptors, child, in_own_world, keep_one_processor, role, scan_idle};

/// How much memory a process's peak jitters by, in bytes: stacks, files mapped, heads of arenas.
const NOISE: u64 = 128 * 1024;

#[test]
fn a_descriptor_takes_16_bytes_at_most() {
    in_own_world("memory::a_descriptor_takes_16_bytes_at_most", || {
        if role().is_some() {
            keep_one_processor();
            return scan_and_tell();
        }
        let world = Copies::make();
        let inheriting = Idlers::start(1);
        let (few, before) = peak_of_scan();
        let more = world.inherited();
        let (many, after) = peak_of_scan();
        drop((inheriting, more));
        let (grown, descriptors) = (after.saturating_sub(before), many - few);
        println!("{grown} bytes for {descriptors} descriptors");
        assert!(descriptors >= world.each as u64 * 2, "{few} and {many}");
        assert!(grown > 8 * descriptors, "an index takes more: is the peak what is measured?");
        assert!(grown <= 16 * descriptors + NOISE, "{grown} bytes for {descriptors} descriptors");
    });
}

/// Threads are ahead of who takes in what they see, but not far.
#[test]
fn a_thread_takes_2_mib_at_most() {
    const MOST: u64 = 2 << 20;
    in_own_world("memory::a_thread_takes_2_mib_at_most", || {
        if let Some(role) = role() {
            if role == "alone" {
                keep_one_processor();
            }
            return scan_and_tell();
        }
        let world = Copies::make();
        let inheriting = world.inherited();
        let [(seen, alone), (seen_by_many, many)] = ["alone", "many"].map(peak_of_scan_as);
        drop(inheriting);
        let threads = std::thread::available_parallelism().map_or(1, |it| it.get() as u64);
        println!("{threads} threads: {alone} and {many} bytes");
        assert_eq!(seen, seen_by_many);
        assert!(many <= alone + threads * MOST + NOISE, "{threads} threads: {alone} and {many} bytes");
    });
}

/// Scans once, and tells how many descriptors there are and the peak of memory.
fn scan_and_tell() {
    // In huge pages even the spare room of a vector takes memory.
    nix::sys::prctl::set_thp_disable(true).expect("small pages");
    let scanned = scan_idle().scanned.descriptors;
    println!("scanned {scanned} peak {}", peak());
}

/// Descriptors that children inherit: many of one socket cost the kernel little.
struct Copies {
    each: usize,
    _copies: Vec<OwnedFd>,
}

impl Copies {
    fn make() -> Copies {
        let each = (allow_descriptors() - 100).min(15_000);
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let copies = (0..each).map(|_| rustix::io::dup(&socket).expect("a descriptor")).collect();
        Copies { each, _copies: copies }
    }

    /// Processes that have some 300,000 of them.
    fn inherited(&self) -> Idlers {
        Idlers::start((300_000 / self.each).min(64))
    }
}

/// Descriptors seen, and peak memory in bytes, of a process that scans once.
fn peak_of_scan() -> (u64, u64) {
    peak_of_scan_as("scan")
}

fn peak_of_scan_as(role: &str) -> (u64, u64) {
    let output = child(role).output().expect("the test binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let mut words =
        text.lines().find_map(|line| Some(line.split_once("scanned ")?.1)).expect("a line").split(' ');
    let mut number = || words.next().and_then(|word| word.parse().ok());
    let scanned = number().expect("how many");
    words.next();
    (scanned, words.next().and_then(|word| word.parse().ok()).expect("the peak"))
}

/// VmHWM of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}
