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
    lock_released_at TIMESTAMP
);
CREATE INDEX idx_prompts_queue ON prompts (status, priority DESC, id);

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
    env_vars            TEXT
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
