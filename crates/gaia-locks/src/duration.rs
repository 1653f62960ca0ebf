//! Durations that people read and write: `30s`, `1h30m`, `2d`, and `4 min 20 s` back.
//!
//! One grammar serves settings, flags and the word after `--wait`. That last place decides its
//! shape: there a word is either a limit or a folder, so a wrong guess must never pass silently.
//! Therefore two questions are kept apart. [`looks_like_duration`] asks only whether a word is made
//! of numbers and units and of nothing else; [`parse`] may still refuse such a word (`30m1h`,
//! `1h30`), and the person hears why, instead of holding a lock on a folder named `1h30`.
//!
//! Sums are done in whole nanoseconds, never in floating point: `0.1h` is exactly 6 minutes.

use std::time::Duration;

use thiserror::Error;

/// The longest duration that is read: 100 years of 365 days, far from every overflow.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The units with their nanoseconds, the largest first.
const UNITS: [(&str, u128); 6] = [
    ("w", 604_800 * NANOS_PER_SECOND),
    ("d", 86_400 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
];

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurationError {
    /// The text is not made of numbers and units.
    #[error(
        "`{value}` is not a duration; write for example 30s, 1h30m, 2d, 500ms or 1.5h \
         (units w d h m s ms; a bare number is seconds)"
    )]
    Unreadable {
        /// What was given.
        value: String,
    },
    /// A number after the first part has no unit, as in `1h30`.
    #[error("`{value}` is not a duration: `{number}` lacks its unit (write for example 1h30m)")]
    NoUnit {
        /// What was given.
        value: String,
        /// The number without a unit.
        number: String,
    },
    /// A unit follows a smaller one or itself, as in `30m1h`.
    #[error(
        "`{value}` is not a duration: larger units come first, each once (write for example 1h30m)"
    )]
    Order {
        /// What was given.
        value: String,
    },
    /// More than [`LONGEST`].
    #[error("`{value}` is longer than 100 years")]
    TooLong {
        /// What was given.
        value: String,
    },
}

/// Reads a duration: `30s`, `1h30m`, `2d`, `500ms`, `1.5h`, `0`; a bare number is seconds.
///
/// # Errors
/// [`DurationError`] names the text and shows how durations are written.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let value = || text.to_owned();
    let parts = parts(text).ok_or_else(|| DurationError::Unreadable { value: value() })?;
    if let [(number, "")] = parts[..] {
        return bounded(scaled(number, NANOS_PER_SECOND), text);
    }
    let mut total = 0_u128;
    let mut previous = u128::MAX;
    for (number, unit) in parts {
        let size = size_of(unit).ok_or_else(|| DurationError::NoUnit {
            value: value(),
            number: number.to_owned(),
        })?;
        if size >= previous {
            return Err(DurationError::Order { value: value() });
        }
        previous = size;
        total = total.saturating_add(scaled(number, size));
    }
    bounded(total, text)
}

/// Whether a word is made of numbers and units only, and so is meant as a duration.
///
/// The rule for the word after `--wait`: if this is true it is the limit (which [`parse`] may
/// refuse), otherwise a folder. A folder with such a name is written `./30s`.
#[must_use]
pub fn looks_like_duration(word: &str) -> bool {
    parts(word).is_some()
}

/// Reads a plain number (`2`, `0.5`) that counts the given unit.
///
/// # Errors
/// [`DurationError`] if the text is not a plain number, or too large.
pub fn count_of(unit: Duration, text: &str) -> Result<Duration, DurationError> {
    match parts(text).as_deref() {
        Some([(number, "")]) => bounded(scaled(number, unit.as_nanos()), text),
        _ => Err(DurationError::Unreadable {
            value: text.to_owned(),
        }),
    }
}

