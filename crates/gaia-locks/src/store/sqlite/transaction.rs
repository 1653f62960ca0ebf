//! One transaction: begun behind the gate, its clock read after that wait.

use std::any::Any;

use rusqlite::Connection as Sqlite;

use super::connection::Connection;
use super::open::of_sqlite;
use super::{active, history, line, one_write, requests, tokens};
use crate::clock::{BootId, Clock, Moment, Now, Wall};
use crate::error::{Error, StoreError};
use crate::folder::Folder;
use crate::ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
use crate::model::{End, Lock, Pause, Waiter, WaiterState};
use crate::store::{HistoryFilter, NewLock, Record, Remembered, Tx, Work};

/// A transaction on the embedded store. Tables that join it use its connection.
pub struct SqliteTx {
    /// A second handle would need a second connection, so the connection is
    /// reached through a pointer that lives as long as the transaction does.
    sqlite: *const Sqlite,
    now: Now,
    state: State,
    out_of_tokens: bool,
    /// Not after somebody left the line or a pause ended: others may be left.
    state_is_sure: bool,
    writes: bool,
}

/// What every transaction reads first.
pub(super) struct State {
    boot: String,
    next_token: i64,
    reserved: i64,
    waiters: bool,
    pauses: bool,
}

const STATE: &str =
    "SELECT boot, max(token_floor, (SELECT coalesce(max(id), 0) + 1 FROM lock_history)),
       tokens_reserved, EXISTS (SELECT 1 FROM waiters), EXISTS (SELECT 1 FROM pauses)
  FROM gaia_state";

pub(super) fn write(
    connection: &Connection,
    clock: &dyn Clock,
    work: &mut Work<'_>,
) -> Result<(), Error> {
    connection.refuse_if_replaced()?;
    let sqlite = connection.lock();
    loop {
        let _turn = connection.gate.pass();
        let failed = |error: rusqlite::Error| Error::Store(of_sqlite(connection.path(), &error));
        begin(&sqlite, "BEGIN IMMEDIATE").map_err(failed)?;
        let rollback = Rollback(&sqlite);
        let state = match connection.known(&sqlite) {
            Some(state) => state,
            None => State::read(&sqlite).map_err(failed)?,
        };
        let mut tx = SqliteTx::begun(&sqlite, clock, state, true);
        if tx.after_reboot(&clock.boot()).map_err(failed)? {
            // Committed by itself: were it undone with the work, for want of
            // tokens or for an error, it would be first sight again.
            begin(&sqlite, "COMMIT").map_err(failed)?;
            continue;
        }
        let done = work(&mut tx);
        if tx.out_of_tokens {
            drop(rollback);
            tokens::reserve(&sqlite).map_err(failed)?;
            continue;
        }
        done?;
        one_write::during(|| begin(&sqlite, "COMMIT")).map_err(failed)?;
        std::mem::forget(rollback);
        connection.remember(&sqlite, tx.state_after());
        return Ok(());
    }
}

pub(super) fn read(
    connection: &Connection,
    clock: &dyn Clock,
    work: &mut Work<'_>,
) -> Result<(), Error> {
    connection.refuse_if_replaced()?;
    {
        let sqlite = connection.lock();
        let failed = |error: rusqlite::Error| Error::Store(of_sqlite(connection.path(), &error));
        begin(&sqlite, "BEGIN").map_err(failed)?;
        let rollback = Rollback(&sqlite);
        let state = State::read(&sqlite).map_err(failed)?;
        let mut tx = SqliteTx::begun(&sqlite, clock, state, false);
        if tx.is_of(&clock.boot()) {
            work(&mut tx)?;
            begin(&sqlite, "COMMIT").map_err(failed)?;
            std::mem::forget(rollback);
            return Ok(());
        }
    }
    // The machine was restarted: leases are brought onto its clock first.
    write(connection, clock, &mut |_| Ok(()))?;
    read(connection, clock, work)
}

fn begin(sqlite: &Sqlite, statement: &str) -> rusqlite::Result<()> {
    sqlite.prepare_cached(statement)?.execute([]).map(drop)
}

/// Rolls back unless the transaction was committed; also when a panic unwinds.
struct Rollback<'a>(&'a Sqlite);

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // Were this to fail, SQLite has rolled back by itself.
            drop(self.0.execute_batch("ROLLBACK"));
        }
    }
}

