-- What agents' hooks tell: the sessions that work, and what happened in them.

-- One row for each client at work, known from its first hook call on.
CREATE TABLE agent_sessions (
    name           TEXT PRIMARY KEY,             -- the session that it acts as
    client         TEXT NOT NULL,                -- claude, codex, gemini …
    client_session TEXT NOT NULL,                -- as the client calls it
    parent         TEXT,                         -- of a subagent with locks of its own: its session
    by_gaia        INTEGER NOT NULL DEFAULT 0,   -- GAIA started it: its name is in sessions too
    task_id        INTEGER NOT NULL DEFAULT 0,
    process        TEXT,                         -- JSON: the client's process
    status         TEXT NOT NULL,                -- idle, busy, waiting_input, ended
    calls          TEXT NOT NULL DEFAULT '[]',   -- JSON: tools that run
    folder         TEXT,
    started_at     TIMESTAMP NOT NULL,
    heard_at       TIMESTAMP NOT NULL,
    heard_ns       INTEGER NOT NULL,
    told_waiter    INTEGER NOT NULL DEFAULT 0,   -- up to which waiter it was told that somebody waits
    ended_at       TIMESTAMP
);
CREATE INDEX idx_agent_sessions_client ON agent_sessions (client_session);

-- What happened, for the assigner to read; old rows go.
CREATE TABLE agent_events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TIMESTAMP NOT NULL,
    session TEXT NOT NULL,
    task_id INTEGER NOT NULL DEFAULT 0,
    kind    TEXT NOT NULL,                       -- began, prompted, waits_for_input, stopped, failed, ended, refused
    details TEXT                                 -- JSON
);
CREATE INDEX idx_agent_events_session ON agent_events (session, id);
