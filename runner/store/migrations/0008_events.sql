-- What a run's playbook does, as our callback plugin tells it while it plays. No foreign keys: to
-- ask for the run once for each result would take longer than all the rest, and no run is deleted.

-- How far the file of a run's events has been read. It moves on in the transaction that stores what
-- was read, so an answer that was lost is asked for again, and nothing is stored or counted twice.
CREATE TABLE run_reading (
    run_id bigint PRIMARY KEY,
    attempt integer NOT NULL,
    reader uuid NOT NULL,                       -- the lease of who reads now; no other stores
    position bigint NOT NULL DEFAULT 0,         -- bytes of the file of this attempt
    tasks_before integer NOT NULL DEFAULT 0,    -- the last number that earlier attempts have used
    stored bigint NOT NULL DEFAULT 0,           -- events of all attempts
    dropped bigint NOT NULL DEFAULT 0,          -- those beyond the limit, which are only counted
    has_begun boolean NOT NULL DEFAULT false,   -- the plugin has told that it is there
    has_ended boolean NOT NULL DEFAULT false,   -- and that the playbook has ended by itself
    is_torn boolean NOT NULL DEFAULT false      -- something of this or an earlier attempt is missing
) WITH (fillfactor = 50);

-- Tasks in their order, with what came of them. Those of a later attempt go on counting.
CREATE TABLE run_tasks (
    run_id bigint NOT NULL,
    number integer NOT NULL,
    attempt integer NOT NULL,
    play text NOT NULL,
    name text NOT NULL,
    action text NOT NULL,
    path text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,                       -- when its last result came so far
    ok integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    unreachable integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    rescued integer NOT NULL DEFAULT 0,
    ignored integer NOT NULL DEFAULT 0,
    hosts integer NOT NULL DEFAULT 0,           -- results
    PRIMARY KEY (run_id, number)
) WITH (fillfactor = 70);

-- What is known of each host while it plays. What Ansible itself counts at the end is in run_hosts.
CREATE TABLE run_host_progress (
    run_id bigint NOT NULL,
    host text COLLATE "C" NOT NULL,
    number integer NOT NULL,                    -- by which results name it
    ok integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    unreachable integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    rescued integer NOT NULL DEFAULT 0,
    ignored integer NOT NULL DEFAULT 0,
    at_work boolean NOT NULL DEFAULT false,
    task integer,                               -- its last one
    seconds double precision NOT NULL DEFAULT 0,
    at timestamptz,
    PRIMARY KEY (run_id, host)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX run_host_progress_by_number ON run_host_progress (run_id, number);

-- Everything but results: plays, tasks, warnings, deprecations, stats, what was dropped. Ids are of
-- run_events' sequence: one order for all that happens to a run.
CREATE TABLE run_notes (
    run_id bigint NOT NULL,
    id bigint NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (run_id, id)
);

-- One for each task and host: eight columns and no more, so that none of them costs another header.
CREATE TABLE run_results (
    run_id bigint NOT NULL,
    id bigint NOT NULL,
    at timestamptz NOT NULL,
    task integer NOT NULL,
    host integer NOT NULL,                      -- its number in run_host_progress
    seconds real,
    status smallint NOT NULL,                   -- see runner/store/results.py
    detail jsonb,                               -- items, attempts, message, diff; NULL without any
    PRIMARY KEY (run_id, id)
);
CREATE INDEX run_results_of_task ON run_results (run_id, task);
CREATE INDEX run_results_of_host ON run_results (run_id, host);
CREATE INDEX run_results_that_failed ON run_results (run_id, id) WHERE status & 7 >= 3;

-- Whether all that the plugin told is stored; NULL until final, where nothing was played, and for
-- the runs of before.
ALTER TABLE runs ADD COLUMN events_complete boolean;
