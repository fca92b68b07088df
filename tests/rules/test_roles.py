"""Who may countersign."""

from cbt.rules.roles import ROOM_STAFF, SECOND_PERSON, Role


def test_whoever_only_looks_or_writes_items_countersigns_nothing() -> None:
    assert ROOM_STAFF < SECOND_PERSON
    assert not SECOND_PERSON & {Role.INSPECTOR, Role.AUTHOR, Role.REVIEWER, Role.MARKER}
