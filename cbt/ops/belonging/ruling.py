"""What is there, and what that means: go on, begin a new installation, or refuse.

Pure: `finding` gathers, `asking` carries out and says which command is next.

Source: I1, I12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Database(Enum):
    """What lies where the database should."""

    ABSENT = "absent"
    STILLBORN = "stillborn"
    """An empty file, no tables, or tables in which nothing ever was."""
    FILLED = "filled"
    SEALED = "sealed"
    """A file that cannot be opened: no key of it is here, or it is damaged."""


class Intent(Enum):
    """Who asks."""

    USE = "use"
    """A command, which uses what is there and begins nothing."""
    SERVE = "serve"
    NEW = "new"
    """`--new`: a new installation is meant, whatever keys lie there."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What was found of an installation; a print is the fingerprint of a key, by the key's name."""

    database: Database
    embedded: bool = True
    wanted: tuple[str, ...] = ("database", "personal")
    """The keys that such an installation has."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The prints of those that are there."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The prints that the database names, or a note beside it, or its second copy."""
    proved: bool = True
    """Of a database that names none: what is sealed in it opens with the key there, or nothing is sealed."""
    log_left: bool = False
    """No database, but a log that was not yet in it."""
    copy: bool = False
    """The second copy is filled."""
    opened_by: str = ""
    """The former key file that opens what the present key does not."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """`begins`: make a new installation. `refusal`: the code of an error, "" to go on; `key` it is about."""

    begins: bool = False
    refusal: str = ""
    key: str = ""


def decide(found: Remains, asked: Intent) -> Ruling:
    """Return what follows from what is there; whatever can hold an answer is never begun over.

    Source: I1.
    """
    if found.database is Database.SEALED:
        return _sealed(found)
    if found.database is Database.FILLED:
        ruling = _filled(found)
        already = asked is Intent.NEW and not ruling.refusal
        return Ruling(refusal="belonging.already") if already else ruling
    if found.log_left:
        return Ruling(refusal="belonging.log_left")
    if found.copy:
        gone = found.database is Database.ABSENT
        return Ruling(refusal="copy.orphan" if gone else "belonging.stillborn_copy")
    nothing = not found.keys and (found.database is Database.ABSENT or not found.embedded)
    if asked is Intent.USE and nothing:
        return Ruling(refusal="belonging.none")
    if asked is Intent.NEW or nothing:
        return Ruling(begins=True)
    if not found.embedded:
        return Ruling(refusal="belonging.database_empty")
    gone = found.database is Database.ABSENT
    return Ruling(refusal="belonging.database_gone" if gone else "belonging.stillborn")


def _sealed(found: Remains) -> Ruling:
    missing = [name for name in found.wanted if name not in found.keys]
    if missing and missing[0] == "database":
        return Ruling(refusal="belonging.keys_missing", key="database")
    if found.opened_by:
        return Ruling(refusal="belonging.former_key", key="database")
    wanted = found.named.get("database", "")
    if "database" in found.wanted and wanted not in ("", found.keys["database"]):
        return Ruling(refusal="belonging.other_key", key="database")
    return Ruling(refusal="belonging.damaged" if wanted else "db.unreadable")


def _filled(found: Remains) -> Ruling:
    personal = found.keys.get("personal")
    if personal is None:
        return Ruling(
            refusal="belonging.keys_missing" if found.embedded else "belonging.node_keys", key="personal"
        )
    if found.named.get("personal", personal) != personal:
        return Ruling(refusal="belonging.other_key", key="personal")
    if "personal" not in found.named and not found.proved:
        return Ruling(refusal="belonging.unproved", key="personal")
    return Ruling()
