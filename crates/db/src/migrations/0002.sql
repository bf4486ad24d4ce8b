-- The catalog: which names were in which snapshots (docs/adr/0014). Numbers instead of ids, for there are millions of rows.

-- Snapshots that follow one another: of one client by one policy, in one repository.
CREATE TABLE catalog_chains (
    id BIGINT NOT NULL PRIMARY KEY,
    repository TEXT NOT NULL,
    tenant TEXT NOT NULL,
    client TEXT NOT NULL,
    policy TEXT NOT NULL,
    -- What tells apart those that no policy has made; empty for all others.
    line TEXT NOT NULL,
    -- The number of the snapshot that was cataloged last, and the next one.
    tip BIGINT NOT NULL,
    next BIGINT NOT NULL,
    UNIQUE (repository, tenant, client, policy, line)
);
CREATE INDEX catalog_chains_by_client ON catalog_chains (client);

-- The numbers that count: those of snapshots that were cataloged wholly.
CREATE TABLE catalog_snapshots (
    chain BIGINT NOT NULL,
    number BIGINT NOT NULL,
    snapshot TEXT NOT NULL,
    PRIMARY KEY (chain, number)
);
CREATE INDEX catalog_snapshots_by_snapshot ON catalog_snapshots (snapshot);

CREATE TABLE catalog_names (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- Directories. The root of a chain is in none, and has no name.
CREATE TABLE catalog_directories (
    id BIGINT NOT NULL PRIMARY KEY,
    chain BIGINT NOT NULL,
    parent BIGINT NOT NULL,
    name BIGINT NOT NULL,
    -- What it was when it was compared last: one that is still the same need not be looked at. Empty if that is not known.
    tree TEXT NOT NULL,
    -- The number of the snapshot for which that was.
    number BIGINT NOT NULL,
    UNIQUE (chain, parent, name)
);

-- What was in a directory, from one snapshot to another, both included. Whoever is still there has 0 for the last one.
CREATE TABLE catalog_entries (
    directory BIGINT NOT NULL,
    name BIGINT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    chain BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    size BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    content BIGINT NOT NULL,
    PRIMARY KEY (directory, name, first)
);
CREATE INDEX catalog_entries_by_name ON catalog_entries (name, chain, directory);
CREATE INDEX catalog_entries_by_first ON catalog_entries (chain, first);
