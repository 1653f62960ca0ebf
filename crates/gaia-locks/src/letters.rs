//! Text from elsewhere, as it can be shown: paths, names and reasons come from
//! strangers, and what is not seen could make one name look like another.

/// The text with what is not seen escaped: it moves no cursor, forges no line
/// and turns no letters around.
#[must_use]
pub fn clear(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_deceptive(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}

/// Control characters, and those that turn the direction of writing, break the
/// line or are drawn as nothing. Variation selectors are none: they say how
/// the letter before them looks.
#[must_use]
pub fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped_and_what_is_seen_is_not() {
        for hidden in [
            '\n',
            '\u{ad}',
            '\u{200d}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2062}',
            '\u{3164}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_ne!(
                clear(&format!("a{hidden}b")),
                format!("a{hidden}b"),
                "{hidden:?}"
            );
        }
        for seen in ["ä 日本語 مرحبا", "❤\u{fe0f}", "a\u{a0}b", "é", "e\u{301}"] {
            assert_eq!(clear(seen), seen);
        }
    }
}
