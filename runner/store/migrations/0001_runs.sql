-- Which Curtain this database belongs to: part of the mark that its processes carry, so that
-- two installations on one machine never touch each other's families.
CREATE TABLE installation (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    mark text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 8),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE templates (
    name text PRIMARY KEY,
    spec jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);

CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template text NOT NULL,
    spec jsonb NOT NULL,                        -- the template as it was when the run was triggered
    accepted jsonb NOT NULL DEFAULT '{}',       -- the caller's variables, without the secret ones
    secrets bytea,                              -- the secret ones, encrypted
    overrides jsonb NOT NULL DEFAULT '{}',
    trigger text NOT NULL,
    triggered_by text NOT NULL,
    reason text,
    idempotency_key text,
    request_digest bytea,
    queued_at timestamptz NOT NULL DEFAULT now(),
    queue_expires_at timestamptz,

    state text NOT NULL DEFAULT 'queued',
    phase text,
    message text,
    claimed_at timestamptz,
    playing_at timestamptz,
    finished_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,

    runner text,
    holder text,                                -- who has the lease: the runner, or a watchdog after it
    machine text,
    boot text,
    lease_token uuid,
    lease_expires_at timestamptz,
    heartbeat_at timestamptz,
    directory text,
    leader_pid integer,
    leader_created bigint,
    keeper_pid integer,

    stop_requested_at timestamptz,
    stop_requested_by text,
    stop_reason text,
    force_requested_at timestamptz,
    force_requested_by text,
    stop_outcome text,
    stop_seconds double precision,
    survivors jsonb NOT NULL DEFAULT '[]',
    may_continue_on jsonb NOT NULL DEFAULT '[]',

    exit_code integer,
    playbook_sha text,
    inventory_sha text,
    output_bytes bigint NOT NULL DEFAULT 0,
    output_complete boolean,
    output_truncated boolean NOT NULL DEFAULT false,
    late_result jsonb,

    CONSTRAINT known_state CHECK (state IN (
        'queued', 'running', 'succeeded', 'failed', 'stopped', 'timed_out', 'interrupted', 'lost')),
    CONSTRAINT known_phase CHECK (phase IN ('preparing', 'playing')),
    CONSTRAINT known_trigger CHECK (trigger IN ('api', 'hook', 'chat', 'schedule', 'rerun')),
    CONSTRAINT known_stop_outcome CHECK (
        stop_outcome IN ('never_started', 'terminated', 'killed', 'too_late')),
    CONSTRAINT finished_iff_final CHECK ((finished_at IS NOT NULL) = (state NOT IN ('queued', 'running'))),
    CONSTRAINT leased_iff_running CHECK (
        (state = 'running') = (lease_token IS NOT NULL AND lease_expires_at IS NOT NULL)),
    CONSTRAINT phase_iff_running CHECK ((state = 'running') = (phase IS NOT NULL)),
    CONSTRAINT stopped_was_asked CHECK (state <> 'stopped' OR stop_requested_at IS NOT NULL),
    CONSTRAINT no_survivor_of_a_stop CHECK (state <> 'stopped' OR survivors = '[]'::jsonb),
    CONSTRAINT output_judged_when_final CHECK (
        state IN ('queued', 'running') OR output_complete IS NOT NULL)
);
CREATE UNIQUE INDEX runs_idempotency ON runs (triggered_by, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_live ON runs (id) WHERE state IN ('queued', 'running');
CREATE INDEX runs_by_state ON runs (state, id);
CREATE INDEX runs_by_template ON runs (template, id);
CREATE INDEX runs_by_queued_at ON runs (queued_at, id);

-- A final row is never changed again: the moves in runner/store guard themselves with
-- "WHERE state = …"; this guards them from a move that forgets to. Only what came too late
-- may be written, once, beside it.
CREATE FUNCTION keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.late_result IS NOT NULL
       OR to_jsonb(NEW) - 'late_result' IS DISTINCT FROM to_jsonb(OLD) - 'late_result' THEN
        RAISE EXCEPTION 'run % is %: a final row is never changed', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_final BEFORE UPDATE ON runs FOR EACH ROW
    WHEN (OLD.state NOT IN ('queued', 'running')) EXECUTE FUNCTION keep_final();

-- The history of every run; written in the same statement as the move that it tells of.
CREATE TABLE run_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX run_events_of_run ON run_events (run_id, id);

CREATE TABLE run_output (
    run_id bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    start bigint NOT NULL,                      -- offset of the chunk's first byte
    bytes bytea NOT NULL CHECK (octet_length(bytes) > 0),
    PRIMARY KEY (run_id, start)
);
ALTER TABLE run_output ALTER COLUMN bytes SET STORAGE EXTERNAL;  -- no compression on the hot path

CREATE TABLE runners (
    name text PRIMARY KEY,
    machine text NOT NULL,
    boot text NOT NULL,
    slots integer NOT NULL,
    busy integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at timestamptz NOT NULL DEFAULT now()
);

-- Which watchdog looks after all machines. A lease and not an advisory lock: a watchdog that is
-- frozen keeps its connection, and with it an advisory lock, for ever.
CREATE TABLE watch (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    holder text,
    expires_at timestamptz NOT NULL DEFAULT now(),
    round_at timestamptz
);
INSERT INTO watch DEFAULT VALUES;
