-- What is to be told to whom: a row for each event and target, written with the event itself.
CREATE TABLE notifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id bigint NOT NULL REFERENCES run_events ON DELETE CASCADE,
    run_id bigint NOT NULL,
    occasion text NOT NULL,
    target integer NOT NULL,                    -- its place in the spec's list; -1: the run's reply
    state text NOT NULL DEFAULT 'pending',
    reason text,                                -- why it was skipped, or given up
    attempts integer NOT NULL DEFAULT 0,        -- since it was last made pending
    due_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz,                       -- an attempt is under way since then
    sent_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT once_for_each_target UNIQUE (event_id, target),
    CONSTRAINT known_state CHECK (state IN ('pending', 'sent', 'skipped', 'dead')),
    CONSTRAINT sent_at_iff_sent CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT reason_iff_not_sent CHECK ((state IN ('skipped', 'dead')) = (reason IS NOT NULL)),
    CONSTRAINT begun_only_while_pending CHECK (begun_at IS NULL OR state = 'pending')
);
-- What was never tried comes before what has failed: a target that hangs keeps nobody waiting.
CREATE INDEX notifications_due ON notifications ((attempts > 0), due_at) WHERE state = 'pending';
CREATE INDEX notifications_of_run ON notifications (run_id, id);
CREATE INDEX notifications_by_state ON notifications (state, id);

CREATE TABLE notification_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id bigint NOT NULL REFERENCES notifications ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    status integer,                             -- what the target answered, if it did
    error text,
    seconds double precision                    -- NULL: under way, or its sender was killed
);
CREATE INDEX notification_attempts_of ON notification_attempts (notification_id, id);

ALTER TABLE runs
    -- Where the chat command that triggered it is answered, encrypted.
    ADD COLUMN reply bytea,
    -- When a watchdog first found its stop to take longer than a stop can take.
    ADD COLUMN stuck_at timestamptz;

-- Whatever writes an event writes what is to be told of it, or neither is written. No shape of a
-- spec makes it fail: what is no list has no elements, and what is no object has no "on".
CREATE FUNCTION tell_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted jsonb;
    is_answered boolean;
BEGIN
    SELECT spec -> 'notifications', reply IS NOT NULL AND NEW.kind <> 'stuck'
      INTO wanted, is_answered
      FROM runs WHERE id = NEW.run_id;
    IF jsonb_typeof(wanted) = 'array' AND wanted <> '[]' THEN
        INSERT INTO notifications (event_id, run_id, occasion, target)
        SELECT NEW.id, NEW.run_id, NEW.kind, each.place - 1
          FROM jsonb_array_elements(wanted) WITH ORDINALITY AS each (entry, place)
         WHERE each.entry -> 'on' ?| ARRAY[NEW.kind, 'always']
         ORDER BY each.place
        ON CONFLICT DO NOTHING;
    END IF;
    IF is_answered THEN
        INSERT INTO notifications (event_id, run_id, occasion, target)
        VALUES (NEW.id, NEW.run_id, NEW.kind, -1)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_of_event AFTER INSERT ON run_events FOR EACH ROW
    WHEN (NEW.kind IN ('started', 'succeeded', 'failed', 'stopped', 'timed_out', 'interrupted',
                       'lost', 'stuck'))
    EXECUTE FUNCTION tell_of_event();

-- More kinds of credentials: for notifications. Not valid: those that are there are of the old ones.
ALTER TABLE credentials
    DROP CONSTRAINT known_kind,
    ADD CONSTRAINT known_kind CHECK (kind IN (
        'git_https', 'ssh_key', 'become_password', 'vault_password', 'login_password',
        'api_token', 'webhook')) NOT VALID;

-- A new key may encrypt a final run's reply anew, as it does its secrets.
CREATE OR REPLACE FUNCTION keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{late_result,secrets,reply}'::text[]
           IS DISTINCT FROM to_jsonb(OLD) - '{late_result,secrets,reply}'::text[]
       OR (NEW.secrets IS NULL) <> (OLD.secrets IS NULL)
       OR (NEW.reply IS NULL) <> (OLD.reply IS NULL)
       OR (OLD.late_result IS NOT NULL AND NEW.late_result IS DISTINCT FROM OLD.late_result) THEN
        RAISE EXCEPTION 'run % is %: a final row is never changed', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
