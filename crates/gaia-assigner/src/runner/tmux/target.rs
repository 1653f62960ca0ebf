//! Which pane a name means: pure, from what a server lists.
//!
//! tmux itself takes a name for anything that begins like it. Here a name is
//! resolved exactly, once; from then on the pane is known by its id and its
//! process, whatever it or its session is called later.

use serde::{Deserialize, Serialize};

/// What is asked of `list-panes`, and read by [`PaneRow::read`]. A session's
/// name holds no colon.
pub(super) const PANE_FORMAT: &str = "#{pane_id} #{session_id} #{pane_pid} #{pane_dead} #{pid} #{window_index} #{pane_index} #{session_name}:#{window_name}";

/// How a user names a pane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Target {
    /// By its id, `%3`: good for the life of the server.
    Id(String),
    /// By names: `session`, `session:window` or `session:window.pane`. It must
    /// fit one pane alone.
    Name {
        /// The session's name, exactly.
        session: String,
        /// The window's index or name, exactly.
        window: Option<String>,
        /// The pane's index.
        pane: Option<u32>,
    },
    /// Every pane of the sessions whose name fits; `*` stands for anything,
    /// `?` for one character.
    Pattern(String),
}

impl Target {
    /// Reads what a user wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!(
                "{text:?} names no tmux pane: {why}; write a pane's id (%3), session:window.pane, or a pattern of session names (agent-*)"
            ))
        };
        if let Some(number) = text.strip_prefix('%') {
            let is_id = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            return match is_id {
                true => Ok(Self::Id(text.to_owned())),
                false => wrong("after % comes the pane's number"),
            };
        }
        if text.is_empty() || text.chars().any(char::is_control) {
            return wrong("it is empty or holds control characters");
        }
        if text.contains(['*', '?']) {
            return match text.contains(':') {
                true => wrong("a pattern is one of session names, and those hold no colon"),
                false => Ok(Self::Pattern(text.to_owned())),
            };
        }
        Self::name(text).map_or_else(|| wrong("the session's name is empty"), Ok)
    }

    fn name(text: &str) -> Option<Self> {
        let text = text.strip_prefix('=').unwrap_or(text);
        let (session, rest) = text.split_once(':').unwrap_or((text, ""));
        let (window, pane) = match rest.rsplit_once('.') {
            Some((window, pane)) if pane.parse::<u32>().is_ok() => (window, pane.parse().ok()),
            _ => (rest, None),
        };
        (!session.is_empty()).then(|| Self::Name {
            session: session.to_owned(),
            window: Some(window.to_owned()).filter(|window| !window.is_empty()),
            pane,
        })
    }

    /// Whether it means this pane.
    pub(super) fn fits(&self, row: &PaneRow) -> bool {
        match self {
            Target::Id(id) => row.id == *id,
            Target::Pattern(pattern) => fits_pattern(pattern, &row.session_name),
            Target::Name {
                session,
                window,
                pane,
            } => {
                let named = |window: &String| {
                    *window == row.window_name || *window == row.window_index.to_string()
                };
                row.session_name == *session
                    && window.as_ref().is_none_or(named)
                    && pane.is_none_or(|pane| pane == row.pane_index)
            }
        }
    }
}

/// One line of `list-panes`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PaneRow {
    pub id: String,
    pub session_id: String,
    pub session_name: String,
    pub pid: u32,
    pub is_dead: bool,
    pub server_pid: u32,
    pub window_index: u32,
    pub window_name: String,
    pub pane_index: u32,
}

