-- What is said of tasks while they run, work that lay uncommitted, and
-- sessions that ask for work themselves.

ALTER TABLE prompts ADD COLUMN told TEXT;          -- JSON: how it ended, for its assigner to hear
ALTER TABLE prompts ADD COLUMN lapse_told INTEGER; -- the lock of whose lapse its agent was told
ALTER TABLE prompts ADD COLUMN stop_ns INTEGER;    -- since when somebody wants it to end
ALTER TABLE prompts ADD COLUMN hold_note TEXT;     -- why it is held for a person
ALTER TABLE prompts ADD COLUMN go_ahead INTEGER NOT NULL DEFAULT 0; -- a person let it go on

ALTER TABLE sessions ADD COLUMN heard_ns INTEGER;  -- of a remote one: its last sign of life
ALTER TABLE sessions ADD COLUMN lease_ns INTEGER;  -- how long it may be silent

-- Folders in which a task's lock ended while uncommitted work lay there.
CREATE TABLE uncommitted (
    folder     TEXT PRIMARY KEY,
    task_id    INTEGER NOT NULL,
    session    TEXT    NOT NULL,
    lock_token INTEGER NOT NULL,
    branch     TEXT,
    at         TIMESTAMP
) WITHOUT ROWID;
CREATE INDEX idx_prompts_held ON prompts (id) WHERE status = 'pending' AND held = 'uncommitted';
