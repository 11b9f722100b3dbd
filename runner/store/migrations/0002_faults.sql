-- What an async job that may outlive its run is: [{pid, created, sid, command}], listed when the
-- run ended by itself and its template says leave_async. Not valid: every row that is there has the
-- default, and looking through them all would lock the table for as long as that takes.
ALTER TABLE runs
    ADD COLUMN left_running jsonb NOT NULL DEFAULT '[]',
    ADD CONSTRAINT left_by_an_end_of_its_own CHECK (
        left_running = '[]'::jsonb OR state IN ('succeeded', 'failed')) NOT VALID;

-- What a runner makes its sweeps certain with: 'cgroup v2', 'cgroup v1' or 'subreaper'.
ALTER TABLE runners ADD COLUMN containment text NOT NULL DEFAULT 'subreaper';

-- How the watch goes: its rounds, how long the last one took, and what they decided, by kind.
ALTER TABLE watch
    ADD COLUMN rounds bigint NOT NULL DEFAULT 0,
    ADD COLUMN round_seconds double precision,
    ADD COLUMN verdicts jsonb NOT NULL DEFAULT '{}';

-- Hosts on which it may go on; NULL from when it plays until it ends, and when that is not known.
ALTER TABLE runs ALTER COLUMN may_continue_on DROP NOT NULL;

-- A round of the watchdog, a beat and a scrape look at the running and at the queued runs, and
-- neither shall look at the others: with 20,000 queued ones each query of a round took 70-190 ms.
-- What beats and output change is in none of them, so that those updates stay HOT.
CREATE INDEX runs_running ON runs (id) WHERE state = 'running';
CREATE INDEX runs_queued ON runs (queued_at) WHERE state = 'queued';
CREATE INDEX runs_expiring ON runs (queue_expires_at)
    WHERE state = 'queued' AND queue_expires_at IS NOT NULL;
