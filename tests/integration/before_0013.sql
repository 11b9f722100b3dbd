-- What the version of migration 0012 does with runs, statement by statement, as its code has them.
-- Taken from it while it ran; {row} is the first of them. Nothing here is changed with the code.

-- row
id, template, spec, accepted, secrets, overrides, trigger, triggered_by, reason, hook, rerun_of,
only_hosts, reply, traceparent, request_digest, queued_at, queue_expires_at, state, phase,
message, claimed_at, playing_at, finished_at, attempt, runner, holder, machine, boot, lease_token,
lease_expires_at, heartbeat_at, directory, leader_pid, leader_created, keeper_pid,
stop_requested_at, stop_requested_by, stop_reason, force_requested_at, force_requested_by,
stop_outcome, stop_seconds, survivors, may_continue_on, left_running, host_count, exit_code,
playbook_sha, inventory_sha, output_bytes, output_complete, output_truncated, events_complete,
late_result, false AS stale;

-- insert
WITH made AS (
               INSERT INTO runs (template, spec, accepted, secrets, overrides, trigger,
                                 triggered_by, reason, idempotency_key, request_digest,
                                 rerun_of, only_hosts, playbook_sha, inventory_sha,
                                 hook, reply, traceparent, queue_expires_at)
               VALUES (%(template)s, %(spec)s, %(accepted)s, %(secrets)s, %(overrides)s,
                       %(trigger)s, %(by)s, %(reason)s, %(idempotency_key)s, %(request_digest)s,
                       %(rerun_of)s, %(only_hosts)s, %(playbook_sha)s, %(inventory_sha)s,
                       %(hook)s, %(reply)s, %(traceparent)s,
                       now() + make_interval(secs => %(queue_timeout)s))
               ON CONFLICT (triggered_by, idempotency_key) WHERE idempotency_key IS NOT NULL
               DO NOTHING
               RETURNING {row}),
           noted AS (
               INSERT INTO run_events (run_id, kind, state, actor, detail)
               SELECT id, 'queued', state, triggered_by,
                      jsonb_strip_nulls(jsonb_build_object(
                          'trigger', trigger, 'reason', reason, 'rerun_of', rerun_of))
                 FROM made),
    audited AS (
        INSERT INTO audit (actor, action, target, template, address, agent, detail)
        SELECT %(actor)s, %(action)s, 'run ' || id, template, %(address)s, %(agent)s, %(detail)s
          FROM made WHERE %(action)s::text IS NOT NULL)
           SELECT * FROM made;

