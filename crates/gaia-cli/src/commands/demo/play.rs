//! The play: which tasks are queued, for whom, and how each stand-in is to
//! behave.
//!
//! Only the behaviour is written down here. Who gets which task, who has to
//! wait, what runs beside what: that is decided while it runs, by the same
//! assigner and the same locks as in earnest.

use std::path::Path;
use std::time::Duration;

use gaia_locks::ids::TaskId;
use gaia_locks::model::Mode;
use serde::{Deserialize, Serialize};

use super::stage::Stage;

/// How a stand-in behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Works to the end.
    Work,
    /// Only reads.
    Read,
    /// Works and then fails.
    Fail,
    /// Fails the first time it is tried.
    FailFirst,
    /// Works until it is killed, the first time it is tried.
    KilledFirst,
}

/// What becomes of a task if all goes as it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is done.
    Completed,
    /// It fails.
    Failed,
    /// It waits for a task that failed, for ever.
    Blocked,
}

/// One task and its stand-in's part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The task; none for what the person does.
    pub task: TaskId,
    /// The text.
    pub text: String,
    /// Where, below the repository.
    pub folder: String,
    /// How the stand-in behaves.
    pub part: Part,
    /// How many steps of work it is.
    pub steps: u32,
    /// Higher goes first.
    pub priority: i64,
    /// Only this provider.
    pub provider: Option<String>,
    /// The position in the play of the task that must complete first.
    pub after: Option<usize>,
    /// What should become of it.
    pub fate: Fate,
}

impl Order {
    fn new(text: &str, folder: &str, steps: u32) -> Self {
        Self {
            task: TaskId::NONE,
            text: text.to_owned(),
            folder: folder.to_owned(),
            part: Part::Work,
            steps,
            priority: 0,
            provider: None,
            after: None,
            fate: Fate::Completed,
        }
    }

    fn part(self, part: Part) -> Self {
        Self { part, ..self }
    }

    fn fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    fn priority(self, priority: i64) -> Self {
        Self { priority, ..self }
    }

    fn provider(self, provider: &str) -> Self {
        Self {
            provider: Some(provider.to_owned()),
            ..self
        }
    }

    fn after(self, position: usize) -> Self {
        Self {
            after: Some(position),
            ..self
        }
    }

    /// How its folder is locked.
    pub fn mode(&self) -> Mode {
        match self.part {
            Part::Read => Mode::Shared,
            _ => Mode::Exclusive,
        }
    }

    /// Whether it is tried again when it fails.
    pub fn is_retried(&self) -> bool {
        matches!(self.part, Part::FailFirst | Part::KilledFirst)
    }
}

/// The whole play, as the stand-ins read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Play {
    /// The tasks, in the order in which they are sent.
    pub orders: Vec<Order>,
    /// What the person does meanwhile.
    pub person: Order,
    /// How long a step of work takes, in milliseconds.
    pub step_ms: u64,
}

/// The sessions: name and provider. Stand-ins, named after what a real fleet
/// would have.
pub const SESSIONS: [(&str, &str); 5] = [
    ("claude-1", "claude"),
    ("claude-2", "claude"),
    ("codex-1", "codex"),
    ("codex-2", "codex"),
    ("gemini-1", "gemini"),
];

/// The session of the person who works beside the fleet.
pub const PERSON: &str = "person";

impl Play {
    /// The play, at full length or shortened.
    pub fn new(fast: bool) -> Self {
        Self {
            orders: orders(),
            person: Order::new("look into a bug report by hand", "web", 5),
            step_ms: if fast { 30 } else { 330 },
        }
    }

    /// What is to be played for a task; 0 is the person.
    pub fn order(&self, task: TaskId) -> Option<&Order> {
        match task {
            TaskId::NONE => Some(&self.person),
            task => self.orders.iter().find(|order| order.task == task),
        }
    }

    /// How long a task takes a stand-in, roughly.
    pub fn seconds_of(&self, task: TaskId) -> Option<f64> {
        let steps = self.order(task)?.steps;
        let step = Duration::from_millis(self.step_ms).as_secs_f64();
        Some(f64::from(steps) * step)
    }

    /// Reads it from the stage.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(root: &Path) -> std::io::Result<Self> {
        let text = std::fs::read(Stage::play_file(root))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

fn orders() -> Vec<Order> {
    use Fate::{Blocked, Failed};
    use Part::{Fail, FailFirst, KilledFirst, Read};
    vec![
        Order::new("Add a dark theme", "web", 6),
        Order::new("Speed up the price route", "web/api", 8),
        Order::new("Write version 2 of the API", "web/api/v2", 12),
        Order::new("Rework the login form", "web/login", 9),
        Order::new("Explain how to install it", "docs", 9).part(Read),
        Order::new("What does the guide leave out?", "docs", 10).part(Read),
        Order::new("Round amounts to the cent", "core/money", 8),
        Order::new("Move the cron jobs", "infra", 8).part(KilledFirst),
        Order::new("Upgrade the database driver", "core", 8)
            .part(Fail)
            .fate(Failed),
        Order::new("Announce the faster database", "docs", 4)
            .after(8)
            .fate(Blocked),
        Order::new("Make the flaky test pass", "tests", 6).part(FailFirst),
        Order::new("Translate the guide", "docs/guide", 12).provider("gemini"),
        Order::new("Close the security hole", "web/login", 7).priority(10),
        Order::new("Tidy up the imports", "legacy", 4).fate(Failed),
        Order::new("Find out which tests are slow", "tests", 30),
        Order::new("Cache the product list", "web/api", 7),
        Order::new("Document version 2", "docs", 8).after(2),
        Order::new("Rename the project everywhere", ".", 7).priority(-3),
        Order::new("Alert when the disk is full", "infra", 12),
        Order::new("Check the tax rules", "core/money", 8).priority(5),
        Order::new("Keep orders for ten years", "core", 9),
        Order::new("Which jobs run at night?", "infra", 7)
            .part(Read)
            .provider("claude"),
        Order::new("Who calls the old route?", "web/api", 7).part(Read),
        Order::new("Clean up the guide's links", "docs/guide", 8).provider("codex"),
    ]
}
