//! The switches that ask for protocols.

use std::ops::BitOr;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use skcheck_core::Protocols;

/// One of them: its name is that of the protocol's row.
struct Switch {
    flag: &'static str,
    short: Option<char>,
    help: &'static str,
}

const SWITCHES: [Switch; 8] = [
    Switch { flag: "tcp", short: Some('t'), help: "TCP [no protocol named: all of them]" },
    Switch { flag: "udp", short: Some('u'), help: "UDP and UDP-Lite" },
    Switch { flag: "unix", short: Some('x'), help: "Unix sockets" },
    Switch { flag: "mptcp", short: None, help: "MPTCP, with its subflows (-t alone shows those as TCP)" },
    Switch { flag: "raw", short: None, help: "Raw and ping sockets (ping, dhcpcd, fping, ...)" },
    Switch {
        flag: "packet",
        short: None,
        help: "Packet sockets, with their rings (tcpdump, keepalived, ...)",
    },
    Switch { flag: "netlink", short: None, help: "Netlink sockets" },
    Switch { flag: "vsock", short: None, help: "Vsock sockets, between virtual machines and their host" },
];

/// The protocols that were named; none where no switch was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProtocolArgs(pub(crate) Protocols);

impl Args for ProtocolArgs {
    fn augment_args(command: Command) -> Command {
        let arg = |Switch { flag, short, help }: &Switch| {
            Arg::new(*flag).long(*flag).short(*short).help(*help).action(ArgAction::SetTrue)
        };
        SWITCHES.iter().map(arg).fold(command, Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        ProtocolArgs::augment_args(command)
    }
}

impl FromArgMatches for ProtocolArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<ProtocolArgs, clap::Error> {
        let on = SWITCHES.iter().filter(|switch| matches.get_flag(switch.flag));
        let protocols = on.map(|switch| Protocols::of_flag(switch.flag));
        Ok(ProtocolArgs(protocols.fold(Protocols::NONE, Protocols::bitor)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = ProtocolArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use skcheck_core::Protocol;

    use super::*;

    #[test]
    fn every_protocol_has_its_switch() {
        let switches: BTreeSet<&str> = SWITCHES.iter().map(|switch| switch.flag).collect();
        assert_eq!(switches, Protocol::ALL.into_iter().map(Protocol::flag).collect());
    }
}
