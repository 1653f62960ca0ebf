//! Whoever kills: what is drawn from the seed, at random times, until the last
//! task has ended.

use std::process::Child;
use std::time::{Duration, Instant};

use gaia_testkit::hammer::Draw;
use rustix::process::Signal;

use super::field::{FOLDERS, Field};
use super::processes::{self, Kind};
use super::within;

/// What was done to them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kills {
    pub assigners: usize,
    pub keepers: usize,
    pub agents: usize,
    pub outsiders: usize,
    /// How often an assigner was made to stand still.
    pub stopped: usize,
    /// How often two assigners were at work.
    pub beside: usize,
    pub servers: usize,
    pub panes: usize,
}

/// Its assigners, and what it has done.
pub struct Disturber<'a> {
    field: &'a Field,
    draw: Draw,
    assigners: Vec<Child>,
    outsiders: Vec<Child>,
    /// How many outsiders came.
    came: usize,
    pub kills: Kills,
    /// The tasks that had an agent killed.
    pub killed: Vec<i64>,
}

impl<'a> Disturber<'a> {
    pub fn new(field: &'a Field, seed: u64) -> Self {
        Self {
            field,
            draw: Draw::new(seed ^ 0x0d15_7b0b),
            assigners: vec![field.assigner()],
            outsiders: Vec::new(),
            came: 0,
            kills: Kills::default(),
            killed: Vec::new(),
        }
    }

    /// Disturbs until nothing is left to do, or gives up.
    #[expect(clippy::disallowed_methods, reason = "gives up after a while")]
    pub fn work(&mut self, limit: Duration) {
        let until = Instant::now() + limit;
        while self.field.open() > 0 && Instant::now() < until {
            self.disturb();
            pause(self.draw.millis(5, 90));
            self.outsiders
                .retain_mut(|child| child.try_wait().unwrap().is_none());
        }
    }

    fn disturb(&mut self) {
        match self.draw.below(100) {
            0..12 => self.kill_assigner(),
            12..28 => self.kills.keepers += self.kill(Kind::Keeper),
            28..45 => self.kills.agents += self.kill(Kind::Agent),
            45..50 => self.kills.outsiders += self.kill(Kind::Outsider),
            50..54 => self.stop_assigner(),
            54..57 => self.second_assigner(),
            57..59 => self.disturb_panes(),
            59..70 => self.outsider(),
            // So that an assigner lives long enough to find its panes.
            _ => {}
        }
    }

    fn disturb_panes(&mut self) {
        let Some(terminal) = &self.field.terminal else {
            return;
        };
        match self.draw.below(2) {
            0 => self.kills.servers += usize::from(terminal.kill_server()),
            _ => {
                let killed = terminal.kill_pane(self.draw.index(2));
                self.kills.panes += usize::from(killed);
            }
        }
        // They are there again at once, or after a while.
        if self.draw.chance(50) {
            pause(self.draw.millis(1, 500));
        }
        terminal.mend();
    }

    fn kill_assigner(&mut self) {
        let at = self.draw.index(self.assigners.len());
        let mut killed = self.assigners.swap_remove(at);
        killed.kill().unwrap();
        killed.wait().unwrap();
        self.kills.assigners += 1;
        // Sometimes nobody is there for a while.
        if self.draw.chance(50) {
            pause(self.draw.millis(1, 300));
        }
        if self.assigners.is_empty() {
            self.assigners.push(self.field.assigner());
        }
    }

    fn kill(&mut self, kind: Kind) -> usize {
        let mut found = processes::of(self.field.root());
        found.retain(|process| process.kind == kind);
        let Some(drawn) = found.get(self.draw.index(found.len())) else {
            return 0;
        };
        let killed = processes::signal(drawn.pid, Signal::KILL);
        self.killed
            .extend(drawn.task.filter(|_| kind == Kind::Agent && killed));
        usize::from(killed)
    }

    fn stop_assigner(&mut self) {
        let at = self.draw.index(self.assigners.len());
        let pid = self.assigners[at].id().cast_signed();
        processes::signal(pid, Signal::STOP);
        pause(self.draw.millis(1, 700));
        processes::signal(pid, Signal::CONT);
        self.kills.stopped += 1;
    }

    fn second_assigner(&mut self) {
        if self.assigners.len() < 2 {
            self.assigners.push(self.field.assigner());
            self.kills.beside += 1;
        }
    }

    fn outsider(&mut self) {
        if self.outsiders.len() < 2 {
            let folder = FOLDERS[self.draw.index(FOLDERS.len())];
            self.came += 1;
            let name = format!("outsider {}", self.came);
            self.outsiders.push(self.field.outsider(&name, folder));
        }
    }

    /// Lets everybody go home: the assigners end by themselves when told.
    pub fn end(mut self) -> (Kills, Vec<i64>) {
        for mut outsider in self.outsiders.drain(..) {
            outsider.wait().unwrap();
        }
        for mut assigner in self.assigners.drain(..) {
            let pid = assigner.id().cast_signed();
            // One that was started a moment ago.
            within(Duration::from_secs(20), || processes::hears_term(pid));
            processes::signal(pid, Signal::TERM);
            let status = assigner.wait().unwrap();
            assert!(status.success(), "an assigner ended with {status}");
        }
        (self.kills, self.killed)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is drawn here is how long nothing happens"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
