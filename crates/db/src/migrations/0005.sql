-- What is not finished, of one tenant or one of its policies: without it all that ever was is looked through.
CREATE INDEX jobs_unfinished_by_policy ON jobs (tenant, policy) WHERE finished IS NULL;
