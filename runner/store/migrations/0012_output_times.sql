-- When each part of a run's output was stored; NULL for the parts that are there already.
ALTER TABLE run_output ADD COLUMN at timestamptz;
ALTER TABLE run_output ALTER COLUMN at SET DEFAULT now();
