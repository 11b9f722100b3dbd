-- What happened and is not counted yet: written in the transaction in which it happens, so it is
-- seen when that commits, however late, and taken by exactly one count (see runner/store/counts.py).
CREATE TABLE uncounted (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,                         -- what happened
    labels text[] NOT NULL DEFAULT '{}',
    value double precision NOT NULL DEFAULT 1,
    run_id bigint                               -- whose row tells the rest, which is final then
);

-- What metrics count, for good: the rows that it comes from may be gone.
CREATE TABLE counters (
    name text NOT NULL,
    labels text[] NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (name, labels)
);

-- How many runs of a template ended on a day (UTC), and of those that succeeded how long they took:
-- bucket n holds those of up to 1.02^n milliseconds. The others are in bucket 0.
CREATE TABLE template_days (
    template text COLLATE "C" NOT NULL,
    day date NOT NULL,
    state text NOT NULL,
    bucket smallint NOT NULL,
    runs bigint NOT NULL,
    PRIMARY KEY (template, day, state, bucket)
);

CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO uncounted (name, value)
    VALUES ('claim_seconds', extract(epoch FROM NEW.claimed_at - NEW.queued_at));
    RETURN NULL;
END $$;
-- Of the first attempt only: what the others have waited since they were queued again, no row tells.
CREATE TRIGGER note_claim AFTER UPDATE OF state ON runs FOR EACH ROW
    WHEN (OLD.state = 'queued' AND NEW.state = 'running' AND NEW.attempt = 1)
    EXECUTE FUNCTION note_claim();

CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO uncounted (name, run_id) VALUES ('ended', NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER note_end AFTER UPDATE OF state ON runs FOR EACH ROW
    WHEN (OLD.state IN ('queued', 'running') AND NEW.state NOT IN ('queued', 'running'))
    EXECUTE FUNCTION note_end();
CREATE TRIGGER note_end_of_new AFTER INSERT ON runs FOR EACH ROW
    WHEN (NEW.state NOT IN ('queued', 'running'))
    EXECUTE FUNCTION note_end();

-- When its transaction commits: what was decided first is often decided otherwise within it.
CREATE FUNCTION note_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided deliveries;
BEGIN
    SELECT * INTO decided FROM deliveries WHERE id = NEW.id;
    IF FOUND THEN
        INSERT INTO uncounted (name, labels)
        VALUES ('deliveries', ARRAY[
            coalesce((SELECT sender FROM hooks WHERE name = NEW.hook), 'unknown'),
            CASE WHEN TG_OP = 'UPDATE' AND OLD.run_id = decided.run_id
                 THEN 'repeated' ELSE decided.decision END]);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note_delivery AFTER INSERT OR UPDATE OF times ON deliveries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_delivery();

CREATE FUNCTION note_notification() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO uncounted (name, labels) VALUES ('notifications', ARRAY[NEW.state]);
    RETURN NULL;
END $$;
CREATE TRIGGER note_notification AFTER UPDATE OF state ON notifications FOR EACH ROW
    WHEN (OLD.state = 'pending' AND NEW.state <> 'pending')
    EXECUTE FUNCTION note_notification();

CREATE FUNCTION note_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO uncounted (name, labels) VALUES (
        'notification_attempts',
        ARRAY[CASE WHEN NEW.error IS NULL THEN 'succeeded' ELSE 'failed' END]);
    RETURN NULL;
END $$;
CREATE TRIGGER note_attempt AFTER UPDATE OF seconds ON notification_attempts FOR EACH ROW
    WHEN (OLD.seconds IS NULL AND NEW.seconds IS NOT NULL)
    EXECUTE FUNCTION note_attempt();

-- The runs of before: every one up to until_id that was not live when the triggers came is counted
-- by its id, a batch at a time; all others are noted by a trigger. The triggers' lock is held here:
-- nobody is about to write, and every id that was given is committed or will never be.
CREATE TABLE old_runs (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    next_id bigint NOT NULL DEFAULT 1,
    until_id bigint NOT NULL
);
INSERT INTO old_runs (until_id) SELECT coalesce(max(id), 0) FROM runs;
CREATE TABLE old_live_runs (run_id bigint PRIMARY KEY);
INSERT INTO old_live_runs SELECT id FROM runs WHERE state IN ('queued', 'running');

-- The last runs of a template that have ended, among however many that wait.
CREATE INDEX runs_ended_of_template ON runs (template, id)
    WHERE state NOT IN ('queued', 'running');
