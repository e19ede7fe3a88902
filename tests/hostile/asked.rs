//! The commands that are run in each situation.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::command::{Moment, budget, slowness};
use crate::world::{Held, World};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Scan,
    Stalled,
    Mem,
    Watch,
    Leaks,
    Packets(Held),
    /// ... of a socket that is locked: it may not be known.
    PacketsOfStuck,
    /// By the user who made the situation, who may not see everything.
    ByNobody,
}

/// What looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Auto,
    Bpf,
    Proc,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) what: What,
    pub(crate) engine: Engine,
    pub(crate) arguments: String,
    pub(crate) text: bool,
    pub(crate) signal: Option<Signal>,
}

impl Asked {
    /// A document, by whatever looks.
    pub(crate) fn of(what: What) -> Asked {
        Asked { what, engine: Engine::Auto, arguments: String::new(), text: false, signal: None }
    }

    /// When it is interrupted; of a watch there is something to see by then.
    /// After so many times in vain it is later.
    pub(crate) fn signalled(&self, times: u32) -> Option<Moment> {
        self.signal?;
        let early = Moment::After(Duration::from_secs(1) * slowness() * (times + 1));
        Some(if self.what == What::Watch { Moment::FirstLine } else { early })
    }
}

/// Every command, for people and for programs, with either engine; and interrupted.
pub(crate) fn of(world: &World) -> Vec<Asked> {
    let timeout = format!("--timeout {}s", budget().as_secs());
    let ask = |what, arguments: String, text| {
        let engine = match () {
            () if arguments.contains("--engine proc") || what == What::Leaks => Engine::Proc,
            () if arguments.contains("--engine bpf") => Engine::Bpf,
            () => Engine::Auto,
        };
        Asked { what, engine, arguments, text, signal: None }
    };
    let json = |what, arguments: &str| ask(what, format!("{arguments} --format json {timeout}"), false);
    // A watch waits no longer than its interval.
    let window = format!("--interval {}s", budget().as_secs().max(2));
    let watch =
        |arguments: &str| ask(What::Watch, format!("watch --format jsonl {window} {arguments}"), false);
    let once = format!("--for {}s", budget().as_secs().max(2));
    let interrupted = |asked: Asked, signal| Asked { signal: Some(signal), ..asked };
    let packets = |held: &Held| format!("packets {} {}", held.pid, held.fd);
    let beside = world.beside[0];
    let mut all = vec![
        ask(What::Scan, timeout.clone(), true),
        ask(What::Scan, format!("--engine proc {timeout}"), true),
        ask(What::Stalled, format!("--stalled {timeout}"), true),
        ask(What::Watch, format!("watch {window} {once}"), true),
        json(What::Scan, ""),
        json(What::Scan, "--engine proc"),
        json(What::Scan, "--engine bpf"),
        json(What::Scan, "--exact"),
        json(What::Stalled, "--stalled"),
        json(What::Mem, "mem"),
        watch(&once),
        watch(&format!("{once} --engine proc")),
        json(What::Leaks, "leaks --min-open 1"),
        json(What::Packets(beside), &packets(&beside)),
        json(What::ByNobody, "--engine proc"),
        interrupted(json(What::Scan, "--engine proc"), Signal::SIGINT),
        interrupted(json(What::Stalled, "--stalled"), Signal::SIGINT),
        interrupted(json(What::Mem, "mem"), Signal::SIGTERM),
        interrupted(watch(""), Signal::SIGINT),
        interrupted(watch(""), Signal::SIGTERM),
    ];
    if let Some(held) = world.held.first() {
        all.push(json(What::PacketsOfStuck, &packets(held)));
    }
    if slowness() > 1 {
        // Where every instruction is emulated, loading programs takes longer than all that is waited for.
        let few = |asked: &Asked| asked.engine == Engine::Proc && asked.signal.is_none();
        all.retain(|asked| few(asked) && matches!(asked.what, What::Scan | What::Leaks));
    }
    all
}
