//! /proc/meminfo.

use crate::model::units::Bytes;

/// The lines of /proc/meminfo.
pub(crate) struct Meminfo<'f>(Vec<(&'f str, u64)>);

impl<'f> Meminfo<'f> {
    /// Parses the file; a line that is none is left out.
    pub(crate) fn parse(file: &'f [u8]) -> Meminfo<'f> {
        let lines = file.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let field = |line: &'f str| {
            let (name, value) = line.split_once(':')?;
            let mut words = value.split_whitespace();
            let number: u64 = words.next()?.parse().ok()?;
            // No host has more; and so no sum of these can overflow.
            (number < 1 << 48).then_some((name, number))
        };
        Meminfo(lines.filter_map(field).collect())
    }

    /// A field in kB, as bytes; `None` where this kernel has no such field.
    pub(crate) fn bytes(&self, name: &str) -> Option<Bytes> {
        self.count(name).map(|kib| Bytes(kib * 1024))
    }

    /// A field without a unit.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(of, _)| *of == name).map(|(_, number)| *number)
    }
}