/// A duration in words, its two largest units, cut rather than rounded: `3 s`, `4 min 20 s`,
/// `2 h 5 min`, `3 days 4 h`. Less than a second is shown as `250 ms`.
#[must_use]
pub fn human(duration: Duration) -> String {
    let [first, second] = two_largest(duration);
    let words = |(count, unit): (u64, &str)| match (count, unit) {
        (1, "d") => "1 day".to_owned(),
        (_, "d") => format!("{count} days"),
        (_, "m") => format!("{count} min"),
        _ => format!("{count} {unit}"),
    };
    match second {
        (0, _) => words(first),
        _ => format!("{} {}", words(first), words(second)),
    }
}

/// The same for narrow places: `3s`, `4m20s`, `2h05m`, `3d4h`. [`parse`] reads it back.
#[must_use]
pub fn human_short(duration: Duration) -> String {
    let [(count, unit), second] = two_largest(duration);
    match second {
        (0, _) => format!("{count}{unit}"),
        (hours, "h") => format!("{count}{unit}{hours}h"),
        (rest, smaller) => format!("{count}{unit}{rest:02}{smaller}"),
    }
}

/// The two largest units of a duration; the second count may be 0.
fn two_largest(duration: Duration) -> [(u64, &'static str); 2] {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.subsec_millis() > 0 => [(duration.subsec_millis().into(), "ms"), (0, "")],
        0..60 => [(seconds, "s"), (0, "ms")],
        60..3_600 => [(seconds / 60, "m"), (seconds % 60, "s")],
        3_600..86_400 => [(seconds / 3_600, "h"), (seconds % 3_600 / 60, "m")],
        _ => [(seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")],
    }
}

/// Splits a word into (number, unit) pairs; only the last may lack its unit.
fn parts(word: &str) -> Option<Vec<(&str, &str)>> {
    let mut parts = Vec::new();
    let mut rest = word;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(number_length(rest)?);
        let end = after.find(|c: char| !c.is_ascii_lowercase());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let known = size_of(unit).is_some() || (unit.is_empty() && after.is_empty());
        parts.push(known.then_some((number, unit))?);
        rest = after;
    }
    (!parts.is_empty()).then_some(parts)
}

/// How many bytes of `text` are its leading number: digits, perhaps a dot and more digits.
fn number_length(text: &str) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let fraction = text[whole..].strip_prefix('.').map(digits);
    match (whole, fraction) {
        (0, _) | (_, Some(0)) => None,
        (_, None) => Some(whole),
        (_, Some(fraction)) => Some(whole + 1 + fraction),
    }
}

fn size_of(unit: &str) -> Option<u128> {
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, size)| *size)
}

/// `number` times `size` in nanoseconds. What does not fit becomes the maximum, which [`bounded`]
/// refuses. Of a fraction twelve digits count: the next is less than a millisecond of any unit.
fn scaled(number: &str, size: u128) -> u128 {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse().unwrap_or(u128::MAX);
    let digits = fraction.bytes().take(12).map(|digit| digit - b'0');
    let (part, of) = digits.fold((0_u128, 1_u128), |(part, of), digit| {
        (part * 10 + u128::from(digit), of * 10)
    });
    whole.saturating_mul(size).saturating_add(part * size / of)
}

