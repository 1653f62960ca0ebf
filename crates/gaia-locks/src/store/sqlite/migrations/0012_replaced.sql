-- Other programs write whole rows with INSERT OR REPLACE: to SQLite that is a
-- new row, in which what they do not know of is empty. So what GAIA knows of a
-- task in its hands is put aside before, and put back after. Then it is seen as
-- if they had set the rest with an UPDATE.
CREATE TABLE replaced_prompts (
    id             INTEGER PRIMARY KEY,
    read_only      INTEGER,
    retry          INTEGER,
    preferred      TEXT,
    fallbacks      TEXT,
    lock_status    TEXT,
    lock_acquired_at TIMESTAMP,
    lock_token     INTEGER,
    assigner       TEXT,
    keeper         TEXT,
    pane           TEXT,
    agent_pid      INTEGER,
    started_at     TIMESTAMP,
    deadline_ns    INTEGER,
    stop           TEXT,
    stop_by        TEXT,
    stop_note      TEXT,
    stop_ns        INTEGER,
    told           TEXT,
    lapse_told     INTEGER,
    log_file       TEXT,
    log_from       INTEGER
);

CREATE TRIGGER gaia_prompts_replaced BEFORE INSERT ON prompts
WHEN EXISTS (SELECT 1 FROM prompts WHERE id = NEW.id AND deadline_ns IS NOT NULL)
BEGIN
    DELETE FROM replaced_prompts WHERE id = NEW.id;
    INSERT INTO replaced_prompts
        SELECT id, read_only, retry, preferred, fallbacks, lock_status, lock_acquired_at, lock_token, assigner, keeper,
            pane, agent_pid, started_at, deadline_ns, stop, stop_by, stop_note, stop_ns, told, lapse_told, log_file,
            log_from FROM prompts WHERE id = NEW.id;
END;

CREATE TRIGGER gaia_prompts_put_back AFTER INSERT ON prompts
WHEN NEW.deadline_ns IS NULL AND EXISTS (SELECT 1 FROM replaced_prompts WHERE id = NEW.id)
BEGIN
    UPDATE prompts SET (read_only, retry, preferred, fallbacks, lock_status, lock_acquired_at, lock_token, assigner,
            keeper, pane, agent_pid, started_at, deadline_ns, stop, stop_by, stop_note, stop_ns, told, lapse_told,
            log_file, log_from) =
        (SELECT read_only, retry, preferred, fallbacks, lock_status, lock_acquired_at, lock_token, assigner, keeper,
            pane, agent_pid, started_at, deadline_ns, stop, stop_by, stop_note, stop_ns, told, lapse_told, log_file,
            log_from FROM replaced_prompts WHERE id = NEW.id)
        WHERE id = NEW.id;
    DELETE FROM replaced_prompts WHERE id = NEW.id;
END;
