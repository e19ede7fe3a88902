//! Names of protocol numbers, as `ss` has them.

/// A protocol above IP (/etc/protocols).
pub(in crate::output) fn ip_protocol(number: u16) -> Option<&'static str> {
    Some(match number {
        0 => "ip",
        1 => "icmp",
        2 => "igmp",
        4 => "ipencap",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        115 => "l2tp",
        132 => "sctp",
        136 => "udplite",
        255 => "raw",
        _ => return None,
    })
}

/// A protocol of a packet socket (linux/if_ether.h); all frames are `*`, none at all is 0.
pub(in crate::output) fn ethernet_protocol(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0000 => "[0]",
        0x0003 => "*",
        0x0800 => "ipv4",
        0x0806 => "arp",
        0x8100 => "802.1Q",
        0x86dd => "ipv6",
        0x8863 => "ppp_disc",
        0x8864 => "ppp_ses",
        0x888e => "802.1X",
        0x88cc => "lldp",
        0x88f7 => "ptp",
        _ => return None,
    })
}

/// A protocol of netlink (/etc/iproute2/nl_protos).
pub(in crate::output) fn netlink_protocol(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "rtnl",
        2 => "usersock",
        3 => "fw",
        4 => "tcpdiag",
        5 => "nflog",
        6 => "xfrm",
        7 => "selinux",
        8 => "iscsi",
        9 => "audit",
        10 => "fiblookup",
        11 => "connector",
        12 => "nft",
        13 => "ip6fw",
        14 => "dec-rt",
        15 => "uevent",
        16 => "genl",
        18 => "scsi-trans",
        19 => "ecryptfs",
        20 => "rdma",
        21 => "crypto",
        22 => "smc",
        _ => return None,
    })
}
