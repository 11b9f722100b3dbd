"""The page: what people see of runs, templates, hooks and runners, and steer them with."""
