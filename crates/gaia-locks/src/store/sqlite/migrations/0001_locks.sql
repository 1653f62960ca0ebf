-- Locks, their history, the line (section 4 of the contract).
-- Readable by SQLite 3.31: no STRICT tables, no functions of our own.

CREATE TABLE gaia_state (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    boot            TEXT    NOT NULL,            -- the boot that the *_ns columns belong to
    token_floor     INTEGER NOT NULL DEFAULT 1,  -- no token below this is given
    tokens_reserved INTEGER NOT NULL DEFAULT 0,  -- tokens up to this may be given: synced to disk
    oldest_schema   INTEGER NOT NULL DEFAULT 1   -- the oldest program that may use this file
);
INSERT INTO gaia_state (id, boot) VALUES (1, '');

CREATE TABLE lock_history (
    id           INTEGER PRIMARY KEY,            -- the token
    folder_path  TEXT    NOT NULL,
    session_id   TEXT    NOT NULL,
    task_id      INTEGER NOT NULL DEFAULT 0,
    created_at   TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    released_at  TIMESTAMP,
    expired_at   TIMESTAMP,
    status       TEXT    DEFAULT 'active',       -- active, released, expired
    mode         TEXT    NOT NULL DEFAULT 'exclusive',
    scope        TEXT    NOT NULL DEFAULT 'local',
    folder_key   TEXT,                           -- where it differs from folder_path
    written_path TEXT,                           -- where it differs from folder_path
    expires_at   TIMESTAMP,                      -- once ended: until when the lease would have gone
    end_reason   TEXT,                           -- released, forced, task_ended, died, lapsed
    ended_by     TEXT,
    end_note     TEXT,
    granted_ns   INTEGER,                        -- on the clock that does not jump
    ended_ns     INTEGER,
    details      TEXT                            -- JSON
);
CREATE INDEX idx_lock_history_folder  ON lock_history (folder_path);
CREATE INDEX idx_lock_history_session ON lock_history (session_id);
CREATE INDEX idx_lock_history_task    ON lock_history (task_id);

-- One row for each name of an active lock: its canonical path, and beside it
-- the path as written where that is another (alias = 1, other columns empty).
CREATE TABLE active_locks (
    scope         TEXT    NOT NULL,
    folder_key    TEXT    NOT NULL,
    id            INTEGER NOT NULL,
    alias         INTEGER NOT NULL DEFAULT 0,
    session_id    TEXT,
    task_id       INTEGER,
    shared        INTEGER,
    granted_at    INTEGER,                       -- microseconds since the epoch
    expires_ns    INTEGER,
    ttl_ns        INTEGER,
    own           INTEGER,
    releaser      INTEGER,                       -- 0 its holder, 1 the assigner
    binding       INTEGER,                       -- 0 lease, 1 process, 2 claim
    process       TEXT,                          -- JSON
    folder_path   TEXT,                          -- where it differs from folder_key
    written_path  TEXT,
    written_key   TEXT,
    main_key      TEXT,                          -- of an alias: the canonical row's key
    device        INTEGER,                       -- what stood under the name at the grant
    inode         INTEGER,
    PRIMARY KEY (scope, folder_key, id)
) WITHOUT ROWID;

CREATE TABLE waiters (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival
    scope       TEXT    NOT NULL,
    session_id  TEXT    NOT NULL,
    task_id     INTEGER NOT NULL,
    mode        TEXT    NOT NULL,
    folders     TEXT    NOT NULL,                -- JSON
    ttl_ns      INTEGER NOT NULL,
    own         INTEGER NOT NULL,
    releaser    INTEGER NOT NULL,
    process     TEXT,                            -- JSON: what the locks shall be bound to
    life        TEXT,                            -- JSON: the waiter's process; empty: heartbeat
    reserved    INTEGER NOT NULL,                -- keeps its place until a session fits
    granted     TEXT,                            -- JSON: its locks, once its turn came
    heard_ns    INTEGER NOT NULL,
    since       INTEGER NOT NULL,                -- microseconds since the epoch
    until_ns    INTEGER,
    request_id  TEXT
);
CREATE INDEX idx_waiters_session ON waiters (session_id);

CREATE TABLE waiter_folders (
    scope      TEXT    NOT NULL,
    folder_key TEXT    NOT NULL,
    waiter_id  INTEGER NOT NULL,
    PRIMARY KEY (scope, folder_key, waiter_id)
) WITHOUT ROWID;

CREATE TABLE request_ids (
    session_id TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    locks      TEXT    NOT NULL,                 -- JSON
    waiter_id  INTEGER,
    at         INTEGER NOT NULL,                 -- microseconds since the epoch
    PRIMARY KEY (session_id, request_id)
) WITHOUT ROWID;

CREATE TABLE pauses (
    scope        TEXT    NOT NULL,
    folder_key   TEXT    NOT NULL,
    folder_path  TEXT    NOT NULL,
    written_path TEXT,
    written_key  TEXT,
    reason       TEXT    NOT NULL,
    by           TEXT    NOT NULL,
    since        INTEGER NOT NULL,               -- microseconds since the epoch
    PRIMARY KEY (scope, folder_key)
) WITHOUT ROWID;
