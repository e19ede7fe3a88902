//! How the memory is drawn, and for whom.

use crate::report::Privilege;
use crate::text::Page;

/// How the memory is drawn, and for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemStyle {
    pub(crate) page: Page,
    /// Colours say once more what glyphs and words say.
    pub(crate) color: bool,
    pub(crate) privilege: Privilege,
}
