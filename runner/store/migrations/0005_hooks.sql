-- Where Git hosts, chats and others call in.
CREATE TABLE hooks (
    name text PRIMARY KEY,
    sender text NOT NULL,
    -- What it runs; NULL for a chat, where people name it. One that is used cannot be deleted.
    template text REFERENCES templates ON DELETE RESTRICT,
    spec jsonb NOT NULL,                        -- all of it but the secrets
    sealed bytea,                               -- the secrets, encrypted; NULL when there are none
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);
CREATE INDEX hooks_of_template ON hooks (template) WHERE template IS NOT NULL;

-- What came in, and what was decided: the list that people look at when nothing ran, and what makes
-- a delivery that comes again the same one. No foreign key to hooks: one that is made anew under
-- its name must not run all that was ever sent to it.
CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hook text NOT NULL,
    key text NOT NULL,                          -- the sender's id for it, or a digest of its body
    ref text NOT NULL DEFAULT '',               -- one delivery may tell of several
    received_at timestamptz NOT NULL DEFAULT now(),
    times integer NOT NULL DEFAULT 1,           -- how often it came
    decision text NOT NULL,
    why text,
    event jsonb NOT NULL,
    run_id bigint,
    headers jsonb NOT NULL DEFAULT '{}',        -- those that its content needs to be understood
    content bytea,                              -- compressed; NULL when too large, or a chat's
    redelivery_of bigint,
    -- Of the body, where its sender signs that and not the number: who sends a captured one again
    -- may give it another. NULL elsewhere, and when somebody has it done again.
    digest text,

    CONSTRAINT once UNIQUE (hook, key, ref),
    CONSTRAINT known_decision CHECK (decision IN (
        'queued', 'ignored', 'refused', 'rejected', 'answered', 'denied')),
    CONSTRAINT run_iff_queued CHECK ((decision = 'queued') = (run_id IS NOT NULL))
);
CREATE INDEX deliveries_of_hook ON deliveries (hook, id);
CREATE INDEX deliveries_by_digest ON deliveries (hook, digest, ref)
    WHERE digest IS NOT NULL AND run_id IS NOT NULL;
CREATE INDEX deliveries_by_age ON deliveries (received_at);

-- What made a run, if it was a hook: {name, sender, delivery, event, ref, sha, actor, repository}.
ALTER TABLE runs ADD COLUMN hook jsonb;
-- The pushes that wait, of which only the newest runs.
CREATE INDEX runs_waiting_pushes ON runs (template, (hook ->> 'ref'))
    WHERE state = 'queued' AND hook IS NOT NULL;
