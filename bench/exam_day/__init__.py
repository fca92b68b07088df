"""A day of examinations in minutes: everybody's pages, every room's board, and a worker that is killed."""
