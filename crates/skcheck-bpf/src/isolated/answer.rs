//! What the engine's processes answer: parts, each of which is some records, or what a request is answered with.

use std::collections::BTreeMap;
use std::io;

use skcheck_core::NetnsId;
use skcheck_core::engine::Tally;
use skcheck_core::host::worker::{AnswerWriter, Many, WordReader, Words};

use crate::error::{Error, Kind, defect};
use crate::find::PassCounts;

/// What comes first in each part.
const RECORDS: u8 = 0;
const RESULT: u8 = 1;

/// A part that says what a request is answered with.
pub(super) fn result() -> Words {
    Words::of(RESULT)
}

/// Hands on records, many at a time.
pub(super) fn hand_on<T>(
    answer: &mut AnswerWriter<'_>,
    work: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<T>,
) -> io::Result<T> {
    let mut many = Many::with(answer, RECORDS);
    work(&mut |record| many.add_bytes(record))
}

/// Takes in the parts of an answer.
pub(super) struct Parts<'a> {
    on_record: &'a mut dyn FnMut(&[u8]),
    result: Vec<u8>,
    /// How many parts are none, or do not end where a record does.
    broken: u64,
}

impl<'a> Parts<'a> {
    pub(super) fn of(on_record: &'a mut dyn FnMut(&[u8])) -> Parts<'a> {
        Parts { on_record, result: Vec::new(), broken: 0 }
    }

    /// Hands on the records of a part.
    pub(super) fn take(&mut self, part: &[u8]) {
        let mut words = WordReader::of(part);
        match words.byte() {
            Some(RECORDS) => self.take_records(words),
            Some(RESULT) => self.result.extend_from_slice(words.rest()),
            _ => self.broken += 1,
        }
    }

    fn take_records(&mut self, mut words: WordReader<'_>) {
        while !words.is_at_end() {
            match words.bytes() {
                Some(record) => (self.on_record)(record),
                None => {
                    self.broken += 1;
                    return;
                }
            }
        }
    }

    /// What the request is answered with.
    ///
    /// # Errors
    /// When a part was no whole one: records are lacking then.
    pub(super) fn result(self) -> io::Result<Vec<u8>> {
        match self.broken {
            0 => Ok(self.result),
            broken => Err(defect(format_args!("{broken} parts of an answer were cut short"))),
        }
    }
}

impl PassCounts {
    pub(super) fn encode(&self, words: Words) -> Words {
        let words = words.number(self.descriptors).number(self.apart.len() as u64);
        let words =
            self.apart.iter().fold(words, |words, (name, sockets)| words.bytes(name).number(*sockets));
        self.namespaces.iter().fold(words, |words, it| {
            words.number(it.netns.0).number(it.sockets).number(it.tcp_memory.cast_unsigned())
        })
    }

    pub(super) fn decode(mut words: WordReader<'_>) -> Option<PassCounts> {
        let descriptors = words.number()?;
        let mut apart = BTreeMap::new();
        for _ in 0..words.number()? {
            apart.insert(words.bytes()?.to_vec(), words.number()?);
        }
        let mut namespaces = Vec::new();
        while !words.is_at_end() {
            let netns = NetnsId(words.number()?);
            let (sockets, tcp_memory) = (words.number()?, words.number()?.cast_signed());
            namespaces.push(Tally::new(netns, sockets, tcp_memory));
        }
        Some(PassCounts { descriptors, namespaces, apart })
    }
}

impl Error {
    pub(super) fn encode(&self, words: Words) -> Words {
        let kind = Kind::ALL.iter().position(|kind| *kind == self.kind()).unwrap_or(0);
        words.number(kind as u64).bytes(self.to_string().as_bytes())
    }

    pub(super) fn decode(mut words: WordReader<'_>) -> Option<Error> {
        let kind = usize::try_from(words.number()?).ok().and_then(|at| Kind::ALL.get(at).copied());
        let context = String::from_utf8_lossy(words.bytes()?).into_owned();
        Some(Error::new(kind.unwrap_or(Kind::Defect), context))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Wherever a part is cut off, all whole records before that arrive, and that more is lacking is told.
        #[test]
        fn what_is_cut_off_is_told(records in vec(vec(any::<u8>(), 0..30), 0..9), cut in 0..400usize) {
            let mut ends = vec![1];
            let mut words = Words::of(RECORDS);
            for record in &records {
                words = words.bytes(record);
                ends.push(words.as_slice().len());
            }
            let cut = cut.min(words.as_slice().len());
            let mut arrived = Vec::new();
            let mut on_record = |record: &[u8]| arrived.push(record.to_vec());
            let mut parts = Parts::of(&mut on_record);
            parts.take(&words.as_slice()[..cut]);
            let is_whole = parts.result().is_ok();
            prop_assert_eq!(is_whole, ends.contains(&cut));
            let count = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
            prop_assert_eq!(&arrived[..], &records[..count]);
        }

        #[test]
        fn any_part_is_records_a_result_or_broken(kind in 0..3u8, lengths in vec(0..9u8, 0..8), cut in 0..70usize) {
            let mut part = vec![kind];
            for length in lengths {
                part.extend(u64::from(length).to_ne_bytes());
                part.extend(vec![7; usize::from(length)]);
            }
            part.truncate(cut);
            let mut consumed = 0;
            let mut on_record = |record: &[u8]| consumed += 8 + record.len();
            let mut parts = Parts::of(&mut on_record);
            parts.take(&part);
            if let Ok(result) = parts.result() {
                prop_assert_eq!(1 + consumed + result.len(), part.len());
            }
        }
    }

    #[test]
    fn answers_arrive_as_they_were_given() {
        let tally = Tally::new(NetnsId(1), 2, -3);
        let apart = BTreeMap::from([(b"ALG".to_vec(), 4), (Vec::new(), 5)]);
        let counted = PassCounts { descriptors: 9, namespaces: vec![tally], apart };
        let words = counted.encode(Words::default());
        assert_eq!(PassCounts::decode(WordReader::of(words.as_slice())), Some(counted));
        for kind in Kind::ALL {
            let words = Error::new(kind, "why").encode(Words::default());
            let decoded = Error::decode(WordReader::of(words.as_slice())).unwrap();
            assert_eq!((decoded.kind(), decoded.to_string()), (kind, "why".to_owned()));
        }
        assert!(Error::decode(WordReader::of(&[])).is_none());
    }
}
