//! Questions in a conversation with NETLINK_SOCK_DIAG.

use std::os::unix::ffi::OsStrExt;

use crate::host::guarded::question::words::{all, path, text};
use crate::host::worker::words::{WordReader, Words};
use crate::model::netns::NetnsFile;

/// A question in a conversation. Each is one method of [`Diag`](crate::host::Diag).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TalkQuestion {
    /// Opens a conversation with a namespace, in place of the one before.
    Open(Option<NetnsFile>),
    Ask {
        request: Vec<u8>,
    },
    AskEach {
        requests: Vec<Vec<u8>>,
    },
    ProcNet(String),
    InterfaceName(u32),
    Close,
}

const OPEN: u8 = 14;
const ASK: u8 = 15;
const ASK_EACH: u8 = 16;
const PROC_NET: u8 = 17;
const INTERFACE_NAME: u8 = 18;
const CLOSE: u8 = 19;

impl TalkQuestion {
    pub(super) fn encode(&self) -> Words {
        match self {
            TalkQuestion::Open(None) => Words::of(OPEN),
            TalkQuestion::Open(Some(NetnsFile { root, path, inode })) => {
                let words = Words::of(OPEN).number(*inode).bytes(path.as_os_str().as_bytes());
                root.iter().fold(words, |words, root| words.bytes(root.as_os_str().as_bytes()))
            }
            TalkQuestion::Ask { request } => Words::of(ASK).bytes(request),
            TalkQuestion::AskEach { requests } => {
                requests.iter().fold(Words::of(ASK_EACH), |words, request| words.bytes(request))
            }
            TalkQuestion::ProcNet(name) => Words::of(PROC_NET).bytes(name.as_bytes()),
            TalkQuestion::InterfaceName(index) => Words::of(INTERFACE_NAME).number((*index).into()),
            TalkQuestion::Close => Words::of(CLOSE),
        }
    }

    /// `None` for another kind of question, and for what is none.
    pub(super) fn decode(kind: u8, words: &mut WordReader<'_>) -> Option<TalkQuestion> {
        Some(match kind {
            OPEN if words.is_at_end() => TalkQuestion::Open(None),
            OPEN => {
                let inode = words.number()?;
                let file = path(words)?;
                let root = if words.is_at_end() { None } else { Some(path(words)?) };
                TalkQuestion::Open(Some(NetnsFile { root, path: file, inode }))
            }
            ASK => TalkQuestion::Ask { request: words.bytes()?.to_vec() },
            ASK_EACH => {
                TalkQuestion::AskEach { requests: all(words, |words| words.bytes().map(<[u8]>::to_vec))? }
            }
            PROC_NET => TalkQuestion::ProcNet(text(words)?),
            INTERFACE_NAME => TalkQuestion::InterfaceName(words.small()?),
            CLOSE => TalkQuestion::Close,
            _ => return None,
        })
    }
}
