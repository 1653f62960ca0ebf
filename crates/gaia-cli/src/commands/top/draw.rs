//! A state on a screen, however small.

use gaia_assigner::task::Status;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Row, Sparkline, Table, TableState, Wrap};

use super::fit::{broken, columns, end_of};
use super::state::{Mode, Question, Top};
use super::table::{Cell, Tab};
use crate::output::human::{at, clean};

/// Narrower than this, the sparkline is left out.
const NARROW: u16 = 60;

/// Draws all of it.
pub fn draw(frame: &mut Frame, top: &mut Top) {
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ]);
    let [head, tabs, list, foot] = rows.areas(frame.area());
    draw_head(frame, head, top);
    frame.render_widget(titles(top, tabs.width), tabs);
    match &mut top.mode {
        Mode::Log { task, text, up } => {
            let title = format!(" log of task {task} ");
            draw_log(frame, list, &title, text, up);
        }
        _ => draw_list(frame, list, top),
    }
    frame.render_widget(last_line(top, foot.width), foot);
    match &top.mode {
        Mode::Ask(question) => draw_question(frame, question),
        Mode::Help => draw_help(frame),
        _ => {}
    }
}

fn draw_head(frame: &mut Frame, area: Rect, top: &Top) {
    if let Some(why) = &top.away {
        // A look at a server that hangs takes seconds: it is not known since
        // the last one that ended well.
        let since = at(top.picture.seen);
        let line = format!("not known since {since}, trying again: {}", clean(why));
        frame.render_widget(Line::from(line).red().bold(), area);
        return;
    }
    let picture = &top.picture;
    let of = |wanted: Status| {
        let counts = picture.counts.iter();
        counts
            .filter(|(status, _)| *status == wanted)
            .map(|(_, count)| count)
            .sum::<i64>()
    };
    let running = of(Status::Assigned) + of(Status::InProgress);
    let paused = match picture.paused {
        0 => String::new(),
        paused => format!(", {paused} paused"),
    };
    let words = format!(
        " {} pending, {running} at work, {} failed{paused}",
        of(Status::Pending),
        of(Status::Failed),
    );
    let line = Line::from(vec!["gaia top".bold(), Span::raw(words)]);
    if area.width < NARROW {
        frame.render_widget(line, area);
        return;
    }
    let label = format!("grants/min {} ", picture.grants.iter().sum::<u64>());
    let widths = [
        Constraint::Min(20),
        Constraint::Length(u16::try_from(label.len()).unwrap_or(0)),
        Constraint::Length(20),
    ];
    let [left, middle, right] = Layout::horizontal(widths).areas(area);
    frame.render_widget(line, left);
    frame.render_widget(Line::from(label).dim(), middle);
    let bars = thirds(&picture.grants);
    frame.render_widget(Sparkline::default().data(&bars).green(), right);
}

/// Three seconds to a bar.
fn thirds(grants: &[u64]) -> Vec<u64> {
    grants.chunks(3).map(|three| three.iter().sum()).collect()
}

/// The tabs, each with its count: a short name where there is little room, and
/// only that of the chosen one where there is less.
fn titles(top: &Top, width: u16) -> Line<'static> {
    let long = |tab: Tab| format!("{} ", tab.name());
    let short = |tab: Tab| format!("{:.4} ", tab.name());
    let chosen = |tab: Tab| match tab == top.tab {
        true => long(tab),
        false => String::new(),
    };
    let fits = |line: &Line| line.width() <= width.into();
    let wide = [tabs(top, long), tabs(top, short)].into_iter().find(fits);
    wide.unwrap_or_else(|| tabs(top, chosen))
}

