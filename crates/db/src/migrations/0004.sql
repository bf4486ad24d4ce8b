-- What requests were answered that may be sent again, by who asked and the key that they gave. Without a status, the request is
-- being carried out.
CREATE TABLE answers (
    actor TEXT NOT NULL,
    given TEXT NOT NULL,
    digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    status BIGINT,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (actor, given)
);
CREATE INDEX answers_by_time ON answers (at);
