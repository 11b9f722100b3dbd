-- The run that this one repeats, and the only hosts that it shall play on: [name].
-- No foreign key: it would look through the whole table under its lock, and no run is ever deleted.
ALTER TABLE runs
    ADD COLUMN rerun_of bigint,
    ADD COLUMN only_hosts jsonb,
    -- Of how many hosts the results are in run_hosts; NULL when they are not known.
    ADD COLUMN host_count integer,
    ADD CONSTRAINT rerun_of_an_older_run CHECK (
        rerun_of IS NULL OR (rerun_of < id AND trigger = 'rerun')) NOT VALID,
    ADD CONSTRAINT only_some_hosts CHECK (only_hosts <> '[]'::jsonb) NOT VALID;

CREATE INDEX runs_by_rerun_of ON runs (rerun_of, id) WHERE rerun_of IS NOT NULL;

-- What came of each host of a run, as Ansible's own recap counts it; written with the final row.
-- No foreign key: to ask for the run once for each host would take longer than all the rest.
CREATE TABLE run_hosts (
    run_id bigint NOT NULL,
    host text COLLATE "C" NOT NULL,
    ok integer NOT NULL,
    changed integer NOT NULL,
    unreachable integer NOT NULL,
    failed integer NOT NULL,
    skipped integer NOT NULL,
    rescued integer NOT NULL,
    ignored integer NOT NULL,
    PRIMARY KEY (run_id, host)
);