fn tabs(top: &Top, name: impl Fn(Tab) -> String) -> Line<'static> {
    let picture = &top.picture;
    let count = |tab: Tab| match tab {
        Tab::Locks => picture.locks.len(),
        Tab::Waiters => picture.waiters.len(),
        Tab::Tasks => picture.tasks.len(),
        Tab::Sessions => picture.sessions.len(),
    };
    let title = |(number, tab): (usize, &Tab)| {
        let text = format!(" {} {}{} ", number + 1, name(*tab), count(*tab));
        match *tab == top.tab {
            true => Span::raw(text).reversed(),
            false => Span::raw(text).dim(),
        }
    };
    Tab::ALL.iter().enumerate().map(title).collect()
}

fn draw_list(frame: &mut Frame, area: Rect, top: &mut Top) {
    if top.rows.is_empty() {
        frame.render_widget(Paragraph::new(nothing(top)).wrap(Wrap { trim: true }), area);
        return;
    }
    let shown = fitting(top.tab, area.width);
    let columns = || top.tab.columns().iter().take(shown);
    let arrow = |at: usize| match top.sort {
        Some((column, false)) if column == at => "↑",
        Some((column, true)) if column == at => "↓",
        _ => "",
    };
    let heads = columns()
        .enumerate()
        .map(|(at, (name, _))| format!("{name}{}", arrow(at)));
    let widths: Vec<_> = columns()
        .map(|(_, width)| Constraint::Fill(*width))
        .collect();
    let areas = Layout::horizontal(&widths).spacing(1).split(area);
    let rows = top.rows.iter().map(|row| {
        let cells = row.cells.iter().zip(areas.iter()).zip(columns());
        Row::new(cells.map(|((cell, area), (name, _))| match *name {
            "FOLDER" => placed(cell, usize::from(area.width)),
            _ => cell.text.clone(),
        }))
    });
    let table = Table::new(rows, widths)
        .header(Row::new(heads).style(Style::new().dim()))
        .row_highlight_style(Style::new().reversed());
    let mut state = TableState::new().with_selected(top.at);
    frame.render_stateful_widget(table, area, &mut state);
}

/// A path and whose it is: of both there is enough to know it by.
fn placed(cell: &Cell, width: usize) -> String {
    let whose = cell.whose.as_deref();
    let whose = whose.map_or_else(String::new, |whose| end_of(whose, width / 2) + ":");
    let room = width.saturating_sub(columns(&whose));
    whose + &end_of(&cell.text, room)
}

/// How wide a box is, its frame included.
fn box_width(whole: Rect) -> u16 {
    whole.width.min(64)
}

/// How many columns have room.
fn fitting(tab: Tab, width: u16) -> usize {
    let mut room = width;
    let fits = |(_, wants): &&(&str, u16)| {
        // Two thirds of what it wants will do.
        let left = room.checked_sub(wants - wants / 3 + 1);
        room = left.unwrap_or(0);
        left.is_some()
    };
    tab.columns().iter().take_while(fits).count().max(1)
}

fn nothing(top: &Top) -> String {
    if !top.word.is_empty() {
        return format!("nothing here holds {:?}; Esc shows all", top.word);
    }
    let words = match top.tab {
        Tab::Locks => "No active locks – all folders are available",
        Tab::Waiters => "Nobody waits",
        Tab::Tasks => "No tasks: `gaia send TEXT --dir FOLDER` queues one",
        Tab::Sessions => "No sessions: `gaia session add NAME --process \"COMMAND {prompt}\"`",
    };
    words.to_owned()
}

/// The end of a log, or so many rows above it; not more than there are.
fn draw_log(frame: &mut Frame, area: Rect, title: &str, text: &str, up: &mut usize) {
    let room = usize::from(area.height.saturating_sub(2));
    let width = usize::from(area.width.saturating_sub(2));
    let rows = last_rows(text, width, room.saturating_add(*up));
    *up = rows.len().saturating_sub(room).min(*up);
    let shown = rows.into_iter().skip(*up).take(room).map(Line::from);
    let shown: Vec<Line> = shown.rev().collect();
    let block = Block::bordered().title(title.to_owned());
    frame.render_widget(Paragraph::new(shown).block(block), area);
}

