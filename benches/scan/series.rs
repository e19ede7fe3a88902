//! What was measured again and again, in turn with something else.

use std::io;

use serde::{Deserialize, Serialize};

/// Values in the order of the rounds; none where that cannot be measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// First quartile, median, third quartile.
    pub(crate) fn quartiles(&self) -> Option<[f64; 3]> {
        (!self.0.is_empty()).then(|| quartiles(self.0.clone()))
    }

    pub(crate) fn median(&self) -> Option<f64> {
        self.quartiles().map(|[_, median, _]| median)
    }

    /// The ratio in each round.
    pub(crate) fn over(&self, other: &Series) -> Series {
        Series(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }

    /// The difference in each round.
    pub(crate) fn without(&self, other: &Series) -> Series {
        Series(self.0.iter().zip(&other.0).map(|(one, other)| one - other).collect())
    }
}

/// What gives one value; none where it cannot.
pub(crate) type Work<'a> = &'a mut dyn FnMut() -> io::Result<Option<f64>>;

/// Does each work once in each round. What the first round gives, before those that count, is thrown away. Who is
/// first changes, so that nobody always finds the caches of the same other.
pub(crate) fn in_turn<const N: usize>(rounds: usize, mut works: [Work<'_>; N]) -> io::Result<[Series; N]> {
    let mut series = [const { Series(Vec::new()) }; N];
    for work in &mut works {
        work()?;
    }
    for round in 0..rounds {
        let mut all: Vec<_> = works.iter_mut().zip(&mut series).collect();
        if round % 2 == 1 {
            all.reverse();
        }
        for (work, series) in all {
            series.0.extend(work()?);
        }
    }
    Ok(series)
}

/// First quartile, median, third quartile, between neighbours where none is exact.
pub(crate) fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        let place = quarter * (values.len() - 1);
        let (below, above) = (values[place / 4], values[place.div_ceil(4)]);
        below + (above - below) * (place % 4) as f64 / 4.0
    })
}
