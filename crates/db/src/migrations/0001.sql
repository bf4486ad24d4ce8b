-- What people configure. A document each, beside what is searched, sorted or held together by.
CREATE TABLE objects (
    uid TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    spec TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (kind, tenant, name)
);
CREATE INDEX objects_by_name ON objects (kind, name, uid);
-- Each tenant is its own: among all of them a name is given once.
CREATE UNIQUE INDEX tenants_by_name ON objects (name) WHERE kind = 'tenant';

CREATE TABLE object_tags (
    object TEXT NOT NULL REFERENCES objects (uid) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (object, tag)
);
CREATE INDEX object_tags_by_tag ON object_tags (tag, object);

-- That one object names another: as long as it does, the other stays.
CREATE TABLE object_links (
    source TEXT NOT NULL REFERENCES objects (uid) ON DELETE CASCADE,
    target TEXT NOT NULL REFERENCES objects (uid),
    PRIMARY KEY (source, target)
);
CREATE INDEX object_links_by_target ON object_links (target, source);

-- Jobs. Those that are not finished are the queue. Objects that are gone leave their jobs behind.
CREATE TABLE jobs (
    uid TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    run TEXT NOT NULL,
    policy TEXT,
    client TEXT,
    repository TEXT,
    launch TEXT NOT NULL,
    launched_by TEXT NOT NULL,
    priority BIGINT NOT NULL,
    due BIGINT,
    created BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    after TEXT,
    retry_of TEXT,
    retries BIGINT NOT NULL,
    parameters TEXT NOT NULL,
    status TEXT NOT NULL,
    waiting TEXT,
    worker TEXT,
    lease_until BIGINT,
    cancel_requested BIGINT NOT NULL,
    started BIGINT,
    finished BIGINT,
    outcome TEXT NOT NULL
);
CREATE INDEX jobs_unfinished ON jobs (status, tenant, priority, uid) WHERE finished IS NULL;
CREATE INDEX jobs_by_status ON jobs (status, uid);
CREATE INDEX jobs_by_tenant ON jobs (tenant, uid);
CREATE INDEX jobs_by_client ON jobs (client, kind, uid);
CREATE INDEX jobs_by_policy ON jobs (policy, client, kind, uid);
CREATE INDEX jobs_by_repository ON jobs (repository, kind, uid);
CREATE INDEX jobs_by_run ON jobs (run);
CREATE INDEX jobs_by_after ON jobs (after) WHERE after IS NOT NULL;
CREATE INDEX jobs_by_finished ON jobs (finished) WHERE finished IS NOT NULL;

CREATE TABLE job_log (
    job TEXT NOT NULL REFERENCES jobs (uid) ON DELETE CASCADE,
    line BIGINT NOT NULL,
    at BIGINT NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job, line)
);

-- What was seen in repositories: from this, never from jobs, follows whether a client is protected.
CREATE TABLE snapshots (
    repository TEXT NOT NULL REFERENCES objects (uid) ON DELETE CASCADE,
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    client TEXT,
    policy TEXT,
    job TEXT,
    at BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    hostname TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (repository, id)
);
CREATE INDEX snapshots_by_client ON snapshots (client, policy, at);
CREATE INDEX snapshots_by_job ON snapshots (job) WHERE job IS NOT NULL;
CREATE INDEX snapshots_by_tenant ON snapshots (tenant, at);

-- What happened, in an order without gaps: whoever has seen a number has seen all before it.
CREATE TABLE events (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    topic TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (at);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Who does what only one may do.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);

-- Sealed under a key that is not here.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
