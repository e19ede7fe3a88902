//! Writers whose data does not arrive: the cable to the reader is there, and what is sent over it is lost.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use skcheck_core::watch::cause::{CauseCode, End};
use skcheck_core::watch::progress::{NotArriving, Writing};
use skcheck_core::{Holder, Inode};

use crate::look::{SHORT, Seen, ends_at, engine, watch};
use crate::pairs::{Pair, fill_tcp, read_empty};
use crate::role::Role;
use crate::support::namespaces::{Named, inside, run};
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

const NEAR: &str = "02:00:00:00:00:01";
const FAR: &str = "02:00:00:00:00:02";
const NOBODY: &str = "02:00:00:00:00:99";
const PORT: u16 = 7301;

/// A namespace at the other end of a cable: 10.78.0.1 is here, 10.78.0.2 there. The ends know each other's
/// address for good.
struct Cable {
    far: Named,
}

impl Cable {
    fn new(label: &str) -> Cable {
        let far = Named::new(label);
        let veth = ["link", "add", "near", "address", NEAR, "type", "veth", "peer", "name", "far"];
        run("ip", &[&veth[..], &["address", FAR, "netns", &far.name]].concat());
        let cable = Cable { far };
        run("ip", &["addr", "add", "10.78.0.1/24", "dev", "near"]);
        cable.there(&["addr", "add", "10.78.0.2/24", "dev", "far"]);
        run("ip", &["link", "set", "near", "up"]);
        cable.there(&["link", "set", "far", "up"]);
        cable.introduce();
        cable
    }

    fn there(&self, words: &[&str]) {
        run("ip", &[&["-n", &self.far.name], words].concat());
    }

    fn introduce(&self) {
        run("ip", &["neigh", "replace", "10.78.0.2", "lladdr", FAR, "dev", "near", "nud", "permanent"]);
        self.there(&["neigh", "replace", "10.78.0.1", "lladdr", NEAR, "dev", "far", "nud", "permanent"]);
    }

    /// A connection from here to there.
    fn connection(&self) -> Pair {
        let listener =
            inside(&self.far.file(), || TcpListener::bind(("10.78.0.2", PORT)).expect("it is free"));
        let writer = TcpStream::connect(("10.78.0.2", PORT)).expect("it listens");
        let (reader, _) = listener.accept().expect("it waits");
        Pair { writer: writer.into(), reader: reader.into() }
    }

    /// From now on nobody there has the address that frames are sent to, and nobody here.
    fn cut(&self) {
        self.there(&["link", "set", "far", "address", NOBODY]);
        run("ip", &["link", "set", "near", "address", NOBODY]);
        // With its own address an interface forgets all others (`neigh_changeaddr`).
        self.introduce();
    }
}

/// Waits until the kernel says of the writer's timer (`ss -o`) what begins so.
fn timer(kind: &str) {
    let port = format!(":{PORT}");
    eventually(&format!("the timer is of {kind}"), || {
        let told =
            Command::new("ss").args(["-tnoH", "dport", "=", &port]).output().expect("iproute2 is there");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let (_, timer) = told.split_once("timer:(")?;
        // The last of the three is how often it was tried.
        let tries = timer.split_once(')')?.0.rsplit(',').next()?.to_owned();
        (timer.starts_with(kind) && tries != "0").then_some(())
    });
}

fn not_arriving(seen: &Seen, writer: Inode) -> Option<NotArriving> {
    assert_eq!(seen.writing(writer), Writing::Stalled, "{:#?}", seen.socket(writer));
    seen.socket(writer).not_arriving
}

/// A reader that reads whatever comes, and a network that loses it.
#[test]
fn lost_on_the_way() {
    if !in_own_netns("arrival::lost_on_the_way") || engine().is_none() {
        return;
    }
    let cable = Cable::new("lost");
    let pair = cable.connection();
    let (writer, reader) = pair.inodes();
    let reads = Role::start("read 1000000000", vec![pair.reader]);
    cable.cut();
    // What reads from the client and passes it on stands still because of that.
    let client = Pair::tcp(64 << 10, 64 << 10);
    let from = inode(&client.reader);
    let relay = Role::start("relay", vec![client.reader, pair.writer]);
    let _client = fill_tcp(client.writer);
    timer("on");
    let seen = watch(SHORT);
    let shown = not_arriving(&seen, writer).expect("nothing arrives");
    assert!(shown.retransmits > Some(0) && shown.is_tried_again(), "{shown:?}");
    assert_eq!((shown.probes, shown.reader_is_empty), (None, true));
    let cause = seen.stalled_by(from, CauseCode::Backpressure);
    assert_eq!(cause.pid, Some(relay.pid()));
    let root = seen.root(from);
    assert!(matches!(root.end, End::NotArriving(shown) if shown.reader_is_empty), "{root:#?}");
    let links: Vec<(Holder, Option<Holder>)> = root.links.iter().map(|it| (it.writer, it.reader)).collect();
    assert_eq!(links, [(relay.holder(writer), Some(reads.holder(reader)))]);
    assert_eq!(root.reader(), None, "nobody is to blame");
}

/// A window that was shut when the cable was cut: its probes have no answer, though there is room by now.
#[test]
fn probes_without_an_answer() {
    if !in_own_netns("arrival::probes_without_an_answer") || engine().is_none() {
        return;
    }
    let cable = Cable::new("probes");
    let pair = cable.connection();
    let (writer, _) = pair.inodes();
    let _writer = Role::start("sleep", vec![fill_tcp(pair.writer)]);
    timer("persist");
    cable.cut();
    read_empty(&pair.reader);
    eventually("two probes have no answer", || {
        let seen = watch(SHORT);
        let shown = not_arriving(&seen, writer)?;
        assert!(shown.reader_is_empty && shown.retransmits.is_none(), "{shown:?}");
        (shown.probes >= Some(2) && shown.is_tried_again()).then_some(())
    });
}

/// Where something waits to be read it is the reader, whether its host answers the probes or not.
#[test]
fn a_reader_that_has_something_to_take() {
    if !in_own_netns("arrival::a_reader_that_has_something_to_take") || engine().is_none() {
        return;
    }
    let cable = Cable::new("full");
    let pair = cable.connection();
    let (writer, reader) = pair.inodes();
    let sleeps = Role::start("sleep", vec![pair.reader]);
    let _writer = Role::start("sleep", vec![fill_tcp(pair.writer)]);
    timer("persist");
    let blames_the_reader = || {
        let seen = watch(SHORT);
        assert_eq!(not_arriving(&seen, writer), None);
        assert_eq!(seen.socket(writer).window_closed, Some(true));
        ends_at(seen.root(writer), sleeps.holder(reader), CauseCode::Blocked);
    };
    blames_the_reader();
    cable.cut();
    blames_the_reader();
}
