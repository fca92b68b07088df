"""Who writes when: the gate and the group commit. A newcomer may pass by: a unit of work asks it."""

__all__ = ["batch", "change_set", "group_commit", "write_lock", "writer_client", "writer_server"]
