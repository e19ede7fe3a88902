//! What a scan says of memory that belongs to nobody.

use crate::output::words::verdict::answer;
use crate::report::scan::{MissingMemory, ScanReport};
use crate::text::size;

/// One line, where that is out of proportion.
pub(super) fn sentence(report: &ScanReport<'_>) -> Option<String> {
    report.missing.map(sentence_of)
}

fn sentence_of(MissingMemory { bytes, code }: MissingMemory) -> String {
    let whether = match code {
        Some(code) => answer(code),
        None => "this report leaves sockets out, and cannot tell whether they have it",
    };
    format!(
        "Memory: {} belongs to nobody: no counter of the kernel says whose it is; {whether}.",
        size(bytes.0)
    )
}

#[cfg(test)]
mod tests {
    use skcheck_core::Bytes;
    use skcheck_core::verdict::Code;

    use super::*;

    #[test]
    fn judges_only_what_was_looked_at() {
        let check = |code: Option<Code>, expected: &str| {
            let line = sentence_of(MissingMemory { bytes: Bytes(6_549_825_126), code });
            assert_eq!(
                line,
                format!(
                    "Memory: 6.1 GiB belongs to nobody: no counter of the kernel says whose it is; {expected}."
                )
            );
        };
        check(Some(Code::Could), "sockets could explain it");
        check(Some(Code::Cannot), "sockets cannot explain it");
        check(Some(Code::Unseen), "too little can be seen to tell whether sockets have it");
        check(None, "this report leaves sockets out, and cannot tell whether they have it");
    }
}
