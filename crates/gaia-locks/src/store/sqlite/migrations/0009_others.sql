-- Other programs write prompts and sessions too: earlier assigners, scripts.

-- A task in GAIA's hands whose state another program has set.
CREATE INDEX idx_prompts_wrested ON prompts (id)
    WHERE deadline_ns IS NOT NULL AND status NOT IN ('assigned', 'in_progress');

-- What a waiting task wants was changed: it is put into the queue anew.
CREATE TRIGGER gaia_prompts_changed AFTER UPDATE OF working_dir, metadata, target_session, target_provider ON prompts
WHEN NEW.status = 'pending' AND OLD.lane IS NOT NULL AND NEW.lane IS OLD.lane AND (
    NEW.working_dir IS NOT OLD.working_dir OR NEW.metadata IS NOT OLD.metadata
    OR NEW.target_session IS NOT OLD.target_session OR NEW.target_provider IS NOT OLD.target_provider)
BEGIN
    UPDATE prompts SET lane = NULL, path = NULL, region = '' WHERE id = NEW.id;
END;

-- What the rows looked like that are in other programs' hands, and since when
-- they have not changed.
ALTER TABLE gaia_state ADD COLUMN others_mark TEXT;
ALTER TABLE gaia_state ADD COLUMN others_ns INTEGER;