impl State {
    fn read(sqlite: &Sqlite) -> rusqlite::Result<Self> {
        sqlite.prepare_cached(STATE)?.query_row([], |row| {
            Ok(State {
                boot: row.get(0)?,
                next_token: row.get(1)?,
                reserved: row.get(2)?,
                waiters: row.get(3)?,
                pauses: row.get(4)?,
            })
        })
    }
}

impl SqliteTx {
    fn begun(sqlite: &Sqlite, clock: &dyn Clock, state: State, writes: bool) -> Self {
        Self {
            sqlite,
            now: clock.now(),
            state,
            out_of_tokens: false,
            state_is_sure: true,
            writes,
        }
    }

    /// What the transaction leaves, where it knows.
    fn state_after(self) -> Option<State> {
        self.state_is_sure.then_some(self.state)
    }

    /// The connection that the transaction runs on, for tables that join it.
    pub fn connection(&self) -> &Sqlite {
        // SAFETY: `write` and `read` make this value from a connection that
        // they hold locked until after it is gone, and it never leaves them
        // but as a borrow.
        unsafe { &*self.sqlite }
    }

    /// Whether the moments in the file are of this boot. A process that is not
    /// shown which boot it runs in takes them as they are.
    fn is_of(&self, boot: &BootId) -> bool {
        boot.0.is_empty() || self.state.boot == boot.0
    }

    /// After a restart of the machine: leases start anew once, at first sight;
    /// locks bound to processes are judged dead with them [R13]; tokens go on
    /// above everything that may have been given [R4]. Whether there was
    /// anything to do.
    fn after_reboot(&self, boot: &BootId) -> rusqlite::Result<bool> {
        if self.is_of(boot) {
            return Ok(false);
        }
        let sqlite = self.connection();
        let now = self.now.moment.0;
        let floor = self.state.reserved + 1;
        let first = self.state.boot.is_empty();
        sqlite.execute("UPDATE gaia_state SET boot = ?1", [&boot.0])?;
        if !first {
            sqlite.execute(
                "UPDATE gaia_state SET token_floor = max(token_floor, ?1)",
                [floor],
            )?;
            sqlite.execute(
                "UPDATE active_locks SET expires_ns = ?1 + ttl_ns WHERE alias = 0",
                [now],
            )?;
            line::after_reboot(sqlite, self.now.moment)?;
        }
        Ok(true)
    }

    fn next_token(&mut self) -> Result<LockId, Error> {
        let token = self.state.next_token;
        if token > self.state.reserved {
            self.out_of_tokens = true;
            return Err(Error::Store(StoreError::Failed(
                "a new block of tokens is needed".to_owned(),
            )));
        }
        self.state.next_token += 1;
        Ok(LockId(token))
    }

    /// As [`SqliteTx::run`], for what changes rows.
    fn change<T>(&self, work: impl FnOnce(&Sqlite) -> rusqlite::Result<T>) -> Result<T, Error> {
        if self.writes {
            return self.run(work);
        }
        let why = "a transaction that only reads was asked to write";
        Err(Error::Store(StoreError::Failed(why.to_owned())))
    }

    fn run<T>(&self, work: impl FnOnce(&Sqlite) -> rusqlite::Result<T>) -> Result<T, Error> {
        let sqlite = self.connection();
        work(sqlite).map_err(|error| failed(sqlite, &error))
    }
}

/// What SQLite said inside a transaction, in words that help.
pub(super) fn failed(sqlite: &Sqlite, error: &rusqlite::Error) -> Error {
    Error::Store(of_sqlite(sqlite.path().unwrap_or_default().as_ref(), error))
}

impl Tx for SqliteTx {
    fn now(&self) -> Now {
        self.now
    }

    fn locks_overlapping(&mut self, scope: &Scope, folders: &[Folder]) -> Result<Vec<Lock>, Error> {
        self.run(|sqlite| active::overlapping(sqlite, scope, folders))
    }

    fn lock(&mut self, id: LockId) -> Result<Option<Lock>, Error> {
        self.run(|sqlite| active::by_id(sqlite, id))
    }

    fn locks(&mut self) -> Result<Vec<Lock>, Error> {
        self.run(active::all)
    }

    fn locks_of_task(&mut self, session: &SessionId, task: TaskId) -> Result<Vec<Lock>, Error> {
        self.run(|sqlite| active::of_task(sqlite, session, task))
    }

    fn locks_due(&mut self, moment: Moment) -> Result<Vec<Lock>, Error> {
        self.run(|sqlite| active::due(sqlite, moment))
    }

