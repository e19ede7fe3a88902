//! Errors, as rows of words.

use std::io;

use crate::host::worker::words::{WordReader, Words};

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
    let mut words = WordReader::of(bytes);
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
}
