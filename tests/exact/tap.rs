//! A network interface whose driver is the test: it hands up packets that lie in memory as those of a
//! network card do.

use std::fs::{File, OpenOptions};
use std::io::IoSlice;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::ioctl::{Setter, ioctl};

use crate::support::namespaces::run;

/// The address of the interface; packets come from [`OTHER`].
pub(crate) const ADDRESS: [u8; 4] = [10, 88, 0, 1];
const OTHER: [u8; 4] = [10, 88, 0, 2];

/// How the kernel takes what is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Taking {
    /// In one piece of a chunk, around which it builds the packet (`tun_build_skb`).
    InOnePiece,
    /// Each slice that is written in a fragment of its own (`tun_napi_alloc_frags`).
    InFragments,
}

/// An interface with Ethernet frames. It is gone when this is dropped.
pub(crate) struct Tap(File);

impl Tap {
    pub(crate) fn open(taking: Taking) -> Tap {
        const IFF_TAP: u16 = 0x2;
        const IFF_NAPI: u16 = 0x10;
        const IFF_NAPI_FRAGS: u16 = 0x20;
        const IFF_NO_PI: u16 = 0x1000;
        // Without blocking: else it allocates packets in another way.
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let device = options.open("/dev/net/tun").expect("root may");
        let flags = match taking {
            Taking::InOnePiece => IFF_TAP | IFF_NO_PI,
            Taking::InFragments => IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_NAPI_FRAGS,
        };
        set_interface(&device, b"tap", flags);
        run("ip", &["addr", "add", "10.88.0.1/24", "dev", "tap"]);
        run("ip", &["link", "set", "tap", "address", "02:00:00:00:00:01", "up"]);
        Tap(device)
    }

    /// A datagram comes in, its payload in as many slices as there are here.
    pub(crate) fn hand_up(&self, to: u16, payload: &[&[u8]]) {
        let headers = headers(to, payload.iter().map(|slice| slice.len()).sum());
        let slices = std::iter::once(&headers[..]).chain(payload.iter().copied());
        let slices: Vec<IoSlice<'_>> = slices.map(IoSlice::new).collect();
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        assert_eq!(rustix::io::writev(&self.0, &slices).expect("the interface is up"), length);
    }
}

/// Makes an interface of an open /dev/net/tun.
#[allow(unsafe_code)] // no library that the tests have wraps this ioctl
fn set_interface(device: &File, name: &[u8], flags: u16) {
    /// `_IOW('T', 202, int)`.
    const TUNSETIFF: rustix::ioctl::Opcode = 0x4004_54ca;
    // A `struct ifreq`: the name, and a union that begins with the flags.
    let mut request = [0u8; 40];
    request[..name.len()].copy_from_slice(name);
    request[16..18].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: TUNSETIFF reads and writes a `struct ifreq`, which has 40 bytes, and keeps no pointer to it.
    let done = unsafe { ioctl(device, Setter::<TUNSETIFF, [u8; 40]>::new(request)) };
    done.expect("root may make interfaces");
}

/// Ethernet, IPv4 and UDP.
fn headers(to: u16, payload: usize) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).expect("a datagram is small").to_be_bytes();
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let mut ip = vec![0x45, 0];
    ip.extend(length(20 + 8 + payload));
    ip.extend([0, 0, 0, 0, 64, 17, 0, 0]); // identification, fragment, TTL, UDP, checksum
    ip.extend(OTHER);
    ip.extend(ADDRESS);
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("folded");
    ip[10..12].copy_from_slice(&folded.to_be_bytes());
    bytes.extend(ip);
    bytes.extend(4000u16.to_be_bytes());
    bytes.extend(to.to_be_bytes());
    bytes.extend(length(8 + payload));
    bytes.extend([0, 0]); // no checksum
    bytes
}
