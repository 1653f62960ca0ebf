//! A toy that knows the rules from the contract's words alone: lists, and
//! everything recomputed at every step. Slow, plain, and written without a
//! look at the real one.

/// Whoever asks: a session and a task.
pub type Who = (u8, i64);

pub struct Lock {
    pub id: i64,
    pub path: &'static str,
    pub who: Who,
    pub shared: bool,
    pub expires: u64,
    pub ttl: u64,
    pub own: bool,
    /// Its process, by number.
    pub process: Option<u32>,
    /// Granted to this waiter, who has not taken it up; perhaps a process.
    pub claim: Option<(i64, Option<u32>)>,
}

#[derive(Clone, Debug)]
pub struct Want {
    pub paths: Vec<&'static str>,
    pub who: Who,
    pub shared: bool,
    pub ttl: u64,
    pub own: bool,
    pub process: Option<u32>,
}

pub struct Waiter {
    pub id: i64,
    pub want: Want,
    pub process: Option<u32>,
    pub heard: u64,
    pub until: Option<u64>,
    /// Its locks, once its turn came.
    pub granted: Option<Vec<i64>>,
}

#[derive(PartialEq, Debug)]
pub enum Answer {
    /// For each folder the lock that is extended, or a new one.
    Granted(Vec<Option<i64>>),
    Refused,
    Circle,
    Queued,
}

#[derive(Default)]
pub struct Toy {
    pub now: u64,
    pub locks: Vec<Lock>,
    pub waiters: Vec<Waiter>,
    pub paused: Vec<&'static str>,
    pub dead: Vec<u32>,
}

fn covers(outer: &str, inner: &str) -> bool {
    let slash = if outer == "/" {
        "/".to_owned()
    } else {
        format!("{outer}/")
    };
    outer == inner || inner.starts_with(&slash)
}

pub fn overlap(a: &str, b: &str) -> bool {
    covers(a, b) || covers(b, a)
}

/// "Task 0 and a task of the same session are one worker."
fn one_worker(a: Who, b: Who) -> bool {
    a.0 == b.0 && (a.1 == b.1 || a.1 == 0 || b.1 == 0)
}

fn exclude(a_shared: bool, a: Who, b_shared: bool, b: Who) -> bool {
    !(one_worker(a, b) || a_shared && b_shared)
}

impl Lock {
    pub fn conflicts(&self, other: &Lock) -> bool {
        exclude(self.shared, self.who, other.shared, other.who) && overlap(self.path, other.path)
    }

    fn is_in_the_way(&self, want: &Want) -> bool {
        exclude(self.shared, self.who, want.shared, want.who)
            && want.paths.iter().any(|path| overlap(path, self.path))
    }
}

fn wants_exclude(a: &Want, b: &Want) -> bool {
    exclude(a.shared, a.who, b.shared, b.who)
        && a.paths
            .iter()
            .any(|x| b.paths.iter().any(|y| overlap(x, y)))
}

impl Toy {
    /// Time and death have their say; afterwards everybody whose turn came has
    /// been granted. Gives the waiters that were.
    pub fn settle(&mut self) -> Vec<i64> {
        let (now, dead) = (self.now, &self.dead);
        let is_dead = |process: Option<u32>| process.is_some_and(|process| dead.contains(&process));
        for lock in &mut self.locks {
            if lock.expires <= now
                && lock.claim.is_none()
                && lock.process.is_some()
                && !is_dead(lock.process)
            {
                lock.expires = now + lock.ttl;
            }
        }
        self.locks.retain(|lock| {
            let process = lock.claim.map_or(lock.process, |(_, process)| process);
            lock.expires > now && !is_dead(process)
        });
        let locks = &self.locks;
        self.waiters.retain(|waiter| match &waiter.granted {
            Some(granted) => {
                granted.is_empty() || locks.iter().any(|lock| granted.contains(&lock.id))
            }
            None => {
                let heard = waiter.process.is_some() || now - waiter.heard <= 30;
                heard && !is_dead(waiter.process) && waiter.until.is_none_or(|until| now < until)
            }
        });
        let mut turns = Vec::new();
        while let Some(at) = (0..self.waiters.len()).find(|at| self.turn_has_come(*at)) {
            turns.push(self.waiters[at].id);
            self.grant_turn(at);
        }
        turns
    }

    pub fn turn_has_come(&self, at: usize) -> bool {
        let waiter = &self.waiters[at];
        waiter.granted.is_none() && self.is_free(&waiter.want, at)
    }

    /// Whether nothing stands in the way of one at that place in line.
    fn is_free(&self, want: &Want, place: usize) -> bool {
        let paused = self
            .paused
            .iter()
            .any(|pause| want.paths.iter().any(|path| overlap(path, pause)));
        !paused
            && !self.locks.iter().any(|lock| lock.is_in_the_way(want))
            && self.ahead(want, place).is_empty()
    }

    /// The earlier waiters that it may not overtake.
    fn ahead(&self, want: &Want, place: usize) -> Vec<usize> {
        let mine: Vec<&Lock> = self
            .locks
            .iter()
            .filter(|lock| one_worker(lock.who, want.who))
            .collect();
        let inside = |path: &&str| {
            mine.iter()
                .any(|lock| covers(lock.path, path) && (!lock.shared || want.shared))
        };
        if want.paths.iter().all(inside) {
            return Vec::new();
        }
        (0..place)
            .filter(|at| {
                let earlier = &self.waiters[*at];
                let waits_for_me = mine.iter().any(|lock| lock.is_in_the_way(&earlier.want));
                earlier.granted.is_none() && wants_exclude(want, &earlier.want) && !waits_for_me
            })
            .collect()
    }

