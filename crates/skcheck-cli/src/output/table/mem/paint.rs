//! Colours, which never say anything alone.

use anstyle::{AnsiColor, Style};

use crate::report::mem::RowOwner;

/// Paints, or does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) on: bool,
}

impl Paint {
    /// What is drawn for an owner.
    pub(super) fn owner(self, owner: RowOwner, text: &str) -> String {
        let style = Style::new();
        self.with(
            text,
            match owner {
                RowOwner::Applications => style.fg_color(Some(AnsiColor::Blue.into())),
                RowOwner::PageCache => style.fg_color(Some(AnsiColor::Cyan.into())),
                RowOwner::Kernel => style.fg_color(Some(AnsiColor::Yellow.into())),
                RowOwner::Nobody => style.fg_color(Some(AnsiColor::Red.into())).bold(),
                RowOwner::Free | RowOwner::BelowLimit => style.dimmed(),
            },
        )
    }

    /// What must be read first.
    pub(super) fn answer(self, text: &str) -> String {
        self.with(text, Style::new().bold())
    }

    /// The same where it is an alarm.
    pub(super) fn alarm(self, text: &str) -> String {
        self.with(text, Style::new().bold().fg_color(Some(AnsiColor::Red.into())))
    }

    fn with(self, text: &str, style: Style) -> String {
        if self.on && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