/// At least so many rows from the end of a text, where it has as many: the last
/// first.
fn last_rows(text: &str, width: usize, wanted: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.lines().rev() {
        rows.extend(broken(&clean(line), width).into_iter().rev());
        if rows.len() >= wanted {
            break;
        }
    }
    rows
}

fn last_line(top: &Top, width: u16) -> Line<'static> {
    match &top.mode {
        _ if !top.said.is_empty() => Line::from(clean(&top.said)).yellow(),
        Mode::Filter => Line::from(format!("/{}▏ Enter keeps it, Esc shows all", top.word)),
        Mode::Log { .. } => Line::from("↑↓ PgUp PgDn move, Esc closes").dim(),
        _ if !top.word.is_empty() => Line::from(format!("/{}  Esc shows all", top.word)).dim(),
        _ => keys(width.into()).dim(),
    }
}

/// As many as have room; the one that shows all of them is the first.
fn keys(width: usize) -> Line<'static> {
    let keys = [
        "? keys",
        "q quit",
        "/ filter",
        "x end lock",
        "Enter log",
        "s sort",
    ];
    let mut line = String::new();
    for key in keys {
        let space = if line.is_empty() { "" } else { "  " };
        if line.len() + space.len() + key.len() > width {
            break;
        }
        line.push_str(space);
        line.push_str(key);
    }
    Line::from(line)
}

/// Nothing of it may be missing when it is answered: what is long is cut.
fn draw_question(frame: &mut Frame, question: &Question) {
    let room = usize::from(box_width(frame.area()).saturating_sub(2));
    let holds = match &question.whose {
        Some(whose) => format!(" holds on {}", end_of(whose, room / 2)),
        None => " holds".to_owned(),
    };
    let session = end_of(&question.session, room.saturating_sub(columns(&holds)));
    let reason = format!("reason: {}▏", clean(&question.reason));
    let bold = |text: String| Line::from(text).bold();
    let dim = |text: &str| Line::from(text.to_owned()).dim();
    let mut lines = vec![
        bold(session + &holds),
        bold(end_of(&question.folder, room)),
        Line::from(end_of(&reason, room)),
        dim("Enter ends it, Esc leaves it"),
    ];
    match question.task {
        Some(task) => lines.push(dim(&format!("Task {task} is stopped and fails."))),
        None => lines.extend([dim("Whoever works there goes on"), dim("without a lock.")]),
    }
    draw_box(frame, " End this lock? ", lines);
}

fn draw_help(frame: &mut Frame) {
    let keys = [
        "1 2 3 4, Tab   locks, waiting, tasks, sessions",
        "↑ ↓ PgUp PgDn  move (also j k g G)",
        "/              only rows that hold a word",
        "s, r           sort by the next column, reverse",
        "Enter, l       the log of the row's task",
        "x              end the row's lock, with a reason",
        "q, Esc         quit",
    ];
    draw_box(frame, " Keys ", keys.map(Line::from).to_vec());
}

