//! N5: the cycle of N1 while a million other locks are active.

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::model::{Binding, Holder, Mode, Releaser};
use gaia_locks::service::Config;
use gaia_locks::store::{NewLock, Tx};
use gaia_locks::{LockService, Scope, SessionId, TaskId};

use super::super::gaia::{self, Caller};
use super::super::race::{Race, Subject};
use super::super::{Figure, Goal, Options, Trouble};
use super::folder_in;

const NONE: &str = "a cycle, no other lock active";
/// Fewer than tokens are reserved at once, so that a transaction is not begun
/// again each time.
const AT_ONCE: usize = 2000;

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let folder = folder_in(dir.path(), "a")?;
    let open = |name: &str| gaia::open(&dir.path().join(name), Config::default());
    let full = open("full.db")?;
    fill(&full, options.many())?;
    let empty = Caller::new(open("empty.db")?, "bench", &folder)?;
    let full = Caller::new(full, "bench", &folder)?;
    let many = format!("a cycle, {} other locks active", options.many());
    let mut race = Race::default();
    race.enter(Subject::repeated(NONE, || empty.cycle()));
    race.enter(Subject::repeated(&many, || full.cycle()));
    let mut figure =
        Figure::new("N5", "acquire and release among many locks").of_race(race.run(options)?);
    figure.beside(&many, NONE, Some(Goal::AtMost(1.15)));
    Ok(figure)
}

/// Grants so many locks on folders elsewhere, past the rules: what matters is
/// that the rows are there.
fn fill(service: &LockService, many: usize) -> Result<(), Trouble> {
    let holder = Holder::new(SessionId::new("others")?, TaskId::NONE);
    let (scope, store) = (Scope::local(), service.store());
    for first in (0..many).step_by(AT_ONCE) {
        store.write(&mut |tx: &mut dyn Tx| {
            let expires = tx.now().moment.plus(service_ttl());
            for number in first..(first + AT_ONCE).min(many) {
                let path = format!("/elsewhere/{}/{}", number / 1000, number % 1000);
                let folder = Folder::clean(&path)?;
                tx.insert_lock(&new(&scope, &folder, &holder, expires))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn service_ttl() -> std::time::Duration {
    Config::default().ttl
}

fn new<'a>(
    scope: &'a Scope,
    folder: &'a Folder,
    holder: &'a Holder,
    expires: Moment,
) -> NewLock<'a> {
    NewLock {
        scope,
        folder,
        holder,
        mode: Mode::Exclusive,
        expires,
        ttl: service_ttl(),
        binding: Binding::Lease,
        own: false,
        releaser: Releaser::Holder,
    }
}
