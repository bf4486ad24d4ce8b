-- How each client stands with each policy: when its newest snapshot was begun, and why the newest backup failed if none has
-- ended well since. Of all snapshots that are kept the newest are asked for most; to look for them each time takes longer the
-- more are kept. Jobs are forgotten before a client that has never been backed up since.
CREATE TABLE last_backups (
    policy TEXT NOT NULL,
    client TEXT NOT NULL,
    newest BIGINT,
    failed BIGINT,
    cause TEXT,
    PRIMARY KEY (policy, client)
);
CREATE INDEX last_backups_by_client ON last_backups (client);
INSERT INTO last_backups (policy, client, newest)
    SELECT policy, client, MAX(at) FROM snapshots WHERE policy IS NOT NULL AND client IS NOT NULL GROUP BY policy, client;
INSERT INTO last_backups (policy, client, failed, cause)
    SELECT policy, client, at, cause FROM failures WHERE 1 = 1
    ON CONFLICT (policy, client) DO UPDATE SET failed = excluded.failed, cause = excluded.cause;
DROP TABLE failures;
