-- In which order runs are taken, by which runners, and which of them wait for each other.
ALTER TABLE runs
    ADD COLUMN queue text NOT NULL DEFAULT 'default',
    ADD COLUMN priority smallint NOT NULL DEFAULT 0,    -- the higher, the sooner
    ADD COLUMN concurrency_group text,
    ADD COLUMN group_limit integer,                     -- of its group's runs at once
    ADD COLUMN group_slot integer,                      -- which of them it is, or was
    ADD COLUMN not_before timestamptz;                  -- it is not taken before

-- NOT VALID: there is nothing to be checked in the rows of before, and nobody waits for that.
ALTER TABLE runs ADD CONSTRAINT limited_iff_grouped CHECK (
    (concurrency_group IS NULL) = (group_limit IS NULL)) NOT VALID;
-- Whoever knows nothing of groups claims nothing of one: the index would not count it.
ALTER TABLE runs ADD CONSTRAINT running_in_a_slot CHECK (
    state <> 'running' OR concurrency_group IS NULL OR group_slot IS NOT NULL) NOT VALID;

-- What a runner serves, and who has told it to take no more.
ALTER TABLE runners
    ADD COLUMN queues text[] NOT NULL DEFAULT '{default}',
    ADD COLUMN missing text[] NOT NULL DEFAULT '{}',    -- programs that it needs and has not
    ADD COLUMN short_of_memory boolean NOT NULL DEFAULT false,
    ADD COLUMN drained_at timestamptz,
    ADD COLUMN drained_by text,
    ADD COLUMN drain_reason text;

-- While it is paused nothing is taken by any runner. One row, which each claim shares: who pauses
-- waits for those that are under way, and those that come later see it, whatever they saw before.
CREATE TABLE maintenance (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    paused_at timestamptz,
    paused_by text,
    reason text
);
INSERT INTO maintenance DEFAULT VALUES;
