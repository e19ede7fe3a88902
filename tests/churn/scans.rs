//! Scans, by the library and by the command, and what they say of each socket that has something unread.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use skcheck_bpf::Bpf;
use skcheck_core::engine::{Engine, Limits};
use skcheck_core::{Holder, Inode, Live, Query, SocketEntry, scan_with};

/// What is said of a socket: its Recv-Q, and by whose descriptors (process and number) it is held.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) inode: Option<u32>,
    /// `None` where nothing tells what waits in it.
    pub(crate) recv_q: Option<u64>,
    pub(crate) holders: Vec<(u32, u32)>,
    /// By whose its other end is held.
    pub(crate) peer_holders: Vec<(u32, u32)>,
}

/// How to scan.
#[derive(Clone, Copy)]
pub(crate) enum Way<'e> {
    /// Within this process, with an engine or without.
    Library(Option<&'e Bpf>),
    /// By the command, with `--engine`.
    Command(&'static str),
}

pub(crate) fn host() -> Live {
    Live::new().comparing(skcheck_bpf::same_files)
}

impl Way<'_> {
    /// Every socket with at least a byte in Recv-Q.
    pub(crate) fn scan(self) -> Vec<Row> {
        match self {
            Way::Library(engine) => {
                let engine = engine.map(|engine| engine as &dyn Engine);
                let mut query = Query::default();
                query.min_recv_q = Some(1);
                // As the command has it.
                let limits = Limits::new(Limits::PACKETS, Some(Duration::from_millis(200)));
                let snapshot = scan_with(&host(), &query, engine, &limits).expect("a scan");
                snapshot.sockets.iter().map(Row::of_report).collect()
            }
            Way::Command(engine) => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_skcheck"));
                command.args(["--min-recvq", "1", "--format", "json", "--engine", engine]);
                let output = command.output().expect("it runs");
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {error}", output.status);
                let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                report["sockets"].as_array().expect("sockets").iter().map(Row::of_json).collect()
            }
        }
    }
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Library(None) => f.write_str("the library, proc"),
            Way::Library(Some(_)) => f.write_str("the library, bpf"),
            Way::Command(engine) => write!(f, "skcheck --engine {engine}"),
        }
    }
}

impl Row {
    fn of_report(report: &SocketEntry) -> Row {
        let pairs = |holders: &[Holder]| holders.iter().map(|holder| (holder.pid, holder.fd)).collect();
        Row {
            inode: report.socket.inode.map(Inode::get),
            recv_q: report.socket.recv_q.size(),
            holders: pairs(&report.holders),
            peer_holders: pairs(&report.peer_holders),
        }
    }

    fn of_json(socket: &Value) -> Row {
        let small = |number: &Value| number.as_u64().and_then(|number| u32::try_from(number).ok());
        let holder = |holder: &Value| Some((small(&holder["pid"])?, small(&holder["fd"])?));
        let pairs =
            |holders: &Value| holders.as_array().expect("holders").iter().filter_map(holder).collect();
        Row {
            inode: small(&socket["inode"]),
            recv_q: socket["recv_q"].as_u64(),
            holders: pairs(&socket["holders"]),
            peer_holders: pairs(&socket["peer_holders"]),
        }
    }
}
