-- Rows of every table as they were when there was step 0001 alone. What was written once is read for ever: never change these.

INSERT INTO objects (uid, kind, tenant, name, enabled, revision, created, modified, spec, status) VALUES
    ('01a3185c-5000-7101-8101-010101010101', 'tenant', '01a3185c-5000-7101-8101-010101010101', 'default', 1, 1, 1800000000000001, 1800000000000001, '{"name":"default","description":"","overlap":"client","repository_template":null,"enabled":true}', '{}');
INSERT INTO objects (uid, kind, tenant, name, enabled, revision, created, modified, spec, status) VALUES
    ('01a3185c-53e8-7707-8707-070707070707', 'client', '01a3185c-5000-7101-8101-010101010101', 'web1', 1, 1, 1800000001000001, 1800000001000001, '{"hostname":"web1","connection":{"address":null,"user":"backup","port":null,"identity_file":null,"jump_host":null,"sudo":true,"agent":"cached","ssh_options":{}},"description":"","tags":["production","role=web"],"enabled":true,"trust_group":null,"quota_bytes":5000000000,"bandwidth":[]}', '{"ready_since":"2027-01-15T08:00:02.000001Z","agent_version":null,"facts":null,"checklist":[],"host_keys":{"accepted":[],"offered":[]}}');
INSERT INTO objects (uid, kind, tenant, name, enabled, revision, created, modified, spec, status) VALUES
    ('01a3185c-57d0-7707-8707-070707070707', 'repository', '01a3185c-5000-7101-8101-010101010101', 'main', 1, 1, 1800000001000001, 1800000001000001, '{"name":"main","uri":"/srv/backup","credentials":{},"password":"sealed:main","description":"","compression":"auto","concurrency":4,"maintenance":{"check":"30 11 * * SAT","read_data_within_days":90,"prune":"30 11 * * SUN","time_zone":"UTC"},"enabled":true}', '{"ready_since":null,"problem":null,"id":null,"size":null,"checked":null,"pruned":null,"checks_accounted":null,"prunes_accounted":null,"part_read":0}');
INSERT INTO objects (uid, kind, tenant, name, enabled, revision, created, modified, spec, status) VALUES
    ('01a3185c-5bb8-7707-8707-070707070707', 'schedule', '01a3185c-5000-7101-8101-010101010101', 'nightly', 1, 1, 1800000001000001, 1800000001000001, '{"name":"nightly","cron":"30 2 * * *","time_zone":"Europe/Berlin","jitter_seconds":0,"enabled":true}', '{}');
INSERT INTO objects (uid, kind, tenant, name, enabled, revision, created, modified, spec, status) VALUES
    ('01a3185c-5fa0-7707-8707-070707070707', 'policy', '01a3185c-5000-7101-8101-010101010101', 'web', 1, 1, 1800000001000001, 1800000001000001, '{"name":"web","work":{"type":"folders","paths":["/srv"]},"schedule":"nightly","repository":"main","clients":["web1"],"client_tags":[],"retention":{"last":0,"hourly":0,"daily":7,"weekly":0,"monthly":0,"quarterly":0,"yearly":0,"within":"","within_hourly":"","within_daily":"","within_weekly":"","within_monthly":"","within_quarterly":"","within_yearly":"","tags":[]},"description":"","priority":0,"windows":{"start":[],"pause":[]},"retries":{"count":3,"delay_seconds":60,"longest_delay_seconds":3600},"timeouts":{"whole_seconds":null,"idle_seconds":7200},"hooks":{"client":{"before":[],"after_success":[],"after_failure":[],"after":[]},"server":{"before":[],"after_success":[],"after_failure":[],"after":[]}},"excludes":{"patterns":[],"patterns_any_case":[],"if_present":[],"caches":false,"larger_than_bytes":null,"one_file_system":false},"on_missed":"catch-up","enabled":true}', '{"accounted":null}');
INSERT INTO object_tags (object, tag) VALUES
    ('01a3185c-53e8-7707-8707-070707070707', 'production');
INSERT INTO object_tags (object, tag) VALUES
    ('01a3185c-53e8-7707-8707-070707070707', 'role=web');
INSERT INTO object_links (source, target) VALUES
    ('01a3185c-5fa0-7707-8707-070707070707', '01a3185c-5bb8-7707-8707-070707070707');
