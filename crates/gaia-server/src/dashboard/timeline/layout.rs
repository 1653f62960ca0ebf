//! Where each bar lies. PURE: (locks, range, now) -> rows.
//!
//! Locks of one folder that overlap (shared ones) lie in lanes below each
//! other. What would be closer together than the eye can tell is one bar.

use std::collections::HashMap;

use gaia_locks::clock::Wall;
use gaia_locks::model::{EndReason, Mode};
use gaia_locks::wire::LockInfo;

use super::range::Range;

/// Bars that are closer than this share of the width are one.
const CLOSE: f64 = 0.001;
/// No bar is narrower: it could not be seen or hit.
const NARROWEST: f64 = 0.003;
/// Lanes of one folder.
const LANES: usize = 6;
/// How many colours sessions have.
const COLOURS: u32 = 8;

/// A folder.
pub struct Row<'a> {
    /// Its path.
    pub path: &'a str,
    /// Bars that do not overlap, each in order.
    pub lanes: Vec<Vec<Bar<'a>>>,
    /// Whether somebody holds it now, and when it was granted last: by these
    /// it is told which folders are shown where not all of them can be.
    rank: (bool, Wall),
}

/// A lock, or several that are too close to tell apart.
pub struct Bar<'a> {
    /// Where it begins: a share of the width.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// The lock, the first of several.
    pub lock: &'a LockInfo,
    /// How many more there are.
    pub more: usize,
    /// Whether it did not end as its holder wanted.
    pub is_cut: bool,
}

impl Bar<'_> {
    /// Stands for another one, too.
    fn take_in(&mut self, other: &Bar<'_>) {
        self.to = self.to.max(other.to);
        self.more += 1;
        self.is_cut |= other.is_cut;
    }

    /// Its share of the width.
    pub fn width(&self) -> f64 {
        (self.to - self.from).max(NARROWEST)
    }

    /// How it looks.
    pub fn class(&self) -> String {
        let shared = if self.lock.mode == Mode::Shared {
            " shared"
        } else {
            ""
        };
        format!("bar c{}{shared}", colour(self.lock.session_id.as_str()))
    }
}

/// The same session has the same colour on every page.
fn colour(session: &str) -> u32 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    let hash = session.bytes().fold(2_166_136_261, mix);
    // Stirred, or names that end alike would look alike.
    let stirred = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    (stirred ^ (stirred >> 16)) % COLOURS
}

/// Folders in the order of their paths, so that a picture that goes on keeps
/// its order.
pub fn rows<'a>(locks: &'a [LockInfo], range: Range, now: Wall) -> Vec<Row<'a>> {
    // A lock that is held is over now, as far as this picture goes.
    let ended = |lock: &LockInfo| lock.released_at.or(lock.expired_at).unwrap_or(now);
    let within = |lock: &&LockInfo| ended(lock) >= range.from && lock.created_at <= range.to;
    let mut sorted: Vec<&LockInfo> = locks.iter().filter(within).collect();
    sorted.sort_by_key(|lock| (lock.folder_path.as_str(), lock.created_at, lock.id));
    let folders = sorted.chunk_by(|a, b| a.folder_path == b.folder_path);
    folders.map(|of_one| row(of_one, range, now)).collect()
}

/// At most so many rows: those that are held now, then those that were granted
/// last. Their order stays.
pub fn foremost(rows: Vec<Row<'_>>, most: usize) -> Vec<Row<'_>> {
    let mut ranks: Vec<_> = rows.iter().map(|row| (row.rank, row.path)).collect();
    ranks.sort_unstable_by(|a, b| b.cmp(a));
    let Some(last) = ranks.get(most.saturating_sub(1)).copied() else {
        return rows;
    };
    let stays = |row: &Row<'_>| (row.rank, row.path) >= last;
    rows.into_iter().filter(stays).collect()
}

/// The sessions of a picture, each with the class of its colour, those with the
/// most bars first.
pub fn sessions<'a>(rows: &[Row<'a>]) -> Vec<(&'a str, String)> {
    let mut bars: HashMap<&str, usize> = HashMap::new();
    for bar in rows.iter().flat_map(|row| row.lanes.iter().flatten()) {
        *bars.entry(bar.lock.session_id.as_str()).or_default() += 1;
    }
    let mut found: Vec<(&str, usize)> = bars.into_iter().collect();
    found.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let coloured = |(name, _)| (name, format!("bar c{}", colour(name)));
    found.into_iter().map(coloured).collect()
}

fn row<'a>(locks: &[&'a LockInfo], range: Range, now: Wall) -> Row<'a> {
    let mut lanes: Vec<Vec<Bar<'a>>> = Vec::new();
    for lock in locks {
        place(&mut lanes, bar(lock, range, now));
    }
    let path = locks.first().map_or("", |lock| lock.folder_path.as_str());
    let is_held = locks.iter().any(|lock| lock.end_reason.is_none());
    let granted = locks.iter().map(|lock| lock.created_at).max();
    let rank = (is_held, granted.unwrap_or(range.from));
    Row { path, lanes, rank }
}

fn bar(lock: &LockInfo, range: Range, now: Wall) -> Bar<'_> {
    let ended = lock.released_at.or(lock.expired_at);
    let cut = [EndReason::Forced, EndReason::Died, EndReason::Lapsed];
    Bar {
        from: range.share(lock.created_at),
        to: range.share(ended.unwrap_or(now)),
        lock,
        more: 0,
        is_cut: lock.end_reason.is_some_and(|end| cut.contains(&end)),
    }
}

