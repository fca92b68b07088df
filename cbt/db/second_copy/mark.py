"""The mark in the data folder that the second copy lacks something; all processes of a server go by it."""

from __future__ import annotations

from pathlib import Path

from cbt.db.private.files import make_private

BEHIND = "copy.behind"
_BASE = "base"


class BehindMark:
    """The mark of one database: it stands, or it stands and says to begin the copy anew with a base."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(BEHIND)

    def stands(self) -> bool:
        """Return whether the copy lacks something."""
        return self.path.exists()

    def wants_base(self) -> bool:
        """Return whether the copy is to begin anew."""
        return self.path.exists() and self.path.read_text("ascii") == _BASE

    def set(self) -> None:
        """Say that the copy lacks something; raise OSError when that cannot be written."""
        self.path.touch(mode=0o600)

    def ask_for_base(self) -> None:
        """Say that the copy is to begin anew."""
        make_private(self.path)
        self.path.write_text(_BASE, "ascii")

    def lift(self) -> None:
        """Say that the copy is whole."""
        self.path.unlink(missing_ok=True)