INSERT INTO object_links (source, target) VALUES
    ('01a3185c-5fa0-7707-8707-070707070707', '01a3185c-57d0-7707-8707-070707070707');
INSERT INTO object_links (source, target) VALUES
    ('01a3185c-5fa0-7707-8707-070707070707', '01a3185c-53e8-7707-8707-070707070707');
INSERT INTO jobs (uid, tenant, kind, run, policy, client, repository, launch, launched_by, priority, due, created, not_before, after, retry_of, retries, parameters, status, waiting, worker, lease_until, cancel_requested, started, finished, outcome) VALUES
    ('01a3185c-6388-7707-8707-070707070707', '01a3185c-5000-7101-8101-010101010101', 'backup', '01a3185c-6770-7707-8707-070707070707', '01a3185c-5fa0-7707-8707-070707070707', '01a3185c-53e8-7707-8707-070707070707', '01a3185c-57d0-7707-8707-070707070707', 'scheduled', 'scheduler', 0, NULL, 1800000005000001, 1800000005000001, NULL, NULL, 0, 'null', 'failed', NULL, 'worker one', NULL, 0, 1800000006000001, 1800000008000001, '{"snapshot":null,"files":5,"files_new":0,"files_changed":0,"bytes":0,"bytes_added":0,"bytes_received":0,"snapshots_removed":0,"bytes_freed":0,"warnings":0,"error":{"cause":"full","message":"no room"}}');
INSERT INTO jobs (uid, tenant, kind, run, policy, client, repository, launch, launched_by, priority, due, created, not_before, after, retry_of, retries, parameters, status, waiting, worker, lease_until, cancel_requested, started, finished, outcome) VALUES
    ('01a3185c-6b58-7707-8707-070707070707', '01a3185c-5000-7101-8101-010101010101', 'forget', '01a3185c-6f40-7707-8707-070707070707', '01a3185c-5fa0-7707-8707-070707070707', '01a3185c-53e8-7707-8707-070707070707', '01a3185c-57d0-7707-8707-070707070707', 'scheduled', 'scheduler', 0, NULL, 1800000005000001, 1800000005000001, '01a3185c-6388-7707-8707-070707070707', NULL, 0, 'null', 'blocked', '{"for":"job","job":"01a3185c-6388-7707-8707-070707070707"}', NULL, NULL, 0, NULL, NULL, '{"snapshot":null,"files":0,"files_new":0,"files_changed":0,"bytes":0,"bytes_added":0,"bytes_received":0,"snapshots_removed":0,"bytes_freed":0,"warnings":0,"error":null}');
INSERT INTO job_log (job, line, at, level, text) VALUES
    ('01a3185c-6388-7707-8707-070707070707', 1, 1800000007000001, 'error', 'no room');
INSERT INTO snapshots (repository, id, tenant, client, policy, job, at, complete, hostname, document) VALUES
    ('01a3185c-57d0-7707-8707-070707070707', '0909090909090909090909090909090909090909090909090909090909090909', '01a3185c-5000-7101-8101-010101010101', '01a3185c-53e8-7707-8707-070707070707', '01a3185c-5fa0-7707-8707-070707070707', '01a3185c-6388-7707-8707-070707070707', 1800000007000001, 1, 'web1', '{"paths":["/srv"],"tags":["a"],"files":7,"bytes":700}');
INSERT INTO events (number, at, topic, tenant, subject, body) VALUES
    (1, 1800000008000001, 'job', '01a3185c-5000-7101-8101-010101010101', '01a3185c-6388-7707-8707-070707070707', '{"status":"failed"}');
INSERT INTO counters (name, value) VALUES
    ('changes of tenant', 1);
INSERT INTO counters (name, value) VALUES
    ('changes of client', 2);
INSERT INTO counters (name, value) VALUES
    ('changes of repository', 1);
INSERT INTO counters (name, value) VALUES
    ('changes of schedule', 1);
INSERT INTO counters (name, value) VALUES
    ('changes of policy', 1);
INSERT INTO counters (name, value) VALUES
    ('events', 1);
INSERT INTO leases (name, holder, until) VALUES
    ('scheduler', 'one', 1800000030000001);
INSERT INTO secrets (name, sealed) VALUES
    ('main', 'sealed text');
INSERT INTO settings (name, value) VALUES
    ('jobs_at_once', '3');
