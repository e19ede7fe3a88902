//! Rows under headings.

use comfy_table::{CellAlignment, Table};

use crate::text::{Page, width};

/// Between columns, and where there is little room.
pub(super) const GUTTER: u16 = 2;
pub(super) const NARROW_GUTTER: u16 = 1;

/// Which end of a column its cells stand at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under headings, as wide as it takes; closer together where that is more than the page has.
pub(super) fn grid<const N: usize>(
    headings: &[(&str, Align); N],
    rows: &[[String; N]],
    page: Page,
) -> Vec<String> {
    let lines = |gutter| {
        let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect());
        draw(headings, rows, gutter)
    };
    let roomy = lines(GUTTER);
    let fits = page.width.is_none_or(|room| roomy.iter().all(|line| width(line) <= room));
    if fits { roomy } else { lines(NARROW_GUTTER) }
}

/// Rows under headings, one line each, as wide as it takes.
pub(super) fn draw<'r>(
    headings: &[(&str, Align)],
    rows: impl Iterator<Item = Vec<&'r str>>,
    gutter: u16,
) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(headings.iter().map(|(name, _)| *name));
    for row in rows {
        table.add_row(row);
    }
    let last = headings.len().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { gutter }));
        if let Some((_, align)) = headings.get(at) {
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}
