//! What a document must say.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::asked::{Asked, Engine, What};
use crate::command::Ran;
use crate::contract::{Contract, Wrong};
use crate::world::{Held, Shows, World};

impl Contract<'_> {
    pub(crate) fn check_document(&self, world: &World, asked: &Asked, ran: &Ran, wrong: &mut Wrong) {
        // Of watch, the last one that was written to its end.
        let document = ran.out.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let Some(document) = document else {
            if ran.ended.is_some_and(|status| status.code() == Some(2)) && !ran.err.is_empty() {
                return;
            }
            return wrong.say(&format!("writes no document: {:?} {}", ran.out, ran.err));
        };
        let gaps = document["gaps"].as_array().map_or(&[][..], Vec::as_slice);
        let interrupted = ran.signalled && (asked.what, asked.signal) != (What::Watch, Some(Signal::SIGINT));
        // What is not marked as cut short was complete when the signal came.
        if interrupted && gaps.iter().any(|gap| gap["what"] == "partial") {
            return;
        }
        self.check_gaps(world, asked, gaps, wrong);
        (self.also)(asked, &document, wrong);
        match asked.what {
            What::Scan | What::Stalled | What::Watch => self.check_sockets(world, asked, &document, wrong),
            What::Mem => {
                let unread: u64 = world.beside.iter().map(|held| held.unread).sum();
                let told = document["sockets"]["unread"].as_u64();
                wrong.unless(told >= Some(unread), || format!("unread {told:?}, not {unread}"));
                wrong.unless(document["total"].as_u64() > Some(0), || "there is no memory".to_owned());
            }
            What::Leaks => {
                for held in &world.beside {
                    let open = document["open"].as_array().into_iter().flatten();
                    let told = open.clone().find(|open| open["pid"] == held.pid);
                    let ok = told.is_some_and(|told| told["sockets"] == 2);
                    wrong.unless(ok, || format!("{held:?} is {told:?}"));
                }
            }
            What::Packets(held) => {
                let told = (&document["unread"], &document["inode"]);
                wrong.unless(told == (&held.unread.into(), &held.inode.into()), || {
                    format!("{held:?} is {told:?}")
                });
            }
            What::PacketsOfStuck | What::ByNobody => {}
        }
    }

    fn check_gaps(&self, world: &World, asked: &Asked, gaps: &[Value], wrong: &mut Wrong) {
        let is =
            |gap: &&Value, kinds: &[&str]| gap["what"].as_str().is_some_and(|what| kinds.contains(&what));
        let place = |gap: &Value| gap["where"].as_str().unwrap_or_default().to_owned();
        let names = |gap: &Value, culprit: &String| place(gap).contains(culprit.as_str());
        for gap in gaps.iter().filter(|gap| is(gap, &["no_answer"])) {
            // Whoever may not see who holds a socket can only name the socket.
            let is_socket =
                asked.what == What::ByNobody && place(gap).starts_with("the connection from port ");
            let right = is_socket || self.culprits.iter().any(|culprit| names(gap, culprit));
            wrong.unless(right, || format!("names somebody else: {gap}"));
        }
        if !(self.is_asked)(asked) {
            return;
        }
        let ours: Vec<&Value> = gaps.iter().filter(|gap| is(gap, self.gaps)).collect();
        let unnamed: Vec<&String> =
            self.culprits.iter().filter(|culprit| !ours.iter().any(|gap| names(gap, culprit))).collect();
        // Many who do not answer alike can be told together, with their number.
        let told: u64 = ours.iter().map(|gap| gap["count"].as_u64().unwrap_or(1)).sum();
        let all =
            unnamed.is_empty() || unnamed.len() < self.culprits.len() && told >= self.culprits.len() as u64;
        wrong.unless(all, || format!("does not name {unnamed:?}: {gaps:?}"));
        for waiting in &world.stuck {
            let Shows::WaitIn(function) = &waiting.shows else { continue };
            let gap = ours.iter().find(|gap| place(gap).contains(&format!("({})", waiting.pid)));
            let told = gap.is_none_or(|gap| gap.to_string().contains(function));
            wrong.unless(told, || format!("does not say where {waiting:?} waits: {gap:?}"));
        }
    }

    fn check_sockets(&self, world: &World, asked: &Asked, document: &Value, wrong: &mut Wrong) {
        let sockets = document["sockets"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |held: &Held| sockets.iter().find(|socket| socket["inode"] == held.inode);
        let every = |sure: bool| move |held| (sure, held);
        let beside = world.beside.iter().map(every(true));
        for (sure, held) in beside.chain(world.held.iter().map(every((self.knows_holders)(asked)))) {
            let Some(socket) = of(held) else {
                wrong.say(&format!("{held:?} is missing"));
                continue;
            };
            let is = &socket["unread"];
            wrong.unless(*is == held.unread, || format!("of {held:?} {is} bytes are unread"));
            let holders = socket["holders"].as_array().map_or(&[][..], Vec::as_slice);
            let right = |holder: &Value| holder["pid"] == held.pid && holder["fd"] == held.fd;
            let all_right = holders.iter().all(right) && (!sure || !holders.is_empty());
            wrong.unless(all_right, || format!("{held:?} is held by {holders:?}"));
            if asked.what == What::Watch {
                let verdict = &socket["verdict"];
                // What a stuck process has locked tells only an engine, where /proc does not show all
                // processes.
                let is_told = asked.engine != Engine::Proc || world.beside.contains(held);
                let right = verdict == "stalled" || !is_told && verdict == "unknown";
                wrong.unless(right, || format!("{held:?} is {verdict}"));
            }
        }
        if asked.what == What::Scan {
            for held in &world.held_mptcp {
                wrong.unless(of(held).is_some(), || format!("{held:?} is missing"));
            }
        }
    }
}
