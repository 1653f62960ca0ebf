-- The queue in regions: what happens at each event does not grow with the
-- number of tasks that wait (ADR 9).

ALTER TABLE prompts ADD COLUMN path TEXT;                       -- its folder by its letters, if they are clean
ALTER TABLE prompts ADD COLUMN region TEXT NOT NULL DEFAULT ''; -- what it was last passed over for: in:FOLDER, at:FOLDER

-- A lane was what a task wants of session and folder; now of the session alone.
UPDATE prompts SET lane = NULL WHERE status = 'pending';
DROP INDEX idx_prompts_lanes;
CREATE INDEX idx_prompts_lanes ON prompts (lane, region, priority DESC, id)
    WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL;
CREATE INDEX idx_prompts_regions ON prompts (region, path)
    WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL;
CREATE INDEX idx_prompts_passed ON prompts (passed_over_ns)
    WHERE status = 'pending' AND held IS NULL AND waiter_id IS NULL AND passed_over_ns IS NOT NULL;

-- Completed tasks with very many that waited for them: up to which these were
-- let go.
CREATE TABLE task_releases (
    needs_id INTEGER PRIMARY KEY,
    upto     INTEGER NOT NULL
);

-- A session that could not be started is set aside.
ALTER TABLE sessions ADD COLUMN failed_starts INTEGER NOT NULL DEFAULT 0; -- since the last that worked
ALTER TABLE sessions ADD COLUMN aside_until_ns INTEGER;
ALTER TABLE sessions ADD COLUMN aside_reason TEXT;
