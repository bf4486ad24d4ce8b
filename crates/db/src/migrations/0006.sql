-- The newest snapshots of all: without it they are put in order anew for each page.
CREATE INDEX snapshots_by_time ON snapshots (at, id);
