-- What comes after a run, and what must come before it: retries, chains, approval.
ALTER TABLE runs
    ADD COLUMN retry_of bigint,                         -- the first of the runs that it retries
    ADD COLUMN retry_number smallint,                   -- which retry of that it is, from 1
    ADD COLUMN chained_from bigint,                     -- the run whose template's `then` it is of
    ADD COLUMN chain_depth smallint NOT NULL DEFAULT 0, -- how many runs are before it in its chain
    ADD COLUMN chain_root bigint,                       -- the first of them; NULL if it is none's
    ADD COLUMN approval text,                           -- wanted, given; NULL where none is needed
    ADD COLUMN approval_expires_at timestamptz,
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN approved_by text,
    ADD COLUMN ends_soon_at timestamptz,                -- when it was noted that its time is nearly up
    ADD COLUMN slow_at timestamptz;                     -- when it was noted that it takes long

-- Not valid: what was there before is of the old ones.
ALTER TABLE runs
    DROP CONSTRAINT known_trigger,
    ADD CONSTRAINT known_trigger CHECK (trigger IN (
        'api', 'hook', 'chat', 'schedule', 'rerun', 'retry', 'chain')) NOT VALID,
    DROP CONSTRAINT rerun_of_an_older_run,
    ADD CONSTRAINT rerun_of_an_older_run CHECK (
        rerun_of IS NULL OR (rerun_of < id AND trigger IN ('rerun', 'retry'))) NOT VALID,
    ADD CONSTRAINT known_approval CHECK (approval IN ('wanted', 'given')) NOT VALID,
    ADD CONSTRAINT nothing_runs_unapproved CHECK (
        approval IS DISTINCT FROM 'wanted' OR state <> 'running') NOT VALID;

-- Final runs after which something may have to be done. Whoever ends a run writes it, or the end is
-- not written; whoever takes it out does, in the same transaction, what is to be done.
CREATE TABLE follow_ups (
    run_id bigint PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION follow_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO follow_ups (run_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_up AFTER UPDATE ON runs FOR EACH ROW
    WHEN (OLD.state IN ('queued', 'running') AND NEW.state NOT IN ('queued', 'running', 'stopped')
          AND (NEW.spec ? 'retry' OR NEW.spec -> 'then' <> '[]'))
    EXECUTE FUNCTION follow_up();

DROP TRIGGER tell_of_event ON run_events;
CREATE TRIGGER tell_of_event AFTER INSERT ON run_events FOR EACH ROW
    WHEN (NEW.kind IN ('started', 'succeeded', 'failed', 'stopped', 'timed_out', 'interrupted',
                       'lost', 'stuck', 'approval', 'ends_soon', 'slow'))
    EXECUTE FUNCTION tell_of_event();

ALTER TABLE tokens
    DROP CONSTRAINT known_rights,
    ADD CONSTRAINT known_rights CHECK (
        rights <@ ARRAY['read', 'run', 'stop', 'kill', 'approve', 'admin'] AND rights <> '{}');
