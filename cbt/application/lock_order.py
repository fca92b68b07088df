"""The one order in which a transaction locks rows, so that on PostgreSQL nobody waits in a circle.

A row is locked where it is read FOR UPDATE, changed or deleted, and by whatever is written that refers to it. Who
has a row of one table may go on to rows of the same table, in the order of their ids, and of tables after it; what
comes before is locked first, also where it is changed last. Tables that are not named are written under one that
is (a gap under its paper, a hold under its room), or by one unit of work alone.

The tests watch every transaction on PostgreSQL that they have the product do and fail at one against this order
(`tests/row_locks.py`). The embedded database has one writer at a time and needs none.
"""

LOCK_ORDER = (
    "sitting_room",  # what every act of staff holds: two of them at one room take turns
    "sitting",
    "room",
    "registration",
    "attempt",
    "attempt_live",
    "seat",
    "known_machine",  # remembered by a counter before that is dropped
    "throttle",
    "login_session",
    "audit_head",  # the log is sealed last of all, just before the commit
)