/// Joins it to the bar before it, or gives it the first lane with room.
fn place<'a>(lanes: &mut Vec<Vec<Bar<'a>>>, bar: Bar<'a>) {
    let joins = |last: &Bar<'_>| bar.from - last.to < CLOSE && bar.to - last.from < NARROWEST * 2.0;
    if let Some(last) = lanes
        .iter_mut()
        .filter_map(|lane| lane.last_mut())
        .find(|last| joins(last))
    {
        last.take_in(&bar);
        return;
    }
    let has_room = |lane: &Vec<Bar<'_>>| lane.last().is_none_or(|last| bar.from >= last.to);
    match lanes.iter().position(has_room) {
        Some(at) => lanes[at].push(bar),
        None if lanes.len() < LANES => lanes.push(vec![bar]),
        None => {
            if let Some(last) = lanes.last_mut().and_then(|lane| lane.last_mut()) {
                last.take_in(&bar);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gaia_locks::ids::{LockId, Scope, SessionId, TaskId};
    use gaia_locks::model::LockStatus;

    use super::*;

    const NOW: Wall = Wall(1_000_000_000);

    fn lock(id: i64, path: &str, from: i64, to: Option<i64>) -> LockInfo {
        let wall = |seconds: i64| Wall(seconds * 1_000_000);
        LockInfo {
            id: LockId(id),
            folder_path: path.to_owned(),
            session_id: SessionId::new("s").unwrap(),
            task_id: TaskId::NONE,
            mode: Mode::Shared,
            scope: Scope::local(),
            status: if to.is_some() {
                LockStatus::Released
            } else {
                LockStatus::Active
            },
            created_at: wall(from),
            expires_at: None,
            expires_in: None,
            released_at: to.map(wall),
            expired_at: None,
            end_reason: to.map(|_| EndReason::Released),
            ended_by: None,
            reason: None,
            written_path: None,
            pid: None,
            details: None,
        }
    }

    fn hundred_seconds() -> Range {
        Range {
            from: Wall(0),
            to: Wall(100_000_000),
            goes_on: false,
        }
    }

    #[test]
    fn sessions_of_a_fleet_do_not_all_look_alike() {
        let names = [
            "claude-1", "claude-2", "codex-1", "codex-2", "gemini-1", "person",
        ];
        let mut colours = names.map(colour).to_vec();
        colours.sort_unstable();
        colours.dedup();
        assert!(colours.len() >= 4, "{colours:?}");
    }

    #[test]
    fn what_overlaps_lies_in_lanes_and_what_does_not_shares_one() {
        let locks = [
            lock(1, "/a", 0, Some(50)),
            lock(2, "/a", 25, Some(75)),
            lock(3, "/a", 60, None),
            lock(4, "/b", 10, Some(20)),
        ];
        let rows = rows(&locks, hundred_seconds(), NOW);
        assert_eq!(
            rows.iter().map(|row| row.path).collect::<Vec<_>>(),
            ["/a", "/b"]
        );
        let ids: Vec<Vec<i64>> = rows[0]
            .lanes
            .iter()
            .map(|lane| lane.iter().map(|bar| bar.lock.id.0).collect())
            .collect();
        assert_eq!(ids, [vec![1, 3], vec![2]]);
        let active = &rows[0].lanes[0][1];
        assert!((active.from - 0.6).abs() < 1e-9 && (active.to - 1.0).abs() < 1e-9);
    }

    #[test]
    fn where_not_all_fit_those_that_are_held_and_then_the_latest_are_shown() {
        let locks = [
            lock(1, "/old", 0, Some(5)),
            lock(2, "/held", 1, None),
            lock(3, "/new", 60, Some(70)),
            lock(4, "/mid", 30, Some(40)),
        ];
        let paths = |most| {
            let rows = foremost(rows(&locks, hundred_seconds(), NOW), most);
            rows.iter().map(|row| row.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(1), ["/held"]);
        assert_eq!(paths(2), ["/held", "/new"]);
        assert_eq!(paths(3), ["/held", "/mid", "/new"]);
        assert_eq!(paths(9), ["/held", "/mid", "/new", "/old"]);
    }

    #[test]
    fn several_in_one_bar_show_that_one_of_them_was_cut() {
        let mut locks = [lock(1, "/a", 0, Some(1)), lock(2, "/a", 1, Some(2))];
        locks[1].end_reason = Some(EndReason::Died);
        let whole = Range {
            from: Wall(0),
            to: Wall(1_000_000_000_000),
            goes_on: false,
        };
        let rows = rows(&locks, whole, Wall(2_000_000_000_000));
        let bar = &rows[0].lanes[0][0];
        assert_eq!((bar.more, bar.is_cut), (1, true));
    }

    #[test]
    fn a_thousand_moments_are_few_bars_that_say_how_many_they_are() {
        let whole = Range {
            from: Wall(0),
            to: Wall(1_000_000_000_000),
            goes_on: false,
        };
        let locks: Vec<LockInfo> = (0..1000)
            .map(|n| lock(n, "/a", 10 + n, Some(11 + n)))
            .collect();
        let rows = rows(&locks, whole, Wall(2_000_000_000_000));
        let bars: Vec<&Bar<'_>> = rows[0].lanes.iter().flatten().collect();
        assert!(bars.len() < 10, "{}", bars.len());
        assert_eq!(bars.iter().map(|bar| bar.more + 1).sum::<usize>(), 1000);
    }
}
