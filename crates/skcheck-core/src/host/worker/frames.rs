//! What goes through the pipes between a process and its workers: a question is a frame, an answer is
//! several.

use std::io::{self, Read, Write};

use crate::host::seam::LARGEST_FILE;
use crate::host::worker::errors::encode_error;

/// No frame is longer; what claims to be is none. The largest file, and what is said of it.
const LONGEST: u64 = LARGEST_FILE + 64;

/// One piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AnswerPart<'a> {
    /// A part of it; more comes.
    More(&'a [u8]),
    /// It is at its end.
    Done,
    /// It ended with an error.
    Failed(&'a [u8]),
}

const MORE: u8 = 0;
const DONE: u8 = 1;
const FAILED: u8 = 2;

/// Writes a frame at once, so that whoever reads it wakes up once.
fn write(out: &mut dyn Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&frame(kind, bytes)?)
}

/// A frame: its length, its kind, its bytes.
fn frame(kind: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| u64::from(*length) <= LONGEST);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    let mut frame = Vec::with_capacity(HEADER + bytes.len());
    frame.extend(length.to_ne_bytes());
    frame.push(kind);
    frame.extend(bytes);
    Ok(frame)
}

/// Length and kind.
const HEADER: usize = 5;

pub(super) fn question(question: &[u8]) -> io::Result<Vec<u8>> {
    frame(MORE, question)
}

pub(super) fn write_more(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    write(out, MORE, bytes)
}

pub(super) fn write_end(out: &mut dyn Write, result: &io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) => write(out, DONE, &[]),
        Err(error) => write(out, FAILED, &encode_error(error)),
    }
}

/// The next question; `None` when there are no more.
pub(super) fn read_question(input: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; HEADER];
    match input.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = length(header).ok_or(io::ErrorKind::InvalidData)?;
    let mut question = vec![0; length];
    input.read_exact(&mut question)?;
    Ok(Some(question))
}

fn length([a, b, c, d, _]: [u8; HEADER]) -> Option<usize> {
    let length = u32::from_ne_bytes([a, b, c, d]);
    (u64::from(length) <= LONGEST).then_some(length as usize)
}

/// What has come of an answer, and has not been handed on.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// So much of it has been handed on.
    taken: usize,
}

impl Incoming {
    /// Room for what comes next.
    pub(super) fn read_from(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        const ROOM: usize = 64 * 1024;
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let before = self.bytes.len();
        self.bytes.resize(before + ROOM, 0);
        let read = input.read(self.bytes.get_mut(before..).unwrap_or_default());
        self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    /// The next piece, if it has come whole.
    ///
    /// # Errors
    /// `InvalidData` for what is no answer.
    pub(super) fn next(&mut self) -> io::Result<Option<AnswerPart<'_>>> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some((header, body)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let length = length(*header).ok_or(io::ErrorKind::InvalidData)?;
        let Some(body) = body.get(..length) else { return Ok(None) };
        self.taken += HEADER + length;
        match header[4] {
            MORE => Ok(Some(AnswerPart::More(body))),
            DONE => Ok(Some(AnswerPart::Done)),
            FAILED => Ok(Some(AnswerPart::Failed(body))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_pieces_of_any_size() {
        let mut wire = Vec::new();
        write_more(&mut wire, b"one").unwrap();
        write_more(&mut wire, &[7; 100_000]).unwrap();
        write_end(&mut wire, &Ok(())).unwrap();
        let mut incoming = Incoming::default();
        let (mut sizes, mut done) = (Vec::new(), false);
        for mut part in wire.chunks(1000) {
            incoming.read_from(&mut part).unwrap();
            while let Some(piece) = incoming.next().unwrap() {
                match piece {
                    AnswerPart::More(bytes) => sizes.push(bytes.len()),
                    AnswerPart::Done => done = true,
                    AnswerPart::Failed(_) => sizes.clear(),
                }
            }
        }
        assert_eq!((sizes, done), (vec![3, 100_000], true));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let mut incoming = Incoming::default();
        incoming.read_from(&mut &[1, 0, 0, 0, 9, 0][..]).unwrap();
        assert!(incoming.next().is_err());
        let mut incoming = Incoming::default();
        incoming.read_from(&mut &[255; 9][..]).unwrap();
        assert!(incoming.next().is_err());
    }
}
