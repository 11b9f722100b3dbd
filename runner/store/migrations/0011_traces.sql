-- The span of the request that triggered it, as W3C's Trace Context writes it: the run's join it.
ALTER TABLE runs ADD COLUMN traceparent text;