impl PaneRow {
    /// Reads a line in [`PANE_FORMAT`].
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(8, ' ');
        let mut word = || words.next();
        let (id, session_id, pid, dead) = (word()?, word()?, word()?, word()?);
        let (server_pid, window_index, pane_index) = (word()?, word()?, word()?);
        let (session_name, window_name) = word()?.split_once(':')?;
        Some(Self {
            id: id.to_owned(),
            session_id: session_id.to_owned(),
            session_name: session_name.to_owned(),
            pid: pid.parse().ok()?,
            is_dead: dead == "1",
            server_pid: server_pid.parse().ok()?,
            window_index: window_index.parse().ok()?,
            window_name: window_name.to_owned(),
            pane_index: pane_index.parse().ok()?,
        })
    }
}

/// The one living pane that a target means; `Err` says how many there are.
pub(super) fn only<'a>(target: &Target, rows: &'a [PaneRow]) -> Result<&'a PaneRow, usize> {
    let mut fitting: Vec<&PaneRow> = Vec::new();
    for row in rows.iter().filter(|row| !row.is_dead && target.fits(row)) {
        // A window that is linked into several sessions is listed in each.
        if fitting.iter().all(|known| known.id != row.id) {
            fitting.push(row);
        }
    }
    match fitting[..] {
        [row] => Ok(row),
        _ => Err(fitting.len()),
    }
}

/// What a pane that a pattern found is called: like its tmux session, and with
/// its id where that name is another pane's.
pub(super) fn name_of(row: &PaneRow, is_taken: impl Fn(&str) -> bool) -> String {
    match is_taken(&row.session_name) {
        false => row.session_name.clone(),
        true => format!("{}:{}", row.session_name, row.id),
    }
}

fn fits_pattern(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let tails = name.char_indices().map(|(at, _)| &name[at..]).chain([""]);
            tails
                .into_iter()
                .any(|tail| fits_pattern(rest.as_str(), tail))
        }
        Some(wanted) => {
            let mut name = name.chars();
            let first = name.next();
            first.is_some_and(|first| wanted == '?' || wanted == first)
                && fits_pattern(rest.as_str(), name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, session: &str, window: u32, pane: u32) -> PaneRow {
        let line = format!("{id} $0 12 0 11 {window} {pane} {session}:main: the window");
        PaneRow::read(&line).unwrap()
    }

    #[test]
    fn t14_a_name_is_resolved_exactly_never_by_its_beginning() {
        let rows = [row("%0", "job", 0, 0), row("%1", "job1", 0, 0)];
        let only = |text: &str| only(&Target::read(text).unwrap(), &rows).map(|row| row.id.clone());
        assert_eq!(only("job"), Ok("%0".to_owned()));
        assert_eq!(only("job1"), Ok("%1".to_owned()));
        assert_eq!(only("=job1:0.0"), Ok("%1".to_owned()));
        assert_eq!(only("job1:main: the window"), Ok("%1".to_owned()));
        assert_eq!(only("jo"), Err(0));
        assert_eq!(only("job:1"), Err(0));
        assert_eq!(only("%1"), Ok("%1".to_owned()));
    }

    #[test]
    fn a_name_that_fits_several_panes_names_none() {
        let rows = [row("%0", "a", 0, 0), row("%1", "a", 0, 1)];
        assert_eq!(only(&Target::read("a").unwrap(), &rows), Err(2));
        assert!(only(&Target::read("a:0.1").unwrap(), &rows).is_ok());
        // The same window in two sessions is one pane.
        let linked = [row("%0", "a", 0, 0), row("%0", "b", 3, 0)];
        assert!(only(&Target::read("a:0.0").unwrap(), &linked).is_ok());
    }

    #[test]
    fn patterns_stand_for_whole_names() {
        for (pattern, name, fits) in [
            ("agent-*", "agent-1", true),
            ("agent-*", "agent-", true),
            ("agent-*", "my-agent-1", false),
            ("agent-?", "agent-12", false),
            ("*", "anything", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
        ] {
            assert_eq!(fits_pattern(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn what_names_no_pane_is_refused() {
        for text in ["", "%", "%x", "a\nb", "agent-*:0", ":0.1"] {
            assert!(Target::read(text).is_err(), "{text:?}");
        }
    }
}
