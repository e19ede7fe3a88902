//! Decoding: datagrams of the running kernel to records, and the whole way of a record through a
//! scan that passes it over or keeps it. No system call is in what is timed.

use std::hint::black_box;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use criterion::{Criterion, Throughput};
use skcheck_core::host::Diag;
use skcheck_core::testing::decode::Answer;
use skcheck_core::testing::request;
use skcheck_core::testing::request::States;
use skcheck_core::{Host, IpVersion, Live, NetnsFile, PageSize, Protocols, Query, Table, scan};

/// How many pairs of each kind of socket are recorded.
const PAIRS: usize = 1000;

/// The sequence number that a scan's first request carries.
const FIRST: u32 = 1;

/// What is in `request` and in each message at this place: the sequence number.
const SEQUENCE: std::ops::Range<usize> = 8..12;

fn main() {
    allow_descriptors().expect("a limit of descriptors");
    let sockets = Sockets::make().expect("sockets on loopback");
    let tcp = Recording::take(Table::Tcp(IpVersion::V4)).expect("a dump of TCP");
    let unix = Recording::take(Table::Unix).expect("a dump of unix sockets");
    drop(sockets);
    let mut criterion = Criterion::default().configure_from_args();
    for (name, recording) in [("tcp", &tcp), ("unix", &unix)] {
        assert!(recording.records >= PAIRS as u64, "{name}: {} records", recording.records);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(recording.records));
        group.bench_function("decode", |bencher| bencher.iter(|| recording.decode()));
        for (name, query) in [("pass over", recording.query_nothing()), ("keep", recording.query_all())] {
            let snapshot = scan(recording, &query).expect("a scan of the recording");
            assert_eq!(snapshot.scanned.sockets, recording.records, "{:?}", snapshot.gaps);
            assert_eq!(snapshot.sockets.is_empty(), name == "pass over");
            group.bench_function(name, |bencher| bencher.iter(|| scan(black_box(recording), &query)));
        }
        group.finish();
    }
    criterion.final_summary();
}

/// Many hosts start programs with 1024.
fn allow_descriptors() -> io::Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    Ok(rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)?)
}

/// What the recordings hold beside the sockets of everybody else.
struct Sockets {
    _tcp: Vec<TcpStream>,
    _unix: Vec<(UnixStream, UnixStream)>,
}

impl Sockets {
    fn make() -> io::Result<Sockets> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut tcp = Vec::new();
        for _ in 0..PAIRS {
            tcp.push(TcpStream::connect(listener.local_addr()?)?);
            tcp.push(listener.accept()?.0);
        }
        let unix = (0..PAIRS).map(|_| UnixStream::pair()).collect::<io::Result<_>>()?;
        Ok(Sockets { _tcp: tcp, _unix: unix })
    }
}

/// A host that has one socket table, as the kernel dumped it, and nothing else.
struct Recording {
    table: Table,
    datagrams: Datagrams,
    records: u64,
}

impl Recording {
    fn take(table: Table) -> io::Result<Recording> {
        let mut datagrams = Vec::new();
        let mut records = 0;
        let mut answer = Answer::new(table, FIRST);
        Live::new().diag(None)?.ask(&request::dump(table, States::Holding, FIRST), &mut |datagram| {
            datagrams.push(datagram.to_vec());
            answer.datagram(datagram, |_| records += 1)
        })?;
        assert!(answer.complete, "{answer:?}");
        Ok(Recording { table, datagrams: Datagrams(datagrams.into()), records })
    }

    fn decode(&self) -> Answer {
        let mut answer = Answer::new(self.table, FIRST);
        for datagram in self.datagrams.0.iter() {
            let _ = answer.datagram(black_box(datagram), |record| {
                black_box(record);
            });
        }
        answer
    }

    fn query_all(&self) -> Query {
        let is_unix = self.table == Table::Unix;
        let mut query = Query::of(if is_unix { Protocols::UNIX } else { Protocols::TCP });
        query.ipv6 = false;
        query.include_idle = true;
        query
    }

    fn query_nothing(&self) -> Query {
        let mut query = self.query_all();
        query.min_recv_q = Some(u64::MAX);
        query
    }
}

/// What the kernel answered, for whoever opens a conversation.
#[derive(Clone)]
struct Datagrams(Arc<[Vec<u8>]>);

impl Diag for Datagrams {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if request.get(SEQUENCE) != Some(FIRST.to_ne_bytes().as_slice()) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let _ = self.0.iter().try_for_each(|datagram| on_datagram(datagram));
        Ok(())
    }

    fn sockstat(&self) -> &[u8] {
        &[]
    }
}

impl Host for Recording {
    fn diag(&self, _: Option<&NetnsFile>) -> io::Result<Box<dyn Diag>> {
        Ok(Box::new(self.datagrams.clone()))
    }

    fn fd_links(&self, _: u32, _: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_limited(&self, _: &Path, _: u64, _: &mut Vec<u8>) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_at(&self, _: &Path, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_dir(&self, _: &Path, _: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_link(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn inode(&self, _: &Path) -> io::Result<u64> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn xattr(&self, _: &Path, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn interface_name(&self, _: u32) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn page_size(&self) -> PageSize {
        PageSize(4096)
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}
