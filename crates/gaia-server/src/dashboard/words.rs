//! How times, paths and names look on a page.
//!
//! The server knows no browser's time zone, so times are drawn in UTC with the
//! instant beside them (`data-at`), and the script puts them into local time.

use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::duration::human;
use gaia_locks::letters;
use maud::{Markup, html};

/// Longer paths are cut in the middle where they stand in a table.
const LONGEST_PATH: usize = 110;
/// Longer names are cut.
const LONGEST_NAME: usize = 48;

/// A name of so few letters stays on one line.
const SHORT_NAME: usize = 20;

/// Milliseconds since 1970, as scripts count.
pub fn millis(wall: Wall) -> i64 {
    wall.0 / 1000
}

/// A point in time: only the clock when it is today.
pub fn time(wall: Wall, now: Wall) -> Markup {
    let text = wall.to_rfc3339();
    let (day, clock) = (text.get(..10), text.get(11..19));
    let (day, clock) = (day.unwrap_or_default(), clock.unwrap_or_default());
    let is_today = now.to_rfc3339().starts_with(day);
    html! {
        time datetime=(text) data-at=(millis(wall)) title={(day) " " (clock) " UTC"} {
            @if !is_today { (day) " " }
            (clock)
        }
    }
}

/// A point in time that may not be known.
pub fn time_if(wall: Option<Wall>, now: Wall) -> Markup {
    html! { @match wall { Some(wall) => (time(wall, now)), None => (none()) } }
}

/// What is left until then; the script counts it down.
pub fn left(until: Wall, now: Wall) -> Markup {
    let left = until.since(now);
    let soon = left < Duration::from_secs(300);
    html! { span.left.soon[soon] data-until=(millis(until)) { (human(whole(left))) } }
}

/// How long it has been; the script counts it up.
pub fn lasting(since: Wall, now: Wall) -> Markup {
    html! { span.left data-since=(millis(since)) { (human(whole(now.since(since)))) } }
}

/// A length of time.
pub fn length(duration: Duration) -> String {
    human(match duration.as_secs() {
        0 => duration,
        _ => whole(duration),
    })
}

fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// Where there is nothing to say.
pub fn none() -> Markup {
    html! { span.none { "–" } }
}

/// A path in a table: its last name is what the eye looks for.
pub fn path(path: &str) -> Markup {
    let shown = middle_cut(&clear(path), LONGEST_PATH);
    let at = shown
        .trim_end_matches('/')
        .rfind('/')
        .map_or(0, |at| at + 1);
    let (folder, name) = shown.split_at(at);
    html! { bdi.path dir="ltr" { span.above { (names(folder)) } span.last { (names(name)) } } }
}

/// A path, all of it.
pub fn whole_path(path: &str) -> Markup {
    html! { bdi.path dir="ltr" { (names(&clear(path))) } }
}

/// Folders stand in their order, also where a name is written from the right.
fn names(path: &str) -> Markup {
    html! {
        @for (at, name) in path.split('/').enumerate() {
            @if at > 0 { "/" }
            @if name.is_ascii() { (name) } @else { bdi { (name) } }
        }
    }
}

/// A name in a table.
pub fn name(name: &str) -> Markup {
    let shown = middle_cut(&clear(name), LONGEST_NAME);
    html! { bdi.name.short[shown.chars().count() <= SHORT_NAME] { (shown) } }
}

/// The beginning of a text, on one line.
pub fn beginning(text: &str, longest: usize) -> Markup {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    html! { bdi { (end_cut(&clear(&line), longest)) } }
}

/// A sentence that names commands in backticks.
pub fn sentence(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A text of several lines.
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| clear(&line.replace('\t', "    ")))
        .collect();
    lines.join("\n")
}

/// What a program wrote for a terminal, as lines: without colours, and of a line
/// that was written over what was written last.
pub fn printed(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let last = |line: &str| {
        let line = line.trim_end_matches('\r');
        let last = line.rsplit('\r').next().unwrap_or_default();
        last.split('\t').map(clear).collect::<Vec<_>>().join("\t")
    };
    plain.split('\n').map(last).collect::<Vec<_>>().join("\n")
}

/// Text whose letters are all seen; what joins the parts of one sign (as in
/// 👩‍🔧) stays.
pub fn clear(text: &str) -> String {
    let parts: Vec<String> = text.split('\u{200d}').map(letters::clear).collect();
    parts.join("\u{200d}")
}

fn end_cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

fn middle_cut(text: &str, longest: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= longest {
        return text.to_owned();
    }
    let head = longest / 3;
    let tail = letters.len() - (longest - head - 1);
    let (head, tail) = (&letters[..head], &letters[tail..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_for_a_terminal_is_read_without_one() {
        let shown = [
            ("\x1b[1;32mPASS\x1b[0m one\r\n", "PASS one\n"),
            ("12 %\r13 %\r100 %\ndone", "100 %\ndone"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07\tend", "link\tend"),
            ("a\x08b \u{202e}c", "ab \\u{202e}c"),
        ];
        for (written, read) in shown {
            assert_eq!(printed(written), read, "{written:?}");
        }
    }

    #[test]
    fn what_is_long_is_cut_and_what_could_deceive_is_seen() {
        assert_eq!(middle_cut("abcdefghij", 10), "abcdefghij");
        assert_eq!(middle_cut("abcdefghijk", 7), "ab…hijk");
        assert_eq!(end_cut("äöü", 2), "äö…");
        assert_eq!(clear("a\u{202e}b\nc"), "a\\u{202e}b\\nc");
        assert_eq!(clear("👩\u{200d}🔧"), "👩\u{200d}🔧");
        assert_ne!(clear("/srv/tag\u{e0041}"), "/srv/tag\u{e0041}");
    }

    #[test]
    fn folders_whose_names_are_written_from_the_right_stand_in_their_order() {
        let shown = whole_path("/srv/مرحبا/مجلد").into_string();
        assert!(
            shown.contains("dir=\"ltr\">/srv/<bdi>مرحبا</bdi>/<bdi>مجلد</bdi></bdi>"),
            "{shown}"
        );
    }

    #[test]
    fn a_path_is_text_and_its_last_name_stands_out() {
        let shown = path("/a/<img src=x onerror=alert(1)>").into_string();
        assert!(
            shown.contains("&lt;img") && !shown.contains("<img"),
            "{shown}"
        );
        let shown = path("/srv/app").into_string();
        assert!(
            shown.contains(">/srv/</span>") && shown.contains(">app</span>"),
            "{shown}"
        );
    }
}
