//! Who did not answer: remembered, so that nobody is waited for twice, and named in the report.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::host::guarded::subject::Subject;
use crate::host::worker::{Ending, Left};
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;

/// After so long somebody who did not answer is asked again: a watch goes on for hours.
const AGAIN: Duration = Duration::from_secs(10);

/// One that did not answer.
#[derive(Debug)]
struct Silence {
    /// What a report calls it.
    place: Place,
    /// The kernel function that it waits in itself, where that could be asked.
    waits_in: Option<String>,
    wchan: Option<String>,
    since: Instant,
    /// The worker that waits there.
    left: Left,
}

/// All that did not answer.
#[derive(Debug, Default)]
pub(super) struct Silent {
    of: BTreeMap<Subject, Silence>,
    /// File systems that do not answer, by their device number (`0:57`).
    devices: BTreeMap<Vec<u8>, Subject>,
    /// Questions that were not asked, since there was no time left.
    pub(super) unasked: u64,
    /// The same, since there was no process to ask with.
    pub(super) lacked: u64,
    /// The same, since a conversation with the kernel could not be had, by the reason.
    pub(super) refused: BTreeMap<String, u64>,
    /// Workers that ended: what they were to read, and how they ended.
    pub(super) ended: Vec<(Place, Ending)>,
}

/// What a silence is remembered with.
pub(super) struct Met {
    pub(super) place: Place,
    pub(super) waits_in: Option<String>,
    pub(super) wchan: Option<String>,
    pub(super) left: Left,
}

impl Silent {
    pub(super) fn add(&mut self, subject: Subject, met: Met) {
        let Met { place, waits_in, wchan, left } = met;
        let since = Instant::now();
        self.of.entry(subject).or_insert(Silence { place, waits_in, wchan, since, left });
    }

    /// A question that could not be asked, and why.
    pub(super) fn add_refused(&mut self, error: &io::Error) {
        *self.refused.entry(error.to_string().escape_default().to_string()).or_default() += 1;
    }

    /// A file system that does not answer: of what else lies on it nothing is asked.
    pub(super) fn add_device(&mut self, device: Vec<u8>, subject: Subject) {
        self.devices.entry(device).or_insert(subject);
    }

    /// Whether it is known not to answer.
    pub(super) fn has(&self, subject: &Subject) -> bool {
        let of_process = || subject.pid().is_some_and(|pid| self.of.contains_key(&Subject::Process(pid)));
        self.of.contains_key(subject) || of_process()
    }

    /// Whether everybody has answered.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    pub(super) fn has_device(&self, device: &[u8]) -> bool {
        self.devices.contains_key(device)
    }

    pub(super) fn has_devices(&self) -> bool {
        !self.devices.is_empty()
    }

    /// A new look begins: those that were asked some time ago are asked once more, unless a worker still
    /// waits there.
    pub(super) fn begin_anew(&mut self) {
        self.of.retain(|_, silence| {
            let is_left = !silence.left.has_ended();
            silence.since.elapsed() < AGAIN || is_left
        });
        let of = &self.of;
        self.devices.retain(|_, subject| of.contains_key(subject));
        (self.unasked, self.lacked) = (0, 0);
        self.refused.clear();
        self.ended.clear();
    }

    /// What is missing because of them.
    pub(super) fn gaps(&self, is_ended: bool, budget: Duration) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self.of.iter().map(|(subject, silence)| silence.gap(subject)).collect();
        gaps.extend(self.ended.iter().map(|(place, ending)| {
            let help =
                if ending.may_lack_memory() { "give it more memory, and run again" } else { "run again" };
            let remedy = format!("the process that read it has ended ({}): {help}", ending.how);
            Gap::counted(Missing::NoAnswer, place.clone(), 1, remedy)
        }));
        gaps.extend(self.refused.iter().map(|(error, count)| {
            let remedy = format!("{error}: run again; what they were about may have gone meanwhile");
            Gap::counted(Missing::Unasked, Place::SockDiag, *count, remedy)
        }));
        if is_ended {
            gaps.push(Gap::cut_short());
        } else if self.unasked > 0 {
            let remedy = format!(
                "those that do not answer took all the time that there was to wait ({}): raise --timeout",
                seconds(budget)
            );
            gaps.push(Gap::counted(Missing::Unasked, Place::Host, self.unasked, remedy));
        }
        gaps
    }
}

impl Silence {
    /// The same words for those that are stuck alike, so that they can be told together.
    fn gap(&self, subject: &Subject) -> Gap {
        let asker = match &self.wchan {
            Some(wchan) => format!("who asks waits in {wchan}"),
            None => "who asks waits".to_owned(),
        };
        let waits = match &self.waits_in {
            Some(function) => format!("it waits in {function}; {asker}"),
            None => asker,
        };
        let remedy = match subject {
            Subject::Process(_) => format!(
                "{waits}: it is stuck while it executes a program, or the like; its descriptors are not read, and \
                 sockets that only it holds may show no holder"
            ),
            Subject::Memory(_) => format!("{waits}: its memory is locked, often by a stuck page fault"),
            Subject::Descriptor(..) => format!("{waits}: somebody is stuck while he uses that descriptor"),
            Subject::Place(_) => {
                format!(
                    "{waits}: the file system is dead, or who serves it; bring it back, or umount --force it"
                )
            }
            Subject::Sockets(..) => format!(
                "{waits}: a process is stuck in send or recv and keeps the lock; what only the lock gives is unknown"
            ),
        };
        let gap = Gap::counted(Missing::NoAnswer, self.place.clone(), 1, remedy);
        Gap { is_detail: subject.is_detail(), ..gap }
    }
}

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        ms if ms < 1000 => format!("{ms} ms"),
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{:.1} s", ms as f64 / 1000.0),
    }
}
