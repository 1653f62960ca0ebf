-- Sessions that are panes of a tmux server.

ALTER TABLE sessions ADD COLUMN server TEXT;    -- the tmux server's socket
ALTER TABLE sessions ADD COLUMN target TEXT;    -- the pane, as its user named it
ALTER TABLE sessions ADD COLUMN pane TEXT;      -- JSON: the pane that it is now
ALTER TABLE sessions ADD COLUMN screen TEXT;    -- JSON: patterns, quiet time, keys
ALTER TABLE sessions ADD COLUMN pattern TEXT;   -- the pattern that found it

-- The pane that a running task was typed into, and where its text began.
ALTER TABLE prompts ADD COLUMN pane TEXT;       -- JSON

-- Names that stand for every pane of the sessions they fit.
CREATE TABLE session_patterns (
    name       TEXT PRIMARY KEY,
    server     TEXT NOT NULL,
    target     TEXT NOT NULL,
    provider   TEXT,
    screen     TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
