//! A stretch of time, as the picture shows it.

use std::time::Duration;

use gaia_locks::clock::Wall;

use crate::dashboard::words::millis;
use crate::error::{Answer, Problem};

/// Up to now: the word in the address, and what people read.
pub const SPANS: [(&str, &str); 3] = [("hour", "Hour"), ("day", "Day"), ("week", "Week")];
/// No closer than this.
const SHORTEST: Duration = Duration::from_secs(10);
/// No wider than this.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// From, to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// Its beginning.
    pub from: Wall,
    /// Its end.
    pub to: Wall,
    /// Whether its end is now, whenever that is.
    pub goes_on: bool,
}

impl Range {
    /// What somebody asked for: a span up to now, or two instants in
    /// milliseconds. With neither it is the last hour.
    ///
    /// # Errors
    /// 400 for an unknown span, or an end that is not after its beginning.
    pub fn asked(
        span: Option<&str>,
        from: Option<i64>,
        to: Option<i64>,
        now: Wall,
    ) -> Answer<Self> {
        match (from, to) {
            (Some(from), Some(to)) => Self::between(wall(from), wall(to), now),
            _ => Self::up_to_now(span.unwrap_or("hour"), now),
        }
    }

    fn up_to_now(word: &str, now: Wall) -> Answer<Self> {
        let unknown = || Problem::invalid(format!("span is {word:?}; it is hour, day or week"));
        let span = span(word).ok_or_else(unknown)?;
        Ok(Self {
            from: now.minus(span),
            to: now,
            goes_on: true,
        })
    }

    fn between(from: Wall, to: Wall, now: Wall) -> Answer<Self> {
        if to <= from {
            return Err(Problem::invalid(
                "the end of the time is not after its beginning",
            ));
        }
        // No lock is older, and no reckoning with such instants overflows.
        let (oldest, newest) = (now.minus(LONGEST * 20), now.plus(LONGEST));
        Ok(Self {
            from: from.clamp(oldest, newest),
            to: to.clamp(oldest, newest),
            goes_on: false,
        }
        .widened_to_the_least())
    }

    fn widened_to_the_least(self) -> Self {
        Self {
            to: self.to.max(self.from.plus(SHORTEST)),
            ..self
        }
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// Whether it is this span up to now.
    pub fn is(self, word: &str) -> bool {
        self.goes_on && span(word) == Some(self.length())
    }

    /// Where an instant lies in it: 0 is its beginning, 1 its end.
    pub fn share(self, at: Wall) -> f64 {
        let whole = (self.to.0 - self.from.0).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a place on a picture")]
        let share = at.0.saturating_sub(self.from.0) as f64 / whole as f64;
        share.clamp(0.0, 1.0)
    }

    /// Half of its length earlier (-1) or later (1).
    pub fn moved(self, by: i64) -> Self {
        let half = (self.to.0 - self.from.0) / 2 * by;
        Self {
            from: Wall(self.from.0.saturating_add(half)),
            to: Wall(self.to.0.saturating_add(half)),
            goes_on: false,
        }
    }

    /// Three times as long, around the same middle.
    pub fn wider(self) -> Self {
        let length = self.length().min(LONGEST / 3);
        Self {
            from: self.from.minus(length),
            to: self.to.plus(length),
            goes_on: false,
        }
    }

    /// Equal pieces of it.
    pub fn pieces(self, count: u32) -> impl Iterator<Item = Self> {
        let piece = self.length() / count;
        (0..count).map(move |at| Self {
            from: self.from.plus(piece * at),
            to: self.from.plus(piece * (at + 1)),
            goes_on: false,
        })
    }

    /// Whether its scale has days, seven of them in a week.
    pub fn is_of_days(self) -> bool {
        self.length() >= Duration::from_secs(172_800)
    }

    /// What somebody says who means it again: a span up to now goes on.
    pub fn fields(self) -> Vec<(&'static str, String)> {
        match SPANS.iter().find(|(word, _)| self.is(word)) {
            Some((word, _)) => vec![("span", (*word).to_owned())],
            None => vec![
                ("from", millis(self.from).to_string()),
                ("to", millis(self.to).to_string()),
            ],
        }
    }

    /// The same as an address has it.
    pub fn address(self) -> String {
        let fields = self.fields().into_iter();
        let words: Vec<String> = fields
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        words.join("&")
    }

    /// The words of its address.
    pub fn words(self) -> String {
        format!("from={}&to={}", millis(self.from), millis(self.to))
    }
}

fn span(word: &str) -> Option<Duration> {
    match word {
        "hour" => Some(Duration::from_secs(3600)),
        "day" => Some(Duration::from_secs(86_400)),
        "week" => Some(Duration::from_secs(7 * 86_400)),
        _ => None,
    }
}

fn wall(millis: i64) -> Wall {
    Wall(millis.saturating_mul(1000))
}

/// An instant on the scale, in UTC.
pub fn mark(at: Wall, style: &str) -> String {
    let text = at.to_rfc3339();
    let place = match style {
        "day" => 5..16,
        "short" => 11..16,
        _ => 11..19,
    };
    text.get(place).unwrap_or_default().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall(1_800_000_000_000_000);
    /// A little earlier, in milliseconds.
    const THEN: i64 = 1_799_999_000_000;

    #[test]
    fn without_a_word_it_is_the_last_hour_and_two_instants_are_taken_as_said() {
        let hour = Range::asked(None, None, None, NOW).unwrap();
        assert!(hour.is("hour") && !hour.is("day") && hour.to == NOW);
        let two = Range::asked(Some("day"), Some(THEN), Some(THEN + 60_000), NOW).unwrap();
        assert_eq!(
            (two.length(), two.goes_on),
            (Duration::from_secs(60), false)
        );
        assert!(Range::asked(Some("year"), None, None, NOW).is_err());
        assert!(Range::asked(None, Some(5), Some(5), NOW).is_err());
        let extreme = Range::asked(None, Some(i64::MIN), Some(i64::MAX), NOW).unwrap();
        assert!(extreme.pieces(6).count() == 6 && extreme.wider().from <= extreme.from);
    }

    #[test]
    fn pieces_lie_side_by_side_and_shares_are_of_the_whole() {
        let range = Range::asked(None, Some(THEN), Some(THEN + 60_000), NOW).unwrap();
        let pieces: Vec<Range> = range.pieces(6).collect();
        assert!(pieces.windows(2).all(|two| two[0].to == two[1].from));
        assert_eq!((pieces[0].from, pieces[5].to), (range.from, range.to));
        assert!((range.share(wall(THEN + 15_000)) - 0.25).abs() < 1e-9);
        assert_eq!(range.share(wall(THEN - 5)), 0.0);
        assert_eq!(range.moved(-1).to, wall(THEN + 30_000));
    }
}
