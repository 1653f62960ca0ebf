-- The server's tables: accounts, tokens, signed-in browsers, what admins did.
-- Secrets are only kept as hashes.

CREATE TABLE users (
    name       TEXT PRIMARY KEY,
    -- viewer, agent, admin
    role       TEXT NOT NULL,
    -- argon2id; NULL: nobody can sign in with a password
    password   TEXT,
    created_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Who bears it: an agent's token NAME acts for the sessions NAME and NAME/…
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    -- SHA-256 of the token
    hash         BLOB NOT NULL UNIQUE,
    created_at   TEXT NOT NULL,
    -- NULL: never
    expires_at   TEXT,
    -- To the minute
    last_used_at TEXT
);

CREATE INDEX idx_api_tokens_name ON api_tokens (name);

CREATE TABLE web_sessions (
    -- SHA-256 of the cookie
    hash         BLOB PRIMARY KEY,
    user_name    TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    -- To the minute
    last_seen_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX idx_web_sessions_user ON web_sessions (user_name);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    -- An account, a token, or a system user
    who     TEXT NOT NULL,
    -- One word: sign_in, force_release …
    act     TEXT NOT NULL,
    -- What it was done to, and how it went
    details TEXT NOT NULL
);
