//! What is looked at, and what a key does. Pure: a key gives an act, or a new
//! state.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use gaia_locks::ids::{LockId, TaskId};

use super::eyes::Picture;
use super::table::{Row, Tab, rows};
use crate::output::human::clean;

/// So many rows a page key goes on.
const PAGE: usize = 10;

/// What is to be done in the world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Leave.
    Quit,
    /// End a lock.
    End { lock: LockId, reason: String },
}

/// What keys mean now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// They move in the list.
    #[default]
    List,
    /// They write the word that filters.
    Filter,
    /// A question: end this lock? They write the reason.
    Ask(Question),
    /// They move in a task's log; so many rows up from its end.
    Log {
        task: TaskId,
        text: String,
        up: usize,
    },
    /// All keys are shown.
    Help,
}

/// A lock that is to be ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Which.
    pub lock: LockId,
    /// Who holds it.
    pub session: String,
    /// What is held.
    pub folder: String,
    /// In whose file system that lies, where not in the one here.
    pub whose: Option<String>,
    /// The task that goes with it.
    pub task: Option<TaskId>,
    /// Why, as far as it is typed.
    pub reason: String,
}

/// The whole of it.
#[derive(Default)]
pub struct Top {
    /// What there is.
    pub picture: Picture,
    /// What is listed.
    pub tab: Tab,
    /// The rows of it.
    pub rows: Vec<Row>,
    /// Which of them is chosen.
    pub at: usize,
    /// Only rows that hold it.
    pub word: String,
    /// By which column, and whether backward.
    pub sort: Option<(usize, bool)>,
    /// What keys mean.
    pub mode: Mode,
    /// What came of the last act.
    pub said: String,
    /// Why the picture may not be true any more.
    pub away: Option<String>,
}

impl Top {
    /// Takes a new picture in.
    pub fn see(&mut self, mut picture: Picture) {
        if let Some((task, log)) = picture.log.take() {
            self.read(task, log);
        }
        self.picture = picture;
        self.away = None;
        self.list();
    }

    /// There is no picture, and that is why: how it was stays.
    pub fn miss(&mut self, why: &str) {
        self.away = Some(why.to_owned());
    }

    fn list(&mut self) {
        self.rows = rows(&self.picture, self.tab, &self.word, self.sort);
        self.at = self.at.min(self.rows.len().saturating_sub(1));
    }

    /// The task whose log is open.
    pub fn log_of(&self) -> Option<TaskId> {
        match &self.mode {
            Mode::Log { task, .. } => Some(*task),
            _ => None,
        }
    }

    /// Takes the open log's text in.
    fn read(&mut self, of: TaskId, log: String) {
        match &mut self.mode {
            Mode::Log { task, text, .. } if *task == of => *text = log,
            _ => {}
        }
    }

    /// What a key does.
    pub fn key(&mut self, key: KeyEvent) -> Option<Act> {
        let with = KeyModifiers::CONTROL | KeyModifiers::ALT;
        if let (KeyCode::Char(letter), true) = (key.code, key.modifiers.intersects(with)) {
            return self.with_control(letter);
        }
        self.said.clear();
        match std::mem::take(&mut self.mode) {
            Mode::List => return self.in_list(key.code),
            Mode::Filter => self.in_filter(key.code),
            Mode::Ask(question) => return self.in_question(key.code, question),
            Mode::Log { task, text, up } => self.in_log(key.code, task, text, up),
            // Any key closes it.
            Mode::Help => {}
        }
        None
    }

    /// Such a key is no letter: it types nothing, and names no act of the list.
    fn with_control(&mut self, letter: char) -> Option<Act> {
        let typed = match &mut self.mode {
            Mode::Filter => &mut self.word,
            Mode::Ask(question) => &mut question.reason,
            _ => return (letter == 'c').then_some(Act::Quit),
        };
        match letter {
            'c' => return Some(Act::Quit),
            'u' => typed.clear(),
            'w' => {
                let kept = typed.trim_end().rfind(' ').map_or(0, |at| at + 1);
                typed.truncate(kept);
            }
            _ => {}
        }
        self.list();
        None
    }

