"""What is said to each kind of target: pure functions of a run, a target and a credential."""
