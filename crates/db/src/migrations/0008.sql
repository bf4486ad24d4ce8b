-- How large each repository was: the last that was measured of each day, counted in UTC from 1970.
CREATE TABLE repository_sizes (
    repository TEXT NOT NULL,
    day BIGINT NOT NULL,
    measured BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL,
    snapshots BIGINT NOT NULL,
    PRIMARY KEY (repository, day)
);