fn bounded(nanos: u128, text: &str) -> Result<Duration, DurationError> {
    if nanos > LONGEST.as_nanos() {
        return Err(DurationError::TooLong {
            value: text.to_owned(),
        });
    }
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0);
    Ok(Duration::new(seconds, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    #[test]
    fn durations_that_people_write_are_read() {
        let table = [
            ("0", 0),
            ("0s", 0),
            ("30", 30 * SECOND),
            ("1.5", 1_500),
            ("30s", 30 * SECOND),
            ("500ms", 500),
            ("1h30m", HOUR + 30 * MINUTE),
            ("1.5h", HOUR + 30 * MINUTE),
            ("0.1h", 6 * MINUTE),
            ("2d", 2 * DAY),
            (
                "1w2d3h4m5s6ms",
                9 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND + 6,
            ),
            ("2h05m", 2 * HOUR + 5 * MINUTE),
            ("90d", 90 * DAY),
        ];
        for (text, millis) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
            assert!(looks_like_duration(text), "{text}");
        }
    }

    #[test]
    fn other_words_are_folders() {
        let words = [
            "", " ", "src", "./30s", "/30s", "30s/", "-5s", "+5s", "1e3", "5y", "5M", "2 h", ".5s",
            "5.s", "1..5h", "h", "h1", "3d-model", "1h30m/x", "٣s", "inf", "0x10", "1_000",
        ];
        for word in words {
            assert!(!looks_like_duration(word), "{word}");
            let refused = parse(word);
            assert!(
                matches!(&refused, Err(DurationError::Unreadable { value }) if value == word),
                "{word}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_meant_as_a_duration_but_is_none_says_why() {
        let table = [
            ("1h30", "lacks its unit"),
            ("30m1h", "larger units come first"),
            ("1h1h", "each once"),
            ("36501d", "longer than 100 years"),
            ("99999999999999999999999999999999999999999999w", "100 years"),
        ];
        for (text, part) in table {
            assert!(looks_like_duration(text), "{text}");
            let message = parse(text).map_err(|error| error.to_string());
            let said = message.as_ref().is_err_and(|message| {
                message.contains(part) && message.contains(&format!("`{text}`"))
            });
            assert!(said, "{text}: {message:?}");
        }
        assert_eq!(parse("36500d"), Ok(LONGEST));
    }

    #[test]
    fn a_count_of_hours_is_a_plain_number() {
        let hour = Duration::from_hours(1);
        assert_eq!(count_of(hour, "2"), Ok(hour * 2));
        assert_eq!(count_of(hour, "0.25"), Ok(hour / 4));
        for text in ["2h", "", "two", "-1", "1h30"] {
            assert!(count_of(hour, text).is_err(), "{text}");
        }
    }

    #[test]
    fn people_read_two_units() {
        let table = [
            (0, "0 s", "0s"),
            (250, "250 ms", "250ms"),
            (3 * SECOND + 999, "3 s", "3s"),
            (4 * MINUTE + 20 * SECOND, "4 min 20 s", "4m20s"),
            (4 * MINUTE + 2 * SECOND, "4 min 2 s", "4m02s"),
            (4 * MINUTE, "4 min", "4m"),
            (2 * HOUR + 5 * MINUTE + 59 * SECOND, "2 h 5 min", "2h05m"),
            (DAY - 1, "23 h 59 min", "23h59m"),
            (DAY, "1 day", "1d"),
            (3 * DAY + 4 * HOUR, "3 days 4 h", "3d4h"),
        ];
        for (millis, long, short) in table {
            let duration = Duration::from_millis(millis);
            assert_eq!(human(duration), long);
            assert_eq!(human_short(duration), short);
        }
        assert_eq!(human(Duration::from_micros(400)), "0 s");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC*", like in "[0-9.wdhms]{0,40}") {
            for text in [text, like] {
                let read = parse(&text);
                prop_assert!(read.is_err() || looks_like_duration(&text));
            }
        }

        #[test]
        fn what_is_shown_is_read_back_to_the_same_words(millis in 0..100 * 365 * DAY) {
            let duration = Duration::from_millis(millis);
            let words = human(duration).replace("days", "d").replace("day", "d");
            let words = words.replace("min", "m").replace(' ', "");
            let back = parse(&human_short(duration)).unwrap_or(Duration::MAX);
            prop_assert_eq!(parse(&words), Ok(back));
            prop_assert!(back <= duration && duration - back < Duration::from_hours(1));
            prop_assert_eq!(human(back), human(duration));
        }

        #[test]
        fn whole_milliseconds_are_exact(millis in 0..=3_153_600_000_000_u64) {
            let text = format!("{}.{:03}s", millis / 1_000, millis % 1_000);
            prop_assert_eq!(parse(&text), Ok(Duration::from_millis(millis)));
            prop_assert_eq!(parse(&format!("{millis}ms")), Ok(Duration::from_millis(millis)));
        }
    }
}
