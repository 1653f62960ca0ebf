//! The words of the command line, before they are parsed.

use std::ffi::OsString;

use gaia_locks::duration::looks_like_duration;

/// The words that were typed, with `--wait 30s` brought together.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the command line"
)]
pub fn words() -> Vec<OsString> {
    join_waits(std::env::args_os())
}

/// After `--wait` a word that reads as a duration is the limit, any other a
/// folder: the parser cannot know that, so the limit is joined to it here.
/// Behind `--` stands somebody else's command, which is left alone.
fn join_waits(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            joined.push(word);
            joined.extend(words);
            return joined;
        }
        let limit = (word == "--wait")
            .then(|| words.next_if(is_duration))
            .flatten();
        joined.push(match limit {
            Some(limit) => [word, limit].join("=".as_ref()),
            None => word,
        });
    }
    joined
}

fn is_duration(word: &OsString) -> bool {
    word.to_str().is_some_and(looks_like_duration)
}

/// Whether the user asked for JSON, for errors that come before parsing.
pub fn wants_json(words: &[OsString]) -> bool {
    let ours = words.iter().take_while(|word| *word != "--");
    ours.into_iter().any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(words: &[&str]) -> Vec<String> {
        let words = join_waits(words.iter().map(OsString::from));
        words
            .into_iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn after_wait_a_duration_is_the_limit_and_any_other_word_a_folder() {
        assert_eq!(
            joined(&["acquire", "--wait", "30s", "a"]),
            ["acquire", "--wait=30s", "a"]
        );
        assert_eq!(
            joined(&["acquire", "--wait", "a"]),
            ["acquire", "--wait", "a"]
        );
        assert_eq!(joined(&["--wait", "./30s"]), ["--wait", "./30s"]);
        assert_eq!(joined(&["--wait", "1h30"]), ["--wait=1h30"]);
        assert_eq!(joined(&["a", "--wait"]), ["a", "--wait"]);
        assert_eq!(
            joined(&["a", "--", "x", "--wait", "3"]),
            ["a", "--", "x", "--wait", "3"]
        );
    }
}
