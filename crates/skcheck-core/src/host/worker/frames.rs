//! What goes through the pipes between a process and its workers: a question is a frame, an answer is
//! several.

use std::io::{self, Read, Write};

use crate::host::LARGEST_FILE;
use crate::host::worker::words::{Reading, Words};

/// No frame is longer; what claims to be is none. The largest file, and what is said of it.
const LONGEST: u64 = LARGEST_FILE + 64;

/// One piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
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
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some((header, body)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let length = length(*header).ok_or(io::ErrorKind::InvalidData)?;
        let Some(body) = body.get(..length) else { return Ok(None) };
        self.taken += HEADER + length;
        match header[4] {
            MORE => Ok(Some(Piece::More(body))),
            DONE => Ok(Some(Piece::Done)),
            FAILED => Ok(Some(Piece::Failed(body))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The kinds of errors that callers tell from others; any other is `Other`.
const KINDS: [io::ErrorKind; 10] = [
    io::ErrorKind::Other,
    io::ErrorKind::NotFound,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::TimedOut,
    io::ErrorKind::InvalidData,
    io::ErrorKind::InvalidInput,
    io::ErrorKind::Unsupported,
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::WouldBlock,
    io::ErrorKind::OutOfMemory,
];

/// An error as a row of words: its errno, else its kind and what it says.
pub(crate) fn encode_error(error: &io::Error) -> Vec<u8> {
    let words = match error.raw_os_error() {
        Some(errno) => Words::of(0).number(u64::from(errno.unsigned_abs())),
        None => {
            let kind = KINDS.iter().position(|kind| *kind == error.kind()).unwrap_or(0);
            let text = if error.get_ref().is_some() { error.to_string() } else { String::new() };
            Words::of(1).number(kind as u64).bytes(text.as_bytes())
        }
    };
    words.as_slice().to_vec()
}

pub(crate) fn decode_error(bytes: &[u8]) -> io::Error {
    let mut words = Reading::of(bytes);
    let decoded = match words.byte() {
        Some(0) => {
            words.small().and_then(|errno| i32::try_from(errno).ok()).map(io::Error::from_raw_os_error)
        }
        Some(1) => words.number().zip(words.bytes()).map(|(kind, text)| {
            let kind = usize::try_from(kind).ok().and_then(|at| KINDS.get(at).copied());
            let kind = kind.unwrap_or(io::ErrorKind::Other);
            if text.is_empty() {
                kind.into()
            } else {
                io::Error::new(kind, String::from_utf8_lossy(text).into_owned())
            }
        }),
        _ => None,
    };
    decoded.unwrap_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_what_they_are() {
        let errors = [
            io::Error::from_raw_os_error(3),
            io::ErrorKind::NotFound.into(),
            io::ErrorKind::TimedOut.into(),
            io::Error::other("it is so"),
            io::Error::new(io::ErrorKind::Unsupported, "not here"),
        ];
        for error in errors {
            let decoded = decode_error(&encode_error(&error));
            assert_eq!((decoded.kind(), decoded.raw_os_error()), (error.kind(), error.raw_os_error()));
            assert_eq!(decoded.to_string(), error.to_string());
        }
        assert_eq!(decode_error(b"\x01").kind(), io::ErrorKind::InvalidData);
    }

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
                    Piece::More(bytes) => sizes.push(bytes.len()),
                    Piece::Done => done = true,
                    Piece::Failed(_) => sizes.clear(),
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
