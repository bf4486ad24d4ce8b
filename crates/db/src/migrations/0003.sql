-- Why the newest backup of a client by a policy failed; nothing, if it ended well. Jobs are forgotten before a client that has
-- never been backed up since.
CREATE TABLE failures (
    client TEXT NOT NULL,
    policy TEXT NOT NULL,
    at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (client, policy)
);
