//! Braces: `{a,b}` and `{1..9}` make several words of one.

use brush_parser::ParserOptions;
use brush_parser::word::{
    BraceExpressionMember as Member, BraceExpressionOrText as Part, parse_brace_expansions,
};

/// One word becomes at most so many; of more it is not known what they are.
const MOST: usize = 256;

/// The texts that a word stands for; `None`: it has no braces that count.
pub(super) fn expanded(text: &str) -> Option<Vec<String>> {
    let at = text.find('{')?;
    let parts = parse_brace_expansions(text, &ParserOptions::default()).ok()??;
    let many = || vec![format!("{}*", text.get(..at).unwrap_or_default())];
    Some(of_parts(&parts).unwrap_or_else(many))
}

fn of_parts(parts: &[Part]) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    for part in parts {
        let ends = match part {
            Part::Text(text) => vec![text.clone()],
            Part::Expr(members) => of_members(members)?,
        };
        if texts.len() * ends.len() > MOST {
            return None;
        }
        let mut joined = Vec::with_capacity(texts.len() * ends.len());
        for start in &texts {
            joined.extend(ends.iter().map(|end| format!("{start}{end}")));
        }
        texts = joined;
    }
    Some(texts)
}

fn of_members(members: &[Member]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for member in members {
        match member {
            Member::Child(parts) => texts.extend(of_parts(parts)?),
            // A row of names differs in one place that makes no folder.
            Member::NumberSequence { .. } => texts.push("[0-9]".to_owned()),
            Member::CharSequence { start, end, .. } if is_plain(*start) && is_plain(*end) => {
                texts.push("[a-z]".to_owned());
            }
            Member::CharSequence { .. } => return None,
        }
    }
    (texts.len() <= MOST).then_some(texts)
}

/// `{+..0}` holds `.` and `/`.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
}
