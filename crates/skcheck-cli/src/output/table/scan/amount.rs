//! Sums of which a part may be unknown, in words.

use crate::report::PartialSum;
use crate::text::size;

/// A sum in words; `None` when it is zero as far as is known.
pub(super) fn amount(PartialSum { known, unknown, estimated }: PartialSum) -> Option<String> {
    match (known, unknown, estimated) {
        (0, ..) => None,
        (known, _, 1..) => Some(format!("about {}", size(known))),
        (known, 0, _) => Some(size(known)),
        (known, ..) => Some(format!("at least {}", size(known))),
    }
}
