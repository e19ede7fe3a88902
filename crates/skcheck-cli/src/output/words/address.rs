//! Addresses, made safe for a terminal.

use std::net::IpAddr;

use skcheck_core::{Endpoint, Socket};

use crate::output::words::numbers;
use crate::text::{Charset, escape};

/// An address of this socket, the name of whose interface may not be known: without any a packet socket would
/// look as if it were bound to none.
pub(in crate::output) fn endpoint_of(
    end: &Endpoint,
    socket: &Socket,
    interface: Option<&str>,
    charset: Charset,
) -> String {
    let number = socket.interface.filter(|_| matches!(end, Endpoint::Packet { .. }));
    let number = number.map(|index| format!("if{index}"));
    endpoint(end, interface.or(number.as_deref()), charset)
}

/// An address; `interface` is the one that its socket is bound to.
#[warn(clippy::wildcard_enum_match_arm, reason = "a new kind of end is to be told")]
pub(in crate::output) fn endpoint(endpoint: &Endpoint, interface: Option<&str>, charset: Charset) -> String {
    let safe = |name: &[u8]| escape(name, charset);
    match endpoint {
        Endpoint::Ip { addr, port } => {
            let port = if *port == 0 { "*".to_owned() } else { port.to_string() };
            format!("{}:{port}", ip(*addr, interface, charset))
        }
        // An abstract name is shown behind an @, so a path must not begin with one.
        Endpoint::Path(path) if path.starts_with(b"@") => format!("./{}", safe(path)),
        Endpoint::Path(path) => safe(path),
        Endpoint::Abstract(name) => format!("@{}", safe(name)),
        Endpoint::Unnamed => "(unnamed)".to_owned(),
        Endpoint::Raw { addr, protocol } => {
            let protocol = name_or_number(numbers::ip_protocol(*protocol), protocol);
            format!("{}:{protocol}", ip(*addr, interface, charset))
        }
        Endpoint::Packet { protocol } => {
            let frames = numbers::ethernet_protocol(*protocol)
                .map_or_else(|| format!("{protocol:#06x}"), str::to_owned);
            format!("{frames}:{}", interface.map_or_else(|| "*".to_owned(), |name| safe(name.as_bytes())))
        }
        Endpoint::Netlink { protocol, portid } => {
            let portid = if *portid == 0 { "kernel".to_owned() } else { portid.to_string() };
            format!("{}:{portid}", name_or_number(numbers::netlink_protocol(*protocol), protocol))
        }
        Endpoint::Vsock { cid, port } => {
            let machine = cid.map_or_else(|| "*".to_owned(), |cid| name_or_number(cid_name(cid), &cid));
            let port = port.map_or_else(|| "*".to_owned(), |port| port.to_string());
            format!("{machine}:{port}")
        }
        Endpoint::Unknown => String::new(),
        _ => String::new(),
    }
}

fn ip(addr: IpAddr, interface: Option<&str>, charset: Charset) -> String {
    let scope = interface.map(|name| format!("%{}", escape(name.as_bytes(), charset))).unwrap_or_default();
    match addr {
        IpAddr::V4(addr) => format!("{addr}{scope}"),
        IpAddr::V6(addr) => format!("[{addr}]{scope}"),
    }
}

fn name_or_number(name: Option<&str>, number: &impl ToString) -> String {
    name.map_or_else(|| number.to_string(), str::to_owned)
}

/// The machine that a context id of vsock always means (linux/vm_sockets.h).
pub(in crate::output) fn cid_name(cid: u32) -> Option<&'static str> {
    match cid {
        0 => Some("hypervisor"),
        1 => Some("local"),
        2 => Some("host"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_vsock_sockets() {
        let check = |cid, port, expected: &str| {
            assert_eq!(endpoint(&Endpoint::Vsock { cid, port }, None, Charset::Ascii), expected);
        };
        check(None, None, "*:*");
        check(None, Some(22), "*:22");
        check(Some(0), Some(1), "hypervisor:1");
        check(Some(1), Some(1024), "local:1024");
        check(Some(2), None, "host:*");
        check(Some(3), Some(u32::MAX - 1), "3:4294967294");
    }
}
