//! One end of a socket.

use std::net::IpAddr;

use serde::Serialize;
use skcheck_core::Endpoint;

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::words::address::cid_name;
use crate::output::words::numbers;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum EndpointJson<'a> {
    Ip {
        addr: IpAddr,
        port: u16,
        scope: Option<&'a str>,
    },
    Path {
        path: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        path_hex: Option<String>,
    },
    Abstract {
        r#abstract: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        abstract_hex: Option<String>,
    },
    Unnamed {
        unnamed: bool,
    },
    Raw {
        addr: IpAddr,
        ip_protocol: u16,
        name: Option<&'static str>,
        scope: Option<&'a str>,
    },
    Packet {
        ethernet_protocol: u16,
        name: Option<&'static str>,
    },
    Netlink {
        netlink_protocol: u8,
        name: Option<&'static str>,
        portid: u32,
    },
    Vsock {
        cid: Option<u32>,
        name: Option<&'static str>,
        port: Option<u32>,
    },
}

impl<'a> EndpointJson<'a> {
    #[warn(clippy::wildcard_enum_match_arm, reason = "a new kind of end is to be told")]
    pub(super) fn new(endpoint: &Endpoint, interface: Option<&'a str>) -> Option<EndpointJson<'a>> {
        Some(match endpoint {
            Endpoint::Ip { addr, port } => {
                let scoped = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
                EndpointJson::Ip { addr: *addr, port: *port, scope: interface.filter(|_| scoped) }
            }
            Endpoint::Path(path) => EndpointJson::Path { path: lossy(path), path_hex: hex_unless_utf8(path) },
            Endpoint::Abstract(name) => {
                EndpointJson::Abstract { r#abstract: lossy(name), abstract_hex: hex_unless_utf8(name) }
            }
            Endpoint::Unnamed => EndpointJson::Unnamed { unnamed: true },
            Endpoint::Raw { addr, protocol } => {
                let scoped = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
                EndpointJson::Raw {
                    addr: *addr,
                    ip_protocol: *protocol,
                    name: numbers::ip_protocol(*protocol),
                    scope: interface.filter(|_| scoped),
                }
            }
            Endpoint::Packet { protocol } => EndpointJson::Packet {
                ethernet_protocol: *protocol,
                name: numbers::ethernet_protocol(*protocol),
            },
            Endpoint::Netlink { protocol, portid } => EndpointJson::Netlink {
                netlink_protocol: *protocol,
                name: numbers::netlink_protocol(*protocol),
                portid: *portid,
            },
            Endpoint::Vsock { cid, port } => {
                EndpointJson::Vsock { cid: *cid, name: cid.and_then(cid_name), port: *port }
            }
            Endpoint::Unknown => return None,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_vsock_sockets() {
        let check = |cid, port, expected: &str| {
            let end = EndpointJson::new(&Endpoint::Vsock { cid, port }, None);
            assert_eq!(serde_json::to_string(&end).unwrap(), expected);
        };
        check(Some(2), Some(1024), r#"{"cid":2,"name":"host","port":1024}"#);
        check(Some(7), None, r#"{"cid":7,"name":null,"port":null}"#);
        check(None, Some(22), r#"{"cid":null,"name":null,"port":22}"#);
    }
}
