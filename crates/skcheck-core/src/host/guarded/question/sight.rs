//! What is seen of a process, as words of an answer.

use crate::host::sight::Sight;
use crate::host::worker::errors::{decode_error, encode_error};
use crate::host::worker::words::{WordReader, Words};

const END: u8 = 0;
const DESCRIPTOR: u8 = 1;
const NETNS: u8 = 2;
const THREAD_NETNS: u8 = 3;
const MOUNTS: u8 = 4;

/// Adds a sight of a process to words.
pub(crate) fn encode_sight(sight: &Sight<'_>, words: Words) -> Words {
    match sight {
        Sight::Descriptor { task, fd, target } => {
            words.byte(DESCRIPTOR).number((*task).into()).number((*fd).into()).bytes(target)
        }
        Sight::Netns { task, target } => words.byte(NETNS).number((*task).into()).bytes(target),
        Sight::ThreadNetns { tid, target } => words.byte(THREAD_NETNS).number((*tid).into()).bytes(target),
        Sight::MountNamespace(target) => words.byte(MOUNTS).bytes(target),
        Sight::End(Ok(())) => words.byte(END).bytes(&[]),
        Sight::End(Err(error)) => words.byte(END).bytes(&encode_error(error)),
    }
}

pub(crate) fn decode_sight<'a>(words: &mut WordReader<'a>) -> Option<Sight<'a>> {
    Some(match words.byte()? {
        DESCRIPTOR => Sight::Descriptor { task: words.small()?, fd: words.small()?, target: words.bytes()? },
        NETNS => Sight::Netns { task: words.small()?, target: words.bytes()? },
        THREAD_NETNS => Sight::ThreadNetns { tid: words.small()?, target: words.bytes()? },
        MOUNTS => Sight::MountNamespace(words.bytes()?),
        END => match words.bytes()? {
            [] => Sight::End(Ok(())),
            error => Sight::End(Err(decode_error(error))),
        },
        _ => return None,
    })
}