    /// Its locks get their tokens later: the real one gives them.
    fn grant_turn(&mut self, at: usize) {
        let waiter = &mut self.waiters[at];
        waiter.granted = Some(Vec::new());
        let lease = if waiter.process.is_some() {
            waiter.want.ttl
        } else {
            waiter.want.ttl.min(30)
        };
        for path in waiter.want.paths.clone() {
            let lock = new_lock(
                &waiter.want,
                path,
                self.now + lease,
                Some((waiter.id, waiter.process)),
            );
            self.locks.push(lock);
        }
    }

    pub fn acquire(&mut self, want: &Want, waits: bool) -> Answer {
        let held: Vec<Option<i64>> = want
            .paths
            .iter()
            .map(|path| self.held(want, path))
            .collect();
        if !held.iter().all(Option::is_some) && !self.is_free(want, self.waiters.len()) {
            return match waits {
                false => Answer::Refused,
                true if self.closes_a_circle(want, self.waiters.len()) => Answer::Circle,
                true => Answer::Queued,
            };
        }
        for (path, held) in want.paths.iter().zip(&held) {
            let until = self.now + want.ttl;
            match self.locks.iter_mut().find(|lock| Some(lock.id) == *held) {
                Some(lock) => {
                    lock.expires = lock.expires.max(until);
                    lock.ttl = lock.ttl.max(want.ttl);
                }
                None => self.locks.push(new_lock(want, path, until, None)),
            }
        }
        Answer::Granted(held)
    }

    /// Exactly that, held already and not by a scope of its own.
    fn held(&self, want: &Want, path: &str) -> Option<i64> {
        let same =
            |lock: &&Lock| lock.path == path && lock.who == want.who && lock.shared == want.shared;
        let plain = |lock: &&Lock| !lock.own && lock.claim.is_none() && !want.own;
        self.locks
            .iter()
            .filter(same)
            .find(plain)
            .map(|lock| lock.id)
    }

    /// Whether a waiter stands in a circle in which nobody came after it.
    pub fn is_youngest_in_a_circle(&self, waiter: i64) -> bool {
        let at = self.waiters.iter().position(|known| known.id == waiter);
        at.is_some_and(|at| {
            let waiter = &self.waiters[at];
            waiter.granted.is_none() && self.closes_a_circle(&waiter.want, at)
        })
    }

    /// Follows who waits for whom from a wait on, through everybody who came
    /// before it.
    fn closes_a_circle(&self, want: &Want, place: usize) -> bool {
        let mut reached = self.waits_for(want, place);
        reached.retain(|other| *other < place);
        let mut looked = 0;
        while looked < reached.len() {
            let waiter = &self.waiters[reached[looked]];
            let on_me =
                |lock: &Lock| lock.is_in_the_way(&waiter.want) && one_worker(lock.who, want.who);
            if self.locks.iter().any(on_me) {
                return true;
            }
            for next in self.waits_for(&waiter.want, reached[looked]) {
                if next < place && !reached.contains(&next) {
                    reached.push(next);
                }
            }
            looked += 1;
        }
        false
    }

    /// The waiters that must move before one at that place can: those it is
    /// behind, and those of the holders in its way.
    fn waits_for(&self, want: &Want, place: usize) -> Vec<usize> {
        let mut others = self.ahead(want, place);
        for lock in self.locks.iter().filter(|lock| lock.is_in_the_way(want)) {
            let theirs = |at: &usize| {
                let other = &self.waiters[*at];
                other.granted.is_none() && one_worker(other.want.who, lock.who)
            };
            others.extend((0..self.waiters.len()).filter(theirs));
        }
        others
    }

    pub fn leave(&mut self, waiter: i64) {
        let Some(at) = self.waiters.iter().position(|known| known.id == waiter) else {
            return;
        };
        self.waiters.remove(at);
        self.locks
            .retain(|lock| lock.claim.is_none_or(|(whose, _)| whose != waiter));
    }

    /// Whether it could be taken up, all of it.
    pub fn take_up(&mut self, waiter: i64) -> bool {
        let Some(at) = self.waiters.iter().position(|known| known.id == waiter) else {
            return false;
        };
        let Waiter {
            want,
            granted: Some(granted),
            ..
        } = &self.waiters[at]
        else {
            self.leave(waiter);
            return false;
        };
        let all = granted
            .iter()
            .all(|id| self.locks.iter().any(|lock| lock.id == *id));
        if !all {
            self.leave(waiter);
            return false;
        }
        for lock in self
            .locks
            .iter_mut()
            .filter(|lock| granted.contains(&lock.id))
        {
            lock.expires = lock.expires.max(self.now + want.ttl);
            lock.process = want.process;
            lock.claim = None;
        }
        self.waiters.remove(at);
        true
    }
}

pub fn new_lock(
    want: &Want,
    path: &'static str,
    expires: u64,
    claim: Option<(i64, Option<u32>)>,
) -> Lock {
    Lock {
        id: 0,
        path,
        who: want.who,
        shared: want.shared,
        expires,
        ttl: want.ttl,
        own: want.own,
        process: want.process,
        claim,
    }
}
