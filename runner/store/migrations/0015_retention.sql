-- What is kept of a final run beside its row. Not valid: the rows that are there have the defaults.
ALTER TABLE runs
    -- plain, compressed, or gone.
    ADD COLUMN output_kept text NOT NULL DEFAULT 'plain',
    -- Whether run_tasks, run_results and run_notes are.
    ADD COLUMN events_kept boolean NOT NULL DEFAULT true,
    ADD CONSTRAINT known_output_kept
        CHECK (output_kept IN ('plain', 'compressed', 'gone')) NOT VALID;

-- A final row is never changed again, but what is kept beside it may be compressed, and go.
CREATE OR REPLACE FUNCTION keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{late_result,secrets,reply,output_kept,events_kept}'::text[]
           IS DISTINCT FROM
       to_jsonb(OLD) - '{late_result,secrets,reply,output_kept,events_kept}'::text[]
       OR (NEW.secrets IS NULL) <> (OLD.secrets IS NULL)
       OR (NEW.reply IS NULL) <> (OLD.reply IS NULL)
       OR (OLD.late_result IS NOT NULL AND NEW.late_result IS DISTINCT FROM OLD.late_result)
       OR (OLD.output_kept = 'gone' AND NEW.output_kept <> 'gone')
       OR (NEW.events_kept AND NOT OLD.events_kept) THEN
        RAISE EXCEPTION 'run % is %: a final row is never changed', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- Parts of an output that were joined and compressed, see runner/packing.py. at is that of the last.
ALTER TABLE run_output
    ADD COLUMN packed_of integer,               -- so many bytes; NULL: as they were written
    ADD COLUMN packed_times bytea;              -- when which of them were stored, compressed too

-- What of a run is to be deleted yet, a batch at a time: of a large one that takes many. Its row, or
-- the mark on that, went first, so nobody sees half of it. The output's own key would delete all of
-- it at once; like all else that a run has, it is without one from now on.
ALTER TABLE run_output DROP CONSTRAINT run_output_run_id_fkey;
CREATE TABLE forgotten (
    run_id bigint NOT NULL,
    part text NOT NULL,
    PRIMARY KEY (part, run_id),
    CONSTRAINT known_part CHECK (part IN ('output', 'events', 'hosts'))
);

-- How large and how full the disks of a runner's directories are: {name: {total, free, used}}.
ALTER TABLE runners ADD COLUMN disks jsonb NOT NULL DEFAULT '{}';
