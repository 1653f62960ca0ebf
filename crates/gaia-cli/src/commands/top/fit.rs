//! Text in so many columns. Pure.
//!
//! Columns, not letters: one of 漢字 takes two.

use ratatui::style::Style;
use ratatui::text::Span;

/// How many columns it takes.
pub fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// Its end, where it is too long: a path is told from others by its end.
pub fn end_of(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let span = Span::raw(text);
    let letters: Vec<_> = span.styled_graphemes(Style::new()).collect();
    let fits = |letter: &&ratatui::text::StyledGrapheme| {
        let left = room.checked_sub(columns(letter.symbol));
        room = left.unwrap_or(0);
        left.is_some()
    };
    let end: Vec<&str> = letters
        .iter()
        .rev()
        .take_while(fits)
        .map(|letter| letter.symbol)
        .collect();
    format!("…{}", end.into_iter().rev().collect::<String>())
}

/// A line as a terminal breaks it: where it has no more columns.
pub fn broken(line: &str, width: usize) -> Vec<String> {
    let (mut rows, mut row, mut room) = (Vec::new(), String::new(), width);
    for letter in Span::raw(line).styled_graphemes(Style::new()) {
        let wide = columns(letter.symbol);
        if wide > room && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            room = width;
        }
        row.push_str(letter.symbol);
        room = room.saturating_sub(wide);
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_in_the_next_row_where_it_has_no_more_columns() {
        assert_eq!(broken("", 3), [""]);
        assert_eq!(broken("abc", 3), ["abc"]);
        assert_eq!(broken("abcd", 3), ["abc", "d"]);
        assert_eq!(broken("漢字か", 3), ["漢", "字", "か"]);
        assert_eq!(broken("漢", 1), ["漢"]);
        assert_eq!(broken("ab", 0), ["a", "b"]);
    }

    #[test]
    fn of_what_is_too_long_the_end_is_kept_however_wide_its_letters() {
        assert_eq!(end_of("/srv/web", 8), "/srv/web");
        assert_eq!(end_of("/srv/web", 7), "…rv/web");
        assert_eq!(end_of("/漢字/かな", 10), "/漢字/かな");
        // Half a letter has no room.
        assert_eq!(end_of("/漢字/かな", 9), "…字/かな");
        assert_eq!(end_of("/漢字/かな", 7), "…/かな");
        assert_eq!(end_of("/srv/web", 1), "…");
    }
}
