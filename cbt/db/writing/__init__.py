"""Who writes when: the gate and the group commit. A newcomer may pass by: a unit of work asks it."""

__all__ = ["commits", "gate", "group_commit", "line", "many_rows", "occupancy", "owner", "parcels"]
