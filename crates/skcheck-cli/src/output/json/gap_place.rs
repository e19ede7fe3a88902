//! Where something is missing: an object whose `kind` says which fields it has.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;
use skcheck_core::{NetnsName, Place, ProcessName};

use crate::output::json::bytes::{hex_unless_utf8, lossy};

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum GapPlaceJson {
    Table {
        table: &'static str,
    },
    SockDiag,
    Protocol {
        protocol: &'static str,
    },
    Protocols {
        protocols: Vec<CountedJson>,
    },
    Connection {
        local_port: Option<u16>,
        peer_port: Option<u16>,
    },
    File {
        #[serde(flatten)]
        path: PathJson,
        part: Option<&'static str>,
    },
    FileSystem {
        mounted_at: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        mounted_at_hex: Option<String>,
        r#type: String,
        #[serde(flatten)]
        path: PathJson,
    },
    Namespaces {
        names: Vec<NetnsNameJson>,
        more: u64,
    },
    Processes {
        processes: Vec<ProcessNameJson>,
        more: u64,
    },
    Interfaces,
    Engine {
        engine: &'static str,
    },
    Host,
    /// None: a test keeps every kind in this list.
    Other,
}

impl GapPlaceJson {
    pub(super) fn new(place: &Place) -> GapPlaceJson {
        match place {
            Place::Table(table) => GapPlaceJson::Table { table: table.name() },
            Place::SockDiag => GapPlaceJson::SockDiag,
            Place::Protocol(protocol) => GapPlaceJson::Protocol { protocol: protocol.name() },
            Place::Protocols(sockets) => GapPlaceJson::Protocols {
                protocols: sockets.iter().map(|(name, sockets)| CountedJson::new(name, *sockets)).collect(),
            },
            Place::Connection { local, peer } => {
                GapPlaceJson::Connection { local_port: *local, peer_port: *peer }
            }
            Place::File { path, part } => GapPlaceJson::File { path: PathJson::new(path), part: *part },
            Place::FileSystem { point, kind, path } => GapPlaceJson::FileSystem {
                mounted_at: lossy(point.as_os_str().as_bytes()),
                mounted_at_hex: hex_unless_utf8(point.as_os_str().as_bytes()),
                r#type: kind.clone(),
                path: PathJson::new(path),
            },
            Place::Namespaces { first, more } => GapPlaceJson::Namespaces {
                names: first.iter().map(NetnsNameJson::new).collect(),
                more: *more,
            },
            Place::Processes { first, more } => {
                let processes = first.iter().map(ProcessNameJson::new).collect();
                GapPlaceJson::Processes { processes, more: *more }
            }
            Place::Interfaces => GapPlaceJson::Interfaces,
            Place::Engine(engine) => GapPlaceJson::Engine { engine },
            Place::Host => GapPlaceJson::Host,
            _ => GapPlaceJson::Other,
        }
    }
}

/// How many sockets of a protocol, by the kernel's name for it.
#[derive(Serialize)]
pub(super) struct CountedJson {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    sockets: u64,
}

impl CountedJson {
    fn new(name: &[u8], sockets: u64) -> CountedJson {
        CountedJson { name: lossy(name), name_hex: hex_unless_utf8(name), sockets }
    }
}

