-- Templates that are run by themselves.
CREATE TABLE schedules (
    name text PRIMARY KEY,
    template text NOT NULL REFERENCES templates ON DELETE RESTRICT,
    spec jsonb NOT NULL,                        -- all of it but the secret variables
    secret_vars text[] NOT NULL,                -- what those are called
    sealed bytea,                               -- they themselves, encrypted; NULL without any
    -- The next due time: whoever moves it on makes the run, in one transaction. NULL while it is
    -- paused, and when there is none.
    next_at timestamptz,
    fire_at timestamptz,                        -- the same with its jitter
    -- What became of the last due time.
    last_at timestamptz,                        -- that due time
    last_seen_at timestamptz,                   -- when it was run, or found not to be
    last_outcome text,
    last_why text,
    last_run bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,

    CONSTRAINT sealed_iff_secret CHECK ((sealed IS NULL) = (secret_vars = '{}')),
    CONSTRAINT fired_iff_due CHECK ((next_at IS NULL) = (fire_at IS NULL)),
    CONSTRAINT fired_when_due CHECK (fire_at >= next_at),
    CONSTRAINT known_outcome CHECK (last_outcome IN ('fired', 'skipped', 'failed')),
    CONSTRAINT outcome_iff_seen CHECK (
        (last_at IS NULL) = (last_outcome IS NULL) AND (last_at IS NULL) = (last_seen_at IS NULL)),
    CONSTRAINT run_iff_fired CHECK (
        coalesce(last_outcome = 'fired', false) = (last_run IS NOT NULL))
);
CREATE INDEX schedules_of_template ON schedules (template);
CREATE INDEX schedules_by_fire_at ON schedules (fire_at) WHERE fire_at IS NOT NULL;

-- What made a run, if it was a schedule: {name, due}.
ALTER TABLE runs ADD COLUMN schedule jsonb;
