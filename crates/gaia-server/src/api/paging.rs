//! Pages of lists whose rows are judged one by one as they are now, so that no
//! query can count or cut them: locks, waiters, sessions.

use crate::error::{Answer, Problem};

/// Rows of one page where nobody says how many: so many that a dashboard of
/// old, which knows of no pages, sees all.
const USUAL: usize = 1_000;
/// The most rows of one page.
const LARGEST: usize = 10_000;

/// Cuts a page out of rows that are in order of their cursors, and gives the
/// `after` of the next one.
///
/// # Errors
/// A limit that no page has.
pub fn cut<T, C: PartialOrd>(
    rows: &mut Vec<T>,
    after: Option<C>,
    limit: Option<usize>,
    cursor: impl Fn(&T) -> C,
) -> Answer<Option<C>> {
    let limit = limit.unwrap_or(USUAL);
    if !(1..=LARGEST).contains(&limit) {
        let detail = format!("limit is {limit}; it lies between 1 and {LARGEST}");
        return Err(Problem::invalid(detail));
    }
    if let Some(after) = after {
        rows.retain(|row| cursor(row) > after);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(rows.last().filter(|_| more).map(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_on_one_page() {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let mut rows: Vec<usize> = (0..2_500).collect();
            after = cut(&mut rows, after, None, |row| *row).unwrap();
            assert!(rows.len() <= USUAL);
            seen.extend(rows);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..2_500).collect::<Vec<_>>());
    }
}