#[derive(Serialize)]
pub(super) struct PathJson {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl PathJson {
    fn new(path: &Path) -> PathJson {
        let path = path.as_os_str().as_bytes();
        PathJson { path: lossy(path), path_hex: hex_unless_utf8(path) }
    }
}

/// A network namespace that a gap names.
#[derive(Serialize)]
pub(super) struct NetnsNameJson {
    inode: Option<u64>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl NetnsNameJson {
    fn new(netns: &NetnsName) -> NetnsNameJson {
        let path = netns.path.as_ref().map(|path| path.as_os_str().as_bytes());
        NetnsNameJson {
            inode: netns.id.map(|id| id.0),
            name: netns.name.as_deref().map(lossy),
            name_hex: netns.name.as_deref().and_then(hex_unless_utf8),
            path: path.map(lossy),
            path_hex: path.and_then(hex_unless_utf8),
        }
    }
}

/// A process that a gap names.
#[derive(Serialize)]
pub(super) struct ProcessNameJson {
    pid: u32,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    fd: Option<u32>,
}

impl ProcessNameJson {
    pub(super) fn new(process: &ProcessName) -> ProcessNameJson {
        ProcessNameJson {
            pid: process.pid,
            comm: process.comm.as_deref().map(lossy),
            comm_hex: process.comm.as_deref().and_then(hex_unless_utf8),
            fd: process.fd,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use serde_json::{Value, json};
    use skcheck_core::{NetnsId, Protocol, Table, testing};

    use super::*;

    /// Every kind, and what becomes of it.
    fn kinds() -> Vec<(Place, Value)> {
        let raw = |bytes: &[u8]| OsString::from_vec(bytes.to_vec()).into();
        let file = |path, part| Place::File { path, part };
        let file_system =
            Place::FileSystem { point: "/mnt".into(), kind: "nfs4".to_owned(), path: "/mnt/a".into() };
        let file_system_json = json!({
            "kind": "file_system", "mounted_at": "/mnt", "type": "nfs4", "path": "/mnt/a",
        });
        let processes = Place::Processes {
            first: vec![
                testing::process_name(1, Some(b"init"), None),
                testing::process_name(7, Some(b"a\xff".as_slice()), Some(3)),
                testing::process_name(9, None, None),
            ],
            more: 4,
        };
        let processes_json = json!({"kind": "processes", "more": 4, "processes": [
            {"pid": 1, "comm": "init", "fd": null},
            {"pid": 7, "comm": "a\u{fffd}", "comm_hex": "61ff", "fd": 3},
            {"pid": 9, "comm": null, "fd": null},
        ]});
        let namespaces = Place::Namespaces {
            first: vec![
                testing::netns_name(Some(NetnsId(5)), Some(b"blue"), Some("/run/netns/blue")),
                testing::netns_name(None, None, None),
            ],
            more: 2,
        };
        let namespaces_json = json!({"kind": "namespaces", "more": 2, "names": [
            {"inode": 5, "name": "blue", "path": "/run/netns/blue"},
            {"inode": null, "name": null, "path": null},
        ]});
        vec![
            (Place::Table(Table::Unix), json!({"kind": "table", "table": "unix"})),
            (Place::SockDiag, json!({"kind": "sock_diag"})),
            (Place::Protocol(Protocol::Tcp), json!({"kind": "protocol", "protocol": "tcp"})),
            (
                Place::Protocols([(b"XDP".to_vec(), 2)].into()),
                json!({"kind": "protocols", "protocols": [{"name": "XDP", "sockets": 2}]}),
            ),
            (
                Place::Connection { local: Some(80), peer: None },
                json!({"kind": "connection", "local_port": 80, "peer_port": null}),
            ),
            (
                file("/proc/iomem".into(), Some("reserved")),
                json!({"kind": "file", "path": "/proc/iomem", "part": "reserved"}),
            ),
            (
                file(raw(b"/a\xff"), None),
                json!({"kind": "file", "path": "/a\u{fffd}", "path_hex": "2f61ff", "part": null}),
            ),
            (file_system, file_system_json),
            (namespaces, namespaces_json),
            (processes, processes_json),
            (Place::Interfaces, json!({"kind": "interfaces"})),
            (Place::Engine("bpf"), json!({"kind": "engine", "engine": "bpf"})),
            (Place::Host, json!({"kind": "host"})),
        ]
    }

    #[test]
    fn every_kind_has_its_fields() {
        for (place, expected) in kinds() {
            let found = serde_json::to_value(GapPlaceJson::new(&place)).unwrap();
            assert_eq!(found, expected, "{place:?}");
        }
    }

    #[test]
    fn no_kind_is_left_out() {
        let kind = |place: &Place| serde_json::to_value(GapPlaceJson::new(place)).unwrap()["kind"].clone();
        let mut left: Vec<Value> = testing::places().iter().map(kind).collect();
        assert!(!left.contains(&json!("other")), "{left:?}");
        left.retain(|kind| !kinds().iter().any(|(_, json)| json["kind"] == *kind));
        assert!(left.is_empty(), "{left:?} has no test of its fields");
    }

    #[test]
    fn every_kind_is_documented() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
        let document = std::fs::read_to_string(path).unwrap();
        let section = document.split("### `place`").nth(1).unwrap().split("\n#").next().unwrap();
        for (place, json) in kinds() {
            let kind = format!("| `{}` |", json["kind"].as_str().unwrap());
            let line = section.lines().find(|line| line.starts_with(&kind)).expect(&kind);
            for field in
                json.as_object().unwrap().keys().filter(|key| *key != "kind" && !key.ends_with("_hex"))
            {
                assert!(line.contains(&format!("`{field}`")), "{field} of {place:?}");
            }
        }
    }
}