    fn insert_lock(&mut self, lock: &NewLock<'_>) -> Result<LockId, Error> {
        let id = self.next_token()?;
        let now = self.now;
        self.change(|sqlite| {
            history::insert(sqlite, id, lock, now)?;
            active::insert(sqlite, id, lock, now)
        })?;
        Ok(id)
    }

    fn update_lock(&mut self, lock: &Lock) -> Result<(), Error> {
        self.change(|sqlite| active::update(sqlite, lock))
    }

    fn end_lock(&mut self, lock: &Lock, end: &End) -> Result<(), Error> {
        let now = self.now;
        self.change(|sqlite| {
            if active::remove(sqlite, lock)? {
                history::end(sqlite, lock, end, now)
            } else {
                Ok(())
            }
        })
    }

    fn record(&mut self, id: LockId) -> Result<Option<Record>, Error> {
        self.run(|sqlite| history::by_id(sqlite, id))
    }

    fn history(&mut self, filter: &HistoryFilter) -> Result<Vec<Record>, Error> {
        self.run(|sqlite| history::select(sqlite, filter))
    }

    fn annotate(&mut self, id: LockId, details: &serde_json::Value) -> Result<(), Error> {
        self.change(|sqlite| history::annotate(sqlite, id, details))
    }

    fn prune(&mut self, before: Wall) -> Result<u64, Error> {
        self.change(|sqlite| history::prune(sqlite, before))
    }

    fn has_waiters(&mut self) -> Result<bool, Error> {
        Ok(self.state.waiters)
    }

    fn waiters_overlapping(
        &mut self,
        scope: &Scope,
        folders: &[Folder],
    ) -> Result<Vec<Waiter>, Error> {
        self.run(|sqlite| line::overlapping(sqlite, scope, folders))
    }

    fn first_waiting(
        &mut self,
        scope: &Scope,
        folders: &[Folder],
    ) -> Result<Option<Waiter>, Error> {
        self.run(|sqlite| line::first_waiting(sqlite, scope, folders))
    }

    fn waiters_of(&mut self, session: &SessionId) -> Result<Vec<Waiter>, Error> {
        self.run(|sqlite| line::of_session(sqlite, session))
    }

    fn waiters(&mut self) -> Result<Vec<Waiter>, Error> {
        self.run(line::all)
    }

    fn waiter(&mut self, id: WaiterId) -> Result<Option<Waiter>, Error> {
        self.run(|sqlite| line::by_id(sqlite, id))
    }

    fn insert_waiter(&mut self, waiter: &Waiter) -> Result<WaiterId, Error> {
        let id = self.change(|sqlite| line::insert(sqlite, waiter))?;
        self.state.waiters = true;
        Ok(id)
    }

    fn update_waiter(
        &mut self,
        id: WaiterId,
        state: &WaiterState,
        heard: Moment,
    ) -> Result<(), Error> {
        self.change(|sqlite| line::update(sqlite, id, state, heard))
    }

    fn remove_waiter(&mut self, id: WaiterId) -> Result<(), Error> {
        self.state_is_sure = false;
        self.change(|sqlite| line::remove(sqlite, id))
    }

    fn remembered(
        &mut self,
        session: &SessionId,
        id: &RequestId,
    ) -> Result<Option<Remembered>, Error> {
        self.run(|sqlite| requests::remembered(sqlite, session, id))
    }

    fn remember(
        &mut self,
        session: &SessionId,
        id: &RequestId,
        what: &Remembered,
    ) -> Result<(), Error> {
        self.change(|sqlite| requests::remember(sqlite, session, id, what))
    }

    fn forget(&mut self, session: &SessionId, id: &RequestId) -> Result<(), Error> {
        self.change(|sqlite| requests::forget(sqlite, session, id))
    }

    fn forget_before(&mut self, before: Wall) -> Result<(), Error> {
        self.change(|sqlite| requests::forget_before(sqlite, before))
    }

    fn pauses(&mut self) -> Result<Vec<Pause>, Error> {
        if self.state.pauses {
            self.run(requests::pauses)
        } else {
            Ok(Vec::new())
        }
    }

    fn insert_pause(&mut self, pause: &Pause) -> Result<(), Error> {
        self.state.pauses = true;
        self.change(|sqlite| requests::insert_pause(sqlite, pause))
    }

    fn remove_pause(&mut self, scope: &Scope, folder: &Folder) -> Result<bool, Error> {
        self.state_is_sure = false;
        self.change(|sqlite| requests::remove_pause(sqlite, scope, folder))
    }

    fn join(&mut self) -> &mut dyn Any {
        self
    }
}
