"""Background work: one table of jobs that is the queue, a registry of their kinds, a worker, and their pages."""
