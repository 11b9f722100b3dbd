-- concurrently: nobody waits while these are made, which takes seconds for each million of runs.
-- That a group has no more runs than its limit is what this index keeps, whatever happens at once.
DROP INDEX CONCURRENTLY IF EXISTS runs_in_group;
CREATE UNIQUE INDEX CONCURRENTLY runs_in_group ON runs (concurrency_group, group_slot)
    WHERE state = 'running' AND concurrency_group IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS runs_waiting_in_group;
CREATE INDEX CONCURRENTLY runs_waiting_in_group ON runs (concurrency_group, priority DESC, id)
    WHERE state = 'queued' AND concurrency_group IS NOT NULL;
-- Those of no group, in the order in which they have come.
DROP INDEX CONCURRENTLY IF EXISTS runs_waiting_alone;
CREATE INDEX CONCURRENTLY runs_waiting_alone ON runs (queue, priority DESC, id)
    WHERE state = 'queued' AND concurrency_group IS NULL;
