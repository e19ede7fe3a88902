//! Questions about processes.

use crate::host::guarded::question::words::all;
use crate::host::sight::Looking;
use crate::host::worker::words::{WordReader, Words};

/// A question about processes. Each is one method of [`Host`](crate::host::Host).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProcessQuestion {
    FdLinks(u32),
    SharesDescriptors { pid: u32, tid: u32 },
    ShowsOwnPids,
    Look { pids: Vec<u32>, at: Looking },
}

pub(super) const FD_LINKS: u8 = 10;
const SHARES_DESCRIPTORS: u8 = 11;
const SHOWS_OWN_PIDS: u8 = 12;
const LOOK: u8 = 13;

impl ProcessQuestion {
    pub(super) fn encode(&self) -> Words {
        match self {
            ProcessQuestion::FdLinks(pid) => Words::of(FD_LINKS).number((*pid).into()),
            ProcessQuestion::SharesDescriptors { pid, tid } => {
                Words::of(SHARES_DESCRIPTORS).number((*pid).into()).number((*tid).into())
            }
            ProcessQuestion::ShowsOwnPids => Words::of(SHOWS_OWN_PIDS),
            ProcessQuestion::Look { pids, at } => {
                let words = Words::of(LOOK).byte(u8::from(at.descriptors)).byte(u8::from(at.namespaces));
                pids.iter().fold(words, |words, pid| words.number((*pid).into()))
            }
        }
    }

    /// `None` for another kind of question, and for what is none.
    pub(super) fn decode(kind: u8, words: &mut WordReader<'_>) -> Option<ProcessQuestion> {
        Some(match kind {
            FD_LINKS => ProcessQuestion::FdLinks(words.small()?),
            SHARES_DESCRIPTORS => {
                ProcessQuestion::SharesDescriptors { pid: words.small()?, tid: words.small()? }
            }
            SHOWS_OWN_PIDS => ProcessQuestion::ShowsOwnPids,
            LOOK => {
                let at = Looking { descriptors: words.byte()? != 0, namespaces: words.byte()? != 0 };
                ProcessQuestion::Look { pids: all(words, WordReader::small)?, at }
            }
            _ => return None,
        })
    }
}
