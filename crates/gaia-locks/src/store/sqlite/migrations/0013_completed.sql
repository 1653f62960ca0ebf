-- What other programs do to the states of tasks.

-- A task that they complete lets go who waits for it, as one that GAIA ends.
CREATE TRIGGER gaia_prompts_completed AFTER UPDATE OF status ON prompts
WHEN NEW.status = 'completed' AND OLD.status IS NOT 'completed'
    AND EXISTS (SELECT 1 FROM task_needs WHERE needs_id = NEW.id)
BEGIN
    INSERT OR IGNORE INTO task_releases (needs_id, upto) VALUES (NEW.id, 0);
END;

CREATE TRIGGER gaia_prompts_completed_anew AFTER INSERT ON prompts
WHEN NEW.status = 'completed' AND EXISTS (SELECT 1 FROM task_needs WHERE needs_id = NEW.id)
BEGIN
    INSERT OR IGNORE INTO task_releases (needs_id, upto) VALUES (NEW.id, 0);
END;

INSERT OR IGNORE INTO task_releases (needs_id, upto)
    SELECT n.needs_id, 0 FROM prompts w JOIN task_needs n ON n.task_id = w.id JOIN prompts p ON p.id = n.needs_id
    WHERE w.status = 'pending' AND w.held = 'after' AND p.status = 'completed';

-- A task in GAIA's hands whose state another program has taken away.
CREATE INDEX idx_prompts_stateless ON prompts (id) WHERE deadline_ns IS NOT NULL AND status IS NULL;
