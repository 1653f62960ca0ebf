-- Dashboards of others keep their users in the same file: these names are theirs.
ALTER TABLE users RENAME TO gaia_users;
ALTER TABLE api_tokens RENAME TO gaia_api_tokens;
ALTER TABLE web_sessions RENAME TO gaia_web_sessions;
ALTER TABLE audit RENAME TO gaia_audit;