-- claim
WITH moved AS (UPDATE runs
      SET state = 'running', phase = 'preparing', claimed_at = now(), attempt = attempt + 1,
          runner = %(runner)s, holder = %(runner)s, machine = %(machine)s, boot = %(boot)s,
          lease_token = %(token)s, heartbeat_at = now(),
          lease_expires_at = now() + make_interval(secs => %(lease)s)
    WHERE id = %(run_id)s AND state = 'queued'
      AND (queue_expires_at IS NULL OR queue_expires_at > now()) RETURNING {row}),
         noted AS (
             INSERT INTO run_events (run_id, kind, state, actor, detail)
             SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
    SELECT * FROM moved;

-- register
WITH moved AS (UPDATE runs
      SET leader_pid = %(leader)s, leader_created = %(created)s, keeper_pid = %(keeper)s,
          directory = %(directory)s
    WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s RETURNING {row}),
         noted AS (
             INSERT INTO run_events (run_id, kind, state, actor, detail)
             SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
    SELECT * FROM moved;

-- prepared
WITH moved AS (UPDATE runs SET playbook_sha = %(playbook_sha)s, inventory_sha = %(inventory_sha)s
    WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s RETURNING {row}),
         noted AS (
             INSERT INTO run_events (run_id, kind, state, actor, detail)
             SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
    SELECT * FROM moved;

-- play
WITH moved AS (UPDATE runs SET phase = 'playing', playing_at = now(), may_continue_on = NULL
    WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s RETURNING {row}),
         noted AS (
             INSERT INTO run_events (run_id, kind, state, actor, detail)
             SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
    SELECT * FROM moved;

-- append
WITH held AS (
        UPDATE runs SET output_bytes = %(start)s + octet_length(%(chunk)s)
         WHERE id = %(run_id)s AND lease_token = %(token)s
           AND output_bytes IN (%(start)s, %(start)s + octet_length(%(chunk)s))
        RETURNING id),
    stored AS (
        INSERT INTO run_output (run_id, start, bytes)
        SELECT id, %(start)s, %(chunk)s FROM held
        ON CONFLICT (run_id, start) DO NOTHING)
    SELECT id FROM held;

-- renew
UPDATE runs
      SET heartbeat_at = now(), lease_expires_at = now() + make_interval(secs => %(lease)s)
    WHERE lease_token = ANY(%(tokens)s) AND state = 'running'
    RETURNING {row};

-- finish
WITH moved AS (UPDATE runs
               SET state = %(state)s, message = %(message)s, exit_code = %(exit_code)s,
                   stop_outcome = CASE
                       WHEN stop_requested_at IS NULL THEN NULL
                       WHEN %(state)s IN ('succeeded', 'failed') THEN 'too_late'
                       ELSE %(stop_outcome)s END,
                   stop_seconds = CASE WHEN %(state)s = 'stopped' THEN
                       extract(epoch FROM clock_timestamp() - stop_requested_at) END,
                   survivors = '[]', left_running = %(left_running)s,
                   may_continue_on = to_jsonb(%(may_continue_on)s::text[]),
                   host_count = %(host_count)s,
                   output_complete = %(complete)s AND coalesce(output_complete, true),
                   output_truncated = %(truncated)s OR output_truncated,
    events_complete = CASE WHEN events_complete IS FALSE THEN false
                           ELSE coalesce(%(events)s, events_complete) END,
    phase = NULL, lease_token = NULL, lease_expires_at = NULL, finished_at = now()
             WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s RETURNING {row}),
                 noted AS (
                     INSERT INTO run_events (run_id, kind, state, actor, detail)
                     SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
            SELECT * FROM moved;

-- release
WITH moved AS (UPDATE runs SET attempt = attempt - 1,
    state = 'queued', phase = NULL, lease_token = NULL, lease_expires_at = NULL,
    claimed_at = NULL, playing_at = NULL, directory = NULL, survivors = '[]',
    leader_pid = NULL, leader_created = NULL, keeper_pid = NULL,
    queue_expires_at = now() + make_interval(
        secs => (spec ->> 'queue_timeout')::double precision)
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s
              AND (leader_pid IS NULL OR %(never_started)s) AND phase = 'preparing'
              AND stop_requested_at IS NULL RETURNING {row}),
                 noted AS (
                     INSERT INTO run_events (run_id, kind, state, actor, detail)
                     SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
            SELECT * FROM moved;

-- requeue
WITH moved AS (UPDATE runs
              SET output_complete = nullif(%(complete)s AND coalesce(output_complete, true), true),
                  output_truncated = %(truncated)s OR output_truncated,
    events_complete = CASE WHEN events_complete IS FALSE THEN false
                           ELSE coalesce(%(events)s, events_complete) END,
                  may_continue_on = to_jsonb(%(may_continue_on)s::text[]),
    state = 'queued', phase = NULL, lease_token = NULL, lease_expires_at = NULL,
    claimed_at = NULL, playing_at = NULL, directory = NULL, survivors = '[]',
    leader_pid = NULL, leader_created = NULL, keeper_pid = NULL,
    queue_expires_at = now() + make_interval(
        secs => (spec ->> 'queue_timeout')::double precision)
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s
              AND stop_requested_at IS NULL RETURNING {row}),
                 noted AS (
                     INSERT INTO run_events (run_id, kind, state, actor, detail)
                     SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved)
            SELECT * FROM moved;

-- request_stop
WITH asked AS (
        UPDATE runs
           SET state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END,
               finished_at = CASE WHEN state = 'queued' THEN now() END,
               output_complete = CASE WHEN state = 'queued'
                                      THEN coalesce(output_complete, true)
                                      ELSE output_complete END,
               stop_outcome = CASE WHEN state = 'queued' THEN 'never_started' END,
               stop_seconds = CASE WHEN state = 'queued' THEN 0 END,
               message = CASE WHEN state = 'queued' THEN
                   concat('stopped by ', %(by)s::text, ' before it was started',
                          CASE WHEN attempt > 0 THEN ' again' END,
                          ': ' || %(reason)s::text) END,
               stop_requested_at = coalesce(stop_requested_at, now()),
               stop_requested_by = coalesce(stop_requested_by, %(by)s),
               stop_reason = CASE WHEN stop_requested_at IS NULL
                                  THEN %(reason)s ELSE stop_reason END,
               force_requested_at = CASE WHEN %(force)s THEN now() END,
               force_requested_by = CASE WHEN %(force)s THEN %(by)s END
         WHERE id = %(run_id)s
           AND (state = 'queued'
                OR state = 'running'
                   AND (stop_requested_at IS NULL
                        OR (%(force)s AND force_requested_at IS NULL)))
        RETURNING {row}),
    noted AS (
        INSERT INTO run_events (run_id, kind, state, actor, detail)
        SELECT id, CASE WHEN state = 'stopped' THEN 'stopped'
                        WHEN %(force)s THEN 'force_requested' ELSE 'stop_requested' END,
               state, %(by)s,
               jsonb_strip_nulls(jsonb_build_object('reason', %(reason)s::text))
          FROM asked)
    SELECT * FROM asked;

-- beat
INSERT INTO runners (name, machine, boot, slots, busy, containment)
    VALUES (%(name)s, %(machine)s, %(boot)s, %(slots)s, %(busy)s, %(containment)s)
    ON CONFLICT (name) DO UPDATE SET busy = excluded.busy, beat_at = now();

-- take_watch
UPDATE watch
      SET holder = %(holder)s,
          expires_at = now() + make_interval(secs => %(lease)s)
    WHERE holder = %(holder)s OR expires_at < now();