    fn in_list(&mut self, key: KeyCode) -> Option<Act> {
        match key {
            KeyCode::Char('q') => return Some(Act::Quit),
            KeyCode::Esc if self.word.is_empty() => return Some(Act::Quit),
            KeyCode::Esc => self.word.clear(),
            KeyCode::Char(digit @ '1'..='4') => self.choose_tab(digit as usize - '1' as usize),
            KeyCode::Tab | KeyCode::Right => self.choose_tab(self.tab as usize + 1),
            KeyCode::BackTab | KeyCode::Left => self.choose_tab(self.tab as usize + 3),
            KeyCode::Down | KeyCode::Char('j') => self.at += 1,
            KeyCode::Up | KeyCode::Char('k') => self.at = self.at.saturating_sub(1),
            KeyCode::PageDown => self.at += PAGE,
            KeyCode::PageUp => self.at = self.at.saturating_sub(PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.at = 0,
            KeyCode::End | KeyCode::Char('G') => self.at = usize::MAX,
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('r') => self.sort = self.sort.map(|(column, back)| (column, !back)),
            KeyCode::Enter | KeyCode::Char('l') => self.open_log(),
            KeyCode::Char('x') => self.ask(),
            KeyCode::Char('?' | 'h') => self.mode = Mode::Help,
            _ => {}
        }
        self.list();
        None
    }

    fn choose_tab(&mut self, number: usize) {
        if let Some(tab) = Tab::ALL.get(number % Tab::ALL.len()) {
            (self.tab, self.at, self.sort) = (*tab, 0, None);
        }
    }

    /// The next column; after the last the rows' own order.
    fn sort_by_next(&mut self) {
        let next = self.sort.map_or(0, |(column, _)| column + 1);
        self.sort = Some((next, false)).filter(|_| next < self.tab.columns().len());
    }

    fn open_log(&mut self) {
        match self.rows.get(self.at).and_then(|row| row.task) {
            Some(task) => {
                self.mode = Mode::Log {
                    task,
                    text: String::new(),
                    up: 0,
                }
            }
            None => self.said = "no task here, so no log".to_owned(),
        }
    }

    fn ask(&mut self) {
        let lock = self.rows.get(self.at).and_then(|row| row.lock);
        let held = self.picture.locks.iter();
        let found = lock.and_then(|id| held.map(|held| &held.lock).find(|lock| lock.id == id));
        let Some(lock) = found else {
            self.said = "no lock here that could be ended".to_owned();
            return;
        };
        self.mode = Mode::Ask(Question {
            lock: lock.id,
            session: clean(lock.session_id.as_str()),
            folder: clean(&lock.folder_path),
            whose: self.picture.whose(&lock.scope),
            task: Some(lock.task_id).filter(|task| *task != TaskId::NONE),
            reason: String::new(),
        });
    }

    fn in_filter(&mut self, key: KeyCode) {
        let stays = match key {
            KeyCode::Enter => false,
            KeyCode::Esc => {
                self.word.clear();
                false
            }
            _ => {
                edit(&mut self.word, key);
                true
            }
        };
        if stays {
            self.mode = Mode::Filter;
        }
        self.list();
    }

    fn in_question(&mut self, key: KeyCode, mut question: Question) -> Option<Act> {
        match key {
            KeyCode::Esc => self.said = "nothing was ended".to_owned(),
            KeyCode::Enter if !question.reason.trim().is_empty() => {
                let Question { lock, reason, .. } = question;
                return Some(Act::End { lock, reason });
            }
            _ => {
                edit(&mut question.reason, key);
                self.mode = Mode::Ask(question);
            }
        }
        None
    }

    fn in_log(&mut self, key: KeyCode, task: TaskId, text: String, up: usize) {
        let up = match key {
            KeyCode::Esc | KeyCode::Char('q' | 'l') | KeyCode::Enter => return,
            KeyCode::Up | KeyCode::Char('k') => up.saturating_add(1),
            KeyCode::Down | KeyCode::Char('j') => up.saturating_sub(1),
            KeyCode::PageUp => up.saturating_add(PAGE),
            KeyCode::PageDown => up.saturating_sub(PAGE),
            KeyCode::End | KeyCode::Char('G') => 0,
            // How many rows there are shows when they are drawn.
            KeyCode::Home | KeyCode::Char('g') => usize::MAX,
            _ => up,
        };
        self.mode = Mode::Log { task, text, up };
    }
}

fn edit(text: &mut String, key: KeyCode) {
    match key {
        KeyCode::Char(letter) => text.push(letter),
        KeyCode::Backspace => drop(text.pop()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding() -> Top {
        let lock = serde_json::json!({"id": 7, "folder_path": "/srv/web", "session_id": "ann",
            "task_id": 0, "mode": "exclusive", "scope": "local", "status": "active",
            "created_at": "2026-01-01T00:00:00Z", "expires_at": null, "expires_in": 5.0,
            "released_at": null, "expired_at": null, "end_reason": null, "alive": null,
            "waiting": 0, "folder_state": "present"});
        let mut top = Top::default();
        top.see(Picture {
            locks: vec![serde_json::from_value(lock).unwrap()],
            ..Picture::default()
        });
        top
    }

    fn type_in(top: &mut Top, keys: &str) -> Option<Act> {
        let mut act = None;
        for letter in keys.chars() {
            let code = match letter {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                letter => KeyCode::Char(letter),
            };
            act = top.key(code.into());
        }
        act
    }

    #[test]
    fn a_lock_is_ended_only_after_a_reason_and_enter() {
        let mut top = holding();
        assert_eq!(type_in(&mut top, "x\n"), None);
        assert_eq!(type_in(&mut top, " \n"), None);
        let reason = "  stuck".to_owned();
        let end = Act::End {
            lock: LockId(7),
            reason: reason[1..].to_owned(),
        };
        assert_eq!(type_in(&mut top, "stuck\n"), Some(end));
        assert_eq!(top.mode, Mode::List);
        assert_eq!(type_in(&mut top, "xq\u{1b}"), None);
        assert_eq!(top.said, "nothing was ended");
    }

    #[test]
    fn a_key_with_control_is_no_letter() {
        let mut top = holding();
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        assert_eq!(top.key(control('x')), None);
        assert_eq!(top.mode, Mode::List);
        type_in(&mut top, "xit is stuck");
        let reason = |top: &Top| match &top.mode {
            Mode::Ask(question) => question.reason.clone(),
            mode => format!("{mode:?}"),
        };
        top.key(control('w'));
        assert_eq!(reason(&top), "it is ");
        top.key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT));
        assert_eq!(reason(&top), "it is ");
        top.key(control('u'));
        assert_eq!(reason(&top), "");
        type_in(&mut top, "\u{1b}/nobody");
        assert!(top.rows.is_empty());
        top.key(control('u'));
        assert_eq!(top.rows.len(), 1);
        assert_eq!(top.key(control('c')), Some(Act::Quit));
    }

    #[test]
    fn escape_first_clears_the_filter_and_then_quits() {
        let mut top = holding();
        type_in(&mut top, "/nobody\n");
        assert!(top.rows.is_empty());
        assert_eq!(type_in(&mut top, "x"), None);
        assert_eq!(top.mode, Mode::List);
        assert_eq!(type_in(&mut top, "\u{1b}"), None);
        assert_eq!(top.rows.len(), 1);
        assert_eq!(type_in(&mut top, "\u{1b}"), Some(Act::Quit));
    }

    #[test]
    fn what_was_seen_stays_while_nothing_is_seen() {
        let mut top = holding();
        top.miss("it does not answer");
        top.miss("it stops");
        assert_eq!(top.rows.len(), 1);
        assert_eq!(top.away.as_deref(), Some("it stops"));
        top.see(Picture::default());
        assert_eq!((top.away, top.rows.len()), (None, 0));
    }

    #[test]
    fn the_cursor_stays_on_a_row() {
        let mut top = holding();
        type_in(&mut top, "jjjG");
        assert_eq!(top.at, 0);
        type_in(&mut top, "4k");
        assert_eq!((top.tab, top.at), (Tab::Sessions, 0));
    }
}
