//! Bars to scale. Pure.

use crate::text::Charset;

/// Marks the place on a bar from which on it is an alarm.
pub(super) const MARK: char = '!';

/// Blocks of one to eight eighths of a column.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A bar for `part` of `whole`, which takes `width` columns. What is not 0 is never nothing at all.
pub(super) fn bar(part: u64, whole: u64, width: usize, charset: Charset) -> String {
    let steps = match charset {
        Charset::Utf8 => 8,
        Charset::Ascii => 2,
    };
    let filled = (scaled(part, whole, width * steps)).max(usize::from(part > 0));
    let (full, rest) = (filled / steps, filled % steps);
    match charset {
        Charset::Utf8 => {
            let end = rest.checked_sub(1).and_then(|at| EIGHTHS.get(at));
            "█".repeat(full) + &end.map(char::to_string).unwrap_or_default()
        }
        // Half a column or less.
        Charset::Ascii => "#".repeat(full) + if rest > 0 { "|" } else { "" },
    }
}

/// The bar, as long as its scale, with a mark at `at` of `whole` where that is on the scale. The mark does
/// not hide where the bar ends: it stands behind that instead.
pub(super) fn marked(bar: &str, at: u64, whole: u64, width: usize) -> String {
    let mut columns: Vec<char> = bar.chars().collect();
    let mut mark = scaled(at, whole, width);
    if mark + 1 == columns.len() {
        mark += 1;
    }
    columns.resize(columns.len().max(width), ' ');
    if at < whole
        && let Some(column) = columns.get_mut(mark.min(width.saturating_sub(1)))
    {
        *column = MARK;
    }
    columns.into_iter().collect::<String>().trim_end().to_owned()
}

/// How many of `width` columns each part gets: all of them together, and each that is not 0 at least one.
pub(super) fn segments(parts: &[u64], width: usize) -> Vec<usize> {
    let sum: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if sum == 0 {
        return vec![0; parts.len()];
    }
    let exact = |part: u64| u128::from(part) * width as u128;
    let floor = |part: u64| usize::try_from(exact(part) / sum).unwrap_or(0).max(usize::from(part > 0));
    let mut columns: Vec<usize> = parts.iter().map(|part| floor(*part)).collect();
    let mut by_rest: Vec<usize> = (0..parts.len()).filter(|at| exact(parts[*at]) >= sum).collect();
    by_rest.sort_by_key(|at| std::cmp::Reverse(exact(parts[*at]) % sum));
    let mut rest = by_rest.into_iter();
    while columns.iter().sum::<usize>() < width {
        let Some(at) = rest.next() else { break };
        columns[at] += 1;
    }
    while columns.iter().sum::<usize>() > width {
        // Those that got a column for nothing take it from the widest.
        match columns.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => break,
        }
    }
    columns
}

/// `part` of `whole` in `steps`, rounded.
fn scaled(part: u64, whole: u64, steps: usize) -> usize {
    let exact = u128::from(part.min(whole)) * steps as u128;
    let rounded = (exact + u128::from(whole) / 2).checked_div(u128::from(whole)).unwrap_or(0);
    usize::try_from(rounded).unwrap_or(steps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bars_are_to_scale() {
        let check = |part: u64, utf8: &str, ascii: &str| {
            assert_eq!(bar(part, 80, 10, Charset::Utf8), utf8, "{part}");
            assert_eq!(bar(part, 80, 10, Charset::Ascii), ascii, "{part}");
        };
        check(0, "", "");
        check(1, "▏", "|");
        check(3, "▍", "|");
        check(8, "█", "#");
        check(12, "█▌", "#|");
        check(79, "█████████▉", "##########");
        check(80, "██████████", "##########");
        check(800, "██████████", "##########");
        assert_eq!(bar(1, u64::MAX, 40, Charset::Utf8), "▏");
        assert_eq!(bar(1, 0, 40, Charset::Utf8), "▏");
    }

    #[test]
    fn an_alarm_is_marked_where_it_is() {
        let check = |bar: &str, at: u64, expected: &str| assert_eq!(marked(bar, at, 100, 10), expected);
        check("", 50, "     !");
        check("##", 50, "##   !");
        check("########", 50, "#####!##");
        check("██", 0, "!█");
        check("█", 0, "█!");
        check("##", 10, "##!");
        check("##", 99, "##       !");
        check("##", 100, "##");
    }

    #[test]
    fn segments_share_all_columns() {
        let check =
            |parts: &[u64], expected: &[usize]| assert_eq!(segments(parts, 10), expected, "{parts:?}");
        check(&[50, 50], &[5, 5]);
        check(&[1, 1, 98], &[1, 1, 8]);
        check(&[0, 33, 67], &[0, 3, 7]);
        check(&[0, 0], &[0, 0]);
        check(&[], &[]);
        check(&[u64::MAX, u64::MAX, 1], &[5, 4, 1]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(parts in proptest::collection::vec(any::<u64>(), 1..8), width in 8usize..200) {
            let columns = segments(&parts, width);
            if parts.iter().any(|part| *part > 0) {
                prop_assert_eq!(columns.iter().sum::<usize>(), width);
            }
            for (part, columns) in parts.iter().zip(&columns) {
                prop_assert_eq!(*part > 0, *columns > 0);
            }
            let whole = parts.iter().fold(0u64, |sum, part| sum.saturating_add(*part));
            for charset in [Charset::Utf8, Charset::Ascii] {
                let bar = bar(parts[0], whole, width, charset);
                prop_assert!(bar.chars().count() <= width);
                prop_assert_eq!(bar.is_empty(), parts[0] == 0);
            }
        }
    }
}
