-- concurrently: nobody waits while these are made, which takes seconds for each million of runs.
-- Lists of runs by any of template, state and trigger, the newest first: see runner/store/lists.py.
-- No id is NULL, but Postgres does not reckon with that. Asked for an order with NULLS LAST it has
-- these indexes only. Else it would think, whenever many runs seem to be of a kind, that it soon
-- finds enough of them among all by the primary key, and go through a million if they are old.
DROP INDEX CONCURRENTLY IF EXISTS runs_listed_of_template;
CREATE INDEX CONCURRENTLY runs_listed_of_template
    ON runs (template, state, trigger, id DESC NULLS LAST);
DROP INDEX CONCURRENTLY IF EXISTS runs_listed;
CREATE INDEX CONCURRENTLY runs_listed ON runs (state, trigger, id DESC NULLS LAST);
DROP INDEX CONCURRENTLY IF EXISTS runs_of_template;
CREATE INDEX CONCURRENTLY runs_of_template ON runs (template, id DESC NULLS LAST);
-- The last runs of a template that have ended, among however many that wait.
DROP INDEX CONCURRENTLY IF EXISTS runs_ended_of_template;
CREATE INDEX CONCURRENTLY runs_ended_of_template ON runs (template, id DESC NULLS LAST)
    WHERE state NOT IN ('queued', 'running');
-- What these found is found by those.
DROP INDEX CONCURRENTLY IF EXISTS runs_by_state;
DROP INDEX CONCURRENTLY IF EXISTS runs_by_template;
