"""What the web asks of the runners: the queue's side of a run."""
