//! Scans of the running host, all of whose processes are said to be in one container of a pod.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::SystemTime;

use crate::host::live::Live;
use crate::host::{Diag, Host};
use crate::join::scan::scan;
use crate::model::container::{Container, Runtime};
use crate::model::families::protocol_set::Protocols;
use crate::model::netns::NetnsFile;
use crate::model::query::Query;
use crate::model::state::State;
use crate::model::units::PageSize;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::{Holding, SocketEntry};

const ID: &str = "b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2";
const UID: &str = "72f7f152-440c-66ac-9084-e0fc1d8a910c";

/// The cgroup of all processes.
const PATH: &str = "/kubepods.slice/kubepods-pod72f7f152_440c_66ac_9084_e0fc1d8a910c.slice/cri-containerd-\
                    b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2.scope";

/// The running host as a node.
struct Node {
    live: Live,
    /// The number of the cgroup /system.slice/nginx.service.
    service: u64,
}

impl Node {
    fn new() -> Node {
        Node { live: Live::new(), service: 0 }
    }
}

impl Host for Node {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        self.live.diag(netns)
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        self.live.fd_links(pid, on_link)
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        *into = match path.to_str().unwrap_or_default() {
            "/proc/1/mountinfo" | "/proc/self/mountinfo" => {
                b"1 1 0:1 / /cgroups rw - cgroup2 cgroup2 rw\n".to_vec()
            }
            "/cgroups/cgroup.controllers" => Vec::new(),
            path if path.ends_with("/cgroup") => format!("0::{PATH}\n").into_bytes(),
            _ => return self.live.read_limited(path, limit, into),
        };
        Ok(())
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.live.read_at(path, offset, into)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        match path.to_str().unwrap_or_default() {
            "/var/log/pods" => on_entry(format!("prod_api-7d9c_{UID}").as_bytes()),
            "/var/log/containers" => on_entry(format!("api-7d9c_prod_server-{ID}.log").as_bytes()),
            _ => return self.live.read_dir(path, on_entry),
        }
        Ok(())
    }

    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        match path.to_str().unwrap_or_default().trim_end_matches('/') {
            "/cgroups" => {
                on_directory(b"user.slice", u64::MAX - 1);
                on_directory(b"system.slice", u64::MAX - 2);
            }
            "/cgroups/system.slice" => {
                on_directory(b"cron.service", u64::MAX - 3);
                on_directory(b"nginx.service", self.service);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.live.read_link(path)
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        if path == Path::new("/cgroups") { Ok(u64::MAX) } else { self.live.inode(path) }
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        self.live.xattr(path, name)
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        self.live.interface_name(index)
    }

    fn page_size(&self) -> PageSize {
        self.live.page_size()
    }

    fn now(&self) -> SystemTime {
        self.live.now()
    }
}

/// A connection on loopback of whose ends both are ours.
fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let writer = TcpStream::connect(listener.local_addr()?)?;
    Ok((writer, listener.accept()?.0))
}

fn query_of(port: u16) -> Query {
    Query { port: Some(port), ..Query::of(Protocols::ALL - Protocols::UNIX - Protocols::UDP) }
}

fn run(node: &Node, query: &Query) -> io::Result<Snapshot> {
    scan(node, query).map_err(io::Error::other)
}

#[test]
fn a_process_and_its_namespace_carry_the_names_of_its_pod() -> io::Result<()> {
    let (mut writer, _reader) = connection()?;
    writer.write_all(b"unread")?;
    let query = query_of(writer.local_addr()?.port());
    let snapshot = run(&Node::new(), &query)?;
    let process = snapshot.process(std::process::id()).cloned().unwrap_or_default();
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let container = Container {
        runtime: Some(Runtime::Containerd),
        id: bytes(ID),
        pod_uid: bytes(UID),
        pod: bytes("api-7d9c"),
        namespace: bytes("prod"),
        name: bytes("server"),
    };
    assert_eq!(process.container.as_ref(), Some(&container));
    assert_eq!(process.cgroup, bytes(PATH));
    let own = snapshot.namespaces.first();
    let label = own.and_then(crate::model::netns::Netns::label);
    let name = own.and_then(|netns| netns.name.clone());
    assert_eq!(label, name.or_else(|| bytes("prod/api-7d9c")));
    Ok(())
}

#[test]
fn container_pod_and_cgroup_narrow() -> io::Result<()> {
    let (mut writer, _reader) = connection()?;
    writer.write_all(b"unread")?;
    let all = query_of(writer.local_addr()?.port());
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let with = |container, pod, cgroup| Query {
        container: Option::and_then(container, bytes),
        pod: Option::and_then(pod, bytes),
        cgroup: Option::and_then(cgroup, bytes),
        ..all.clone()
    };
    for (query, expected) in [
        (with(None, None, None), 1),
        (with(Some("server"), None, None), 1),
        (with(Some("b2a1"), None, None), 1),
        (with(Some("b2a2"), None, None), 0),
        (with(None, Some("prod/api-7d9c"), None), 1),
        (with(None, Some(UID), None), 1),
        (with(None, Some("test/api-7d9c"), None), 0),
        (with(None, None, Some("/kubepods.slice/*")), 1),
        (with(None, None, Some("/kubepods")), 0),
        (with(Some("server"), Some("api-7d9c"), Some("*.scope")), 1),
        (with(Some("server"), Some("other"), Some("*.scope")), 0),
    ] {
        let snapshot = run(&Node::new(), &query)?;
        let asked = (&query.container, &query.pod, &query.cgroup);
        assert_eq!(snapshot.sockets.len(), expected, "{asked:?}");
        assert_eq!(snapshot.processes.len(), expected, "{asked:?}");
    }
    Ok(())
}

#[test]
fn an_orphan_is_given_to_the_cgroup_that_it_was_made_in() -> io::Result<()> {
    let (mut writer, _reader) = connection()?;
    let port = writer.local_addr()?.port();
    writer.set_nonblocking(true)?;
    while writer.write(&[0; 65536]).is_ok() {}
    drop(writer);
    let query = Query { states: vec![State::FinWait1], ..query_of(port) };
    let orphan = |node: &Node, query: &Query| -> io::Result<Option<SocketEntry>> {
        Ok(run(node, query)?.sockets.into_iter().find(|entry| entry.holding == Holding::Orphan))
    };
    let mut node = Node::new();
    let Some(before) = orphan(&node, &query)? else { return Err(io::Error::other("no orphan")) };
    assert_eq!((before.cgroup, before.unit), (None, None));
    let missing =
        || io::Error::other("no INET_DIAG_CGROUP_ID: Linux 5.8 with CONFIG_SOCK_CGROUP_DATA has it");
    let id = before.socket.cgroup_id.ok_or_else(missing)?;
    node.service = id;
    let after = orphan(&node, &query)?;
    let cgroup = after.as_ref().and_then(|entry| entry.cgroup.clone());
    assert_eq!(cgroup, Some(b"/system.slice/nginx.service".to_vec()));
    assert_eq!(after.and_then(|entry| entry.unit), Some(b"nginx.service".to_vec()));
    let narrow = |glob: &str| Query { cgroup: Some(glob.as_bytes().to_vec()), ..query.clone() };
    assert!(orphan(&node, &narrow("*/nginx.service"))?.is_some());
    assert!(orphan(&node, &narrow("*/cron.service"))?.is_none());
    let named = Query { process: Some(Vec::new()), ..query };
    assert!(orphan(&node, &named)?.is_none());
    Ok(())
}
