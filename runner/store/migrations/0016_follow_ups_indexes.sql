-- concurrently: nobody waits while these are made, which takes seconds for each million of runs.
-- How many runs a chain has.
DROP INDEX CONCURRENTLY IF EXISTS runs_of_chain;
CREATE INDEX CONCURRENTLY runs_of_chain ON runs (chain_root) WHERE chain_root IS NOT NULL;
-- Who has waited too long, among however many wait: looked for in each round of the watchdog.
DROP INDEX CONCURRENTLY IF EXISTS runs_expiring;
CREATE INDEX CONCURRENTLY runs_expiring ON runs (queue_expires_at)
    WHERE state = 'queued' AND queue_expires_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS runs_unapproved;
CREATE INDEX CONCURRENTLY runs_unapproved ON runs (approval_expires_at)
    WHERE state = 'queued' AND approval = 'wanted';
