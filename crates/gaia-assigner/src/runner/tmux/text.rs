//! What may be typed: pure.

/// Why a text can never be typed, if so. In a paste everything is text but
/// what ends the paste; and a program that takes no pastes takes control
/// characters for keys.
pub(crate) fn unfit(text: &str) -> Option<String> {
    let found = text.chars().find(|character| is_key(*character))?;
    let number = u32::from(found);
    Some(format!(
        "its text holds the control character U+{number:04X}, which a terminal takes for a key; take it out, or send it to a process session"
    ))
}

fn is_key(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

/// Whether a text needs to arrive as one paste: a program that takes no pastes
/// takes each line for itself, and a tab for a key.
pub(super) fn needs_paste(text: &str) -> bool {
    text.contains(['\n', '\r', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t14_what_would_be_a_key_is_not_typed() {
        for text in ["a\u{1b}[201~b", "\u{3}", "x\u{7f}", "\u{9b}201~"] {
            assert!(
                unfit(text).is_some_and(|why| why.contains("U+")),
                "{text:?}"
            );
        }
        for text in [
            "a;b;",
            "- $(x) `y` \"z\" 'w'",
            "two\nlines\r\n\tand a tab",
            "äöü 漢字 🦀",
        ] {
            assert_eq!(unfit(text), None);
        }
    }

    #[test]
    fn one_plain_line_needs_no_paste() {
        assert!(!needs_paste("one line; $(with) everything"));
        assert!(needs_paste("two\nlines") && needs_paste("a\ttab"));
    }
}
