"""What the bench sends: saves, starts and hand-ins, as fast as it goes or each at its time."""