fn draw_box(frame: &mut Frame, title: &'static str, lines: Vec<Line<'_>>) {
    let whole = frame.area();
    let height = u16::try_from(lines.len() + 2)
        .unwrap_or(u16::MAX)
        .min(whole.height);
    let width = box_width(whole);
    let area = Rect {
        x: (whole.width - width) / 2,
        y: (whole.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(title);
    let text = Paragraph::new(lines)
        .block(block)
        .wrap(Wrap { trim: false });
    frame.render_widget(text, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn screen(top: &mut Top, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, top)).unwrap();
        terminal.backend().to_string()
    }

    fn question(folder: &str, task: Option<i64>) -> Question {
        Question {
            lock: gaia_locks::ids::LockId(1),
            session: "ann".to_owned(),
            folder: folder.to_owned(),
            whose: None,
            task: task.map(gaia_locks::ids::TaskId),
            reason: "stuck".to_owned(),
        }
    }

    #[test]
    fn every_size_can_be_drawn_in_every_mode() {
        let modes = [
            Mode::List,
            Mode::Help,
            Mode::Filter,
            Mode::Ask(question("/srv/web", None)),
            Mode::Log {
                task: gaia_locks::ids::TaskId(1),
                text: "one\ntwo\u{1b}[2J\nthree".to_owned(),
                up: 9,
            },
        ];
        for mode in modes {
            let mut top = Top {
                mode,
                ..Top::default()
            };
            for (width, height) in [(1, 1), (3, 2), (20, 5), (40, 10), (80, 24), (300, 100)] {
                assert!(!screen(&mut top, width, height).contains('\u{1b}'));
            }
        }
    }

    #[test]
    fn a_narrow_screen_has_all_tabs_and_how_to_see_all_keys() {
        for (width, names) in [(80, "4 sessions 0"), (42, "4 sess 0"), (30, "4 0")] {
            let shown = screen(&mut Top::default(), width, 10);
            assert!(shown.contains("1 lock"), "{shown}");
            assert!(shown.contains(names), "{shown}");
            assert!(shown.contains("? keys  q quit"), "{shown}");
            let last = shown
                .lines()
                .last()
                .unwrap()
                .trim_end_matches('"')
                .trim_end();
            let whole = ["sort", "lock", "log", "filter"];
            assert!(whole.iter().any(|end| last.ends_with(end)), "{shown}");
        }
    }

    #[test]
    fn a_log_is_read_to_the_end_of_its_lines() {
        let text = format!("first\n{}the end of it\n", "long ".repeat(40));
        let mode = Mode::Log {
            task: gaia_locks::ids::TaskId(1),
            text,
            up: 0,
        };
        let mut top = Top {
            mode,
            ..Top::default()
        };
        let shown = screen(&mut top, 40, 9);
        assert!(shown.contains("the end of it"), "{shown}");
        assert!(!shown.contains("first"), "{shown}");
        let up = |up: usize, top: &mut Top| match &mut top.mode {
            Mode::Log { up: now, .. } => std::mem::replace(now, up),
            mode => panic!("{mode:?}"),
        };
        up(usize::MAX, &mut top);
        let shown = screen(&mut top, 40, 9);
        assert!(shown.contains("first"), "{shown}");
        // Seven rows, four of them shown.
        assert_eq!(up(1, &mut top), 3);
        let shown = screen(&mut top, 40, 9);
        assert!(
            !shown.contains("first") && !shown.contains("the end of it"),
            "{shown}"
        );
    }

    #[test]
    fn a_picture_that_may_be_old_says_so() {
        let mut top = Top::default();
        top.picture.seen = gaia_locks::clock::Wall(0);
        let since = at(top.picture.seen);
        top.miss("the server does not answer");
        for width in [40, 80] {
            let shown = screen(&mut top, width, 10);
            assert!(
                shown.contains(&format!("not known since {since}")),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_question_is_whole_however_long_the_path() {
        let long = format!("/srv/{}/web", "deep".repeat(120));
        for (width, height) in [(80, 24), (40, 10), (30, 10)] {
            let mode = Mode::Ask(question(&long, None));
            let mut top = Top {
                mode,
                ..Top::default()
            };
            let shown = screen(&mut top, width, height);
            for part in [
                "ann holds",
                "deep/web",
                "reason: stuck",
                "Enter ends",
                "a lock.",
            ] {
                assert!(shown.contains(part), "{part}:\n{shown}");
            }
        }
    }

    #[test]
    fn a_question_says_what_becomes_of_the_task() {
        let mode = Mode::Ask(question("/srv/web", Some(12)));
        let mut top = Top {
            mode,
            ..Top::default()
        };
        let shown = screen(&mut top, 80, 24);
        assert!(shown.contains("Task 12 is stopped and fails."), "{shown}");
        assert!(!shown.contains("without a lock"), "{shown}");
    }

    #[test]
    fn with_nothing_there_it_says_so() {
        let shown = screen(&mut Top::default(), 80, 24);
        assert!(
            shown.contains("No active locks – all folders are available"),
            "{shown}"
        );
    }
}
