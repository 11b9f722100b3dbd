-- concurrently: nobody waits while these are made.
-- A template's runs by their ends, and those of which something else is kept.
DROP INDEX CONCURRENTLY IF EXISTS runs_by_end;
CREATE INDEX CONCURRENTLY runs_by_end ON runs (template, finished_at)
    WHERE state NOT IN ('queued', 'running');
DROP INDEX CONCURRENTLY IF EXISTS runs_by_output_kept;
CREATE INDEX CONCURRENTLY runs_by_output_kept ON runs (output_kept, finished_at)
    WHERE state NOT IN ('queued', 'running');
DROP INDEX CONCURRENTLY IF EXISTS runs_with_events;
CREATE INDEX CONCURRENTLY runs_with_events ON runs (finished_at)
    WHERE state NOT IN ('queued', 'running') AND events_kept;
