-- Tasks and sessions, as earlier assigners wrote them, with what was added
-- since (section 4 of the contract). They belong to the assigner; they stand
-- here because a file has one sequence of migrations.

CREATE TABLE prompts (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    content          TEXT    NOT NULL,
    source           TEXT    DEFAULT 'cli',
    priority         INTEGER DEFAULT 0,
    status           TEXT    DEFAULT 'pending',
    assigned_session TEXT,
    created_at       TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    assigned_at      TIMESTAMP,
    completed_at     TIMESTAMP,
    response         TEXT,
    error            TEXT,
    metadata         TEXT,                       -- JSON
    target_session   TEXT,
    target_provider  TEXT,
    retry_count      INTEGER DEFAULT 0,
    max_retries      INTEGER DEFAULT 3,
    timeout_minutes  REAL    DEFAULT 60,
    working_dir      TEXT,
    lock_status      TEXT,                       -- active, released, expired
    lock_acquired_at TIMESTAMP,
    lock_released_at TIMESTAMP,
    -- what the task wants
    read_only        INTEGER NOT NULL DEFAULT 0,
    retry            INTEGER NOT NULL DEFAULT 0, -- again when it fails, not only when its session is lost
    preferred        TEXT,                       -- JSON: providers, best first
    fallbacks        TEXT,                       -- JSON: providers, best first
    -- while it is pending
    lane             TEXT,                       -- tasks of one lane want the same; empty: not looked at yet
    held             TEXT,                       -- after, retry: not to be taken now
    not_before_ns    INTEGER,                    -- held by retry: until then
    passed_over_ns   INTEGER,                    -- since when it is passed over
    waiter_id        INTEGER,                    -- its place in its folder's line
    -- while it runs, and what is left of that
    lock_token       INTEGER,
    assigner         TEXT,                       -- JSON: the process that runs it
    keeper           TEXT,                       -- JSON: the process that its lock is bound to
    agent_pid        INTEGER,
    started_at       TIMESTAMP,
    deadline_ns      INTEGER,
    stop             TEXT,                       -- cancelled, forced: somebody wants it to end
    stop_by          TEXT,
    stop_note        TEXT,
    exit_status      INTEGER,
    log_file         TEXT,
    log_from         INTEGER                     -- where this try's output begins in it
);
CREATE INDEX idx_prompts_queue ON prompts (status, priority DESC, id);
-- The queue as the assigner reads it: the head of each lane, however long the
-- lane is.
CREATE INDEX idx_prompts_lanes ON prompts (lane, priority DESC, id)
    WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL;
CREATE INDEX idx_prompts_new ON prompts (id) WHERE status = 'pending' AND lane IS NULL;
CREATE INDEX idx_prompts_retry ON prompts (not_before_ns) WHERE status = 'pending' AND held = 'retry';
CREATE INDEX idx_prompts_standing ON prompts (id) WHERE status = 'pending' AND waiter_id IS NOT NULL;
CREATE INDEX idx_prompts_running ON prompts (id) WHERE status IN ('assigned', 'in_progress');

-- A task and the tasks that must complete before it.
CREATE TABLE task_needs (
    task_id  INTEGER NOT NULL,
    needs_id INTEGER NOT NULL,
    PRIMARY KEY (task_id, needs_id)
) WITHOUT ROWID;
CREATE INDEX idx_task_needs_needs ON task_needs (needs_id);

CREATE TABLE sessions (
    name                TEXT PRIMARY KEY,
    status              TEXT DEFAULT 'unknown',
    last_activity       TIMESTAMP,
    current_task_id     INTEGER,
    working_dir         TEXT,
    is_claude           INTEGER DEFAULT 0,
    provider            TEXT,
    last_output         TEXT,
    updated_at          TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    current_dir         TEXT,
    git_branch          TEXT,
    last_context_update TIMESTAMP,
    env_vars            TEXT,
    kind                TEXT,                    -- process, tmux, remote: how it is driven
    command             TEXT,                    -- as its user wrote it
    argv                TEXT,                    -- JSON: the command, split as a shell would
    idle_since_ns       INTEGER
);

CREATE TABLE assignment_history (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id    INTEGER,
    session_name TEXT,
    action       TEXT,
    created_at   TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    details      TEXT
);
CREATE INDEX idx_assignment_history_prompt ON assignment_history (prompt_id);
