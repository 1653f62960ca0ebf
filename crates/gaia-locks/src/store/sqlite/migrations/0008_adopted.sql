-- A file of an earlier assigner: up to which migration it was brought. Its own
-- program may set user_version for purposes of its own. 0: it is GAIA's alone.
ALTER TABLE gaia_state ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;
