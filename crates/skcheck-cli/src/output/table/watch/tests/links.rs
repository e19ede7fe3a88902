//! Chains, link by link.

use skcheck_core::watch::cause::{Cause, CauseCode, End, Fact, Over, Wait};
use skcheck_core::watch::evidence::{ConduitKind, Mount};
use skcheck_core::{Holder, Payload, testing};

use super::answer;
use crate::report::watch::tests::{World, chain};

/// What leads from process to process need not be a connection.
#[test]
fn chains_over_what_is_no_connection() {
    let mut world = chain();
    let mut root = world.judgement.sockets[0].root.clone().unwrap();
    let mut told = |over, wait, unsent: Option<u64>| {
        let link = &mut root.links[0];
        (link.over, link.wait, link.unsent) = (over, wait, unsent.map(Payload));
        world.judgement.sockets[0].root = Some(root.clone());
        let text = answer(&world)[1].clone();
        let text = text.strip_prefix("Because: nginx ").unwrap();
        text.strip_suffix(", because it is stopped (SIGSTOP, or job control). Root: app (20).")
            .unwrap()
            .to_owned()
    };
    let check = |told: String, expected: &str| assert_eq!(told, expected);
    check(
        told(Over::Answer(0), Wait::Blocked, Some(100)),
        "waits for an answer from 10.0.0.5:80 (fd 14, 100 B unread there), whose reader app (20), fd 7, has read \
         nothing either",
    );
    check(
        told(Over::Answer(0), Wait::Poll, None),
        "probably waits for an answer from 10.0.0.5:80 (fd 14), whose reader app (20), fd 7, has read nothing either",
    );
    check(
        told(Over::Connect(0), Wait::Blocked, None),
        "waits for a connection to 10.0.0.5:80 (fd 14), whose accept queue is full and whose holder app (20), fd 7, \
         accepts nobody",
    );
    for (kind, name, expected) in [
        (ConduitKind::Pipe, "pipe:[7]", "a pipe"),
        (ConduitKind::Fifo, "/run/\x1blog", "the FIFO /run/\\x1blog"),
        (ConduitKind::Terminal, "/dev/pts/3", "the terminal /dev/pts/3"),
    ] {
        world.now.conduits = vec![testing::conduit(kind, name.into(), None)];
        let mut root = root.clone();
        (root.links[0].over, root.links[0].wait, root.links[0].unsent) =
            (Over::Conduit(0), Wait::OneThread, None);
        world.judgement.sockets[0].root = Some(root);
        let expected = format!(
            "Because: nginx is blocked writing to {expected} (fd 14), whose reader app (20), fd 7, has read nothing \
             either, because it is stopped (SIGSTOP, or job control). Root: app (20)."
        );
        assert_eq!(answer(&world)[1], expected);
    }
    // To one of two.
    let reader = Holder::new(20, 7);
    let one = |at| testing::link(Holder::new(10, 14), Wait::Blocked, None, Some(reader), Over::Connect(at));
    world.judgement.sockets[0].root = Some(testing::root(Vec::new(), End::OneOf(vec![one(0), one(99)])));
    assert_eq!(
        answer(&world)[1],
        "Because: nginx waits for one of several, and for which of these cannot be told: 10.0.0.5:80 (fd 14), whose \
         holder app (20), fd 7, accepts nobody; fd 14, whose holder app (20), fd 7, accepts nobody."
    );
}

#[test]
fn files_that_do_not_answer() {
    let mut world = World::new(5);
    world.named(10, "app");
    let mount = Mount { point: b"/mnt".to_vec(), kind: b"nfs4".to_vec(), source: b"server:/x".to_vec() };
    let file =
        |silent| Fact::File { tid: 10, fd: 7, path: b"/mnt/a\x1b".to_vec(), mount: mount.clone(), silent };
    let judged = world.stalled((10, 11), 1000, CauseCode::Blocked, vec![file(true)]);
    assert_eq!(judged.root, None);
    assert_eq!(
        answer(&world)[1],
        "Because: a thread of it waits for a file whose file system does not answer. Seen: thread 10 waits for \
         /mnt/a\\x1b (fd 7), on nfs4 at /mnt (server:/x), which has not answered since the look before."
    );
    world.judgement.sockets[0].cause = Some(Cause::new(CauseCode::Blocked, Some(10), vec![file(false)]));
    assert_eq!(
        answer(&world)[1],
        "Because: a thread of it waits for a file. Seen: thread 10 waits for /mnt/a\\x1b (fd 7), on nfs4 at /mnt \
         (server:/x)."
    );
}
