//! Questions about files.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::host::guarded::question::words::{all, path, text};
use crate::host::worker::words::{WordReader, Words};

/// A question about files. Each is one method of [`Host`](crate::host::Host).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileQuestion {
    Read { path: PathBuf, limit: u64 },
    ReadAt { path: PathBuf, offset: u64, length: u64 },
    ReadEach { paths: Vec<PathBuf>, limit: u64 },
    ReadDir(PathBuf),
    Subdirectories(PathBuf),
    ReadLink(PathBuf),
    ReadLinks(Vec<PathBuf>),
    Inode(PathBuf),
    Xattr { path: PathBuf, name: String },
}

const READ: u8 = 1;
const READ_AT: u8 = 2;
const READ_EACH: u8 = 3;
const READ_DIR: u8 = 4;
const SUBDIRECTORIES: u8 = 5;
const READ_LINK: u8 = 6;
const INODE: u8 = 7;
const XATTR: u8 = 8;
const READ_LINKS: u8 = 20;

impl FileQuestion {
    pub(super) fn encode(&self) -> Words {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        match self {
            FileQuestion::Read { path, limit } => Words::of(READ).number(*limit).bytes(&bytes(path)),
            FileQuestion::ReadAt { path, offset, length } => {
                Words::of(READ_AT).number(*offset).number(*length).bytes(&bytes(path))
            }
            FileQuestion::ReadEach { paths, limit } => {
                let words = Words::of(READ_EACH).number(*limit);
                paths.iter().fold(words, |words, path| words.bytes(&bytes(path)))
            }
            FileQuestion::ReadDir(path) => Words::of(READ_DIR).bytes(&bytes(path)),
            FileQuestion::Subdirectories(path) => Words::of(SUBDIRECTORIES).bytes(&bytes(path)),
            FileQuestion::ReadLink(path) => Words::of(READ_LINK).bytes(&bytes(path)),
            FileQuestion::ReadLinks(paths) => {
                paths.iter().fold(Words::of(READ_LINKS), |words, path| words.bytes(&bytes(path)))
            }
            FileQuestion::Inode(path) => Words::of(INODE).bytes(&bytes(path)),
            FileQuestion::Xattr { path, name } => Words::of(XATTR).bytes(&bytes(path)).bytes(name.as_bytes()),
        }
    }

    /// `None` for another kind of question, and for what is none.
    pub(super) fn decode(kind: u8, words: &mut WordReader<'_>) -> Option<FileQuestion> {
        Some(match kind {
            READ => {
                let limit = words.number()?;
                FileQuestion::Read { path: path(words)?, limit }
            }
            READ_AT => {
                let (offset, length) = (words.number()?, words.number()?);
                FileQuestion::ReadAt { path: path(words)?, offset, length }
            }
            READ_EACH => {
                let limit = words.number()?;
                FileQuestion::ReadEach { paths: all(words, path)?, limit }
            }
            READ_DIR => FileQuestion::ReadDir(path(words)?),
            SUBDIRECTORIES => FileQuestion::Subdirectories(path(words)?),
            READ_LINK => FileQuestion::ReadLink(path(words)?),
            READ_LINKS => FileQuestion::ReadLinks(all(words, path)?),
            INODE => FileQuestion::Inode(path(words)?),
            XATTR => FileQuestion::Xattr { path: path(words)?, name: text(words)? },
            _ => return None,
        })
    }
}
