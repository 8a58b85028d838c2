"""The database: tables, indices, and the version of their format."""

from __future__ import annotations

APPLICATION_ID = 0x4C494352
"""`LICR`; tells a licensing database from any other SQLite file."""

FORMAT = 1
"""The version of the tables; a file of another version is refused."""

# The text of a member's email is the member list's; `email_key` is what is compared.
DDL = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE organizations (
    id INTEGER PRIMARY KEY,
    name TEXT
);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE
);

CREATE TABLE members (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'USER', 'BILLING_MANAGER')),
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'PENDING')),
    UNIQUE (organization_id, email_key)
);
CREATE INDEX members_by_organization ON members (organization_id, status);
CREATE INDEX members_by_email ON members (email_key);

CREATE TABLE subscriptions (
    organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
    feature TEXT NOT NULL,
    quota INTEGER CHECK (quota >= 0),
    machine_quota INTEGER CHECK (machine_quota >= 0),
    expires TEXT,
    offline_allowed INTEGER CHECK (offline_allowed IN (0, 1)),
    used_surplus INTEGER NOT NULL DEFAULT 0 CHECK (used_surplus >= 0),
    PRIMARY KEY (organization_id, feature)
) WITHOUT ROWID;

CREATE TABLE licensed_users (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
    feature TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    UNIQUE (organization_id, feature, email_key)
);
CREATE INDEX licensed_users_by_organization ON licensed_users (organization_id);
CREATE INDEX licensed_users_by_email ON licensed_users (email_key);

CREATE TABLE machines (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
    feature TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    name TEXT,
    email TEXT,
    last_seen TEXT,
    UNIQUE (organization_id, feature, machine_id)
);
CREATE INDEX machines_by_organization ON machines (organization_id);

CREATE TABLE offline_licenses (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
    feature TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    email TEXT,
    value TEXT NOT NULL,
    created_at TEXT,
    expires TEXT,
    UNIQUE (organization_id, feature, machine_id)
);
CREATE INDEX offline_licenses_by_organization ON offline_licenses (organization_id);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organizations ON DELETE CASCADE,
    feature TEXT NOT NULL,
    session_id TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    started_at TEXT,
    active_at TEXT,
    UNIQUE (organization_id, feature, machine_id, session_id)
);
CREATE INDEX sessions_by_organization ON sessions (organization_id);
CREATE INDEX sessions_by_activity ON sessions (feature, active_at);

CREATE TABLE keys (
    hash TEXT PRIMARY KEY,
    email TEXT,
    email_key TEXT
) WITHOUT ROWID;

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    principal TEXT NOT NULL,
    organization_id INTEGER NOT NULL,
    feature TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT,
    used_after INTEGER,
    quota INTEGER,
    idempotency_key TEXT
);

CREATE TABLE replays (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (principal, key)
) WITHOUT ROWID;
CREATE INDEX replays_by_age ON replays (at);
"""

DATA = (
    "replays",
    "history",
    "sessions",
    "offline_licenses",
    "machines",
    "licensed_users",
    "subscriptions",
    "members",
    "accounts",
    "organizations",
)
"""The tables that `load` fills or clears, children first; keys are kept."""
