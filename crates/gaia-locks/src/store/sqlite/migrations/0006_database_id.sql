-- By its id a database is known again: one that stands at the same path may be
-- another, made after somebody deleted the first.
ALTER TABLE gaia_state ADD COLUMN database_id TEXT;
UPDATE gaia_state SET database_id = lower(hex(randomblob(16)));
