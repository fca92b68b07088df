"""Tables of the rosters of batches that were brought and are not imported yet."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.spreadsheets.file_checks import FileCheck, FileChecks, FilePart

FILE = "file"
"""The piece that is the file itself."""


class RosterCheck(FileCheck):
    """A roster's check and import; the file itself is one of its pieces."""

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    begun: Mapped[bool] = mapped_column(default=False)
    """Whether an import of it was begun that neither came to its end nor was taken back."""


class RosterPart(FilePart):
    """A piece of a brought roster: the file, or something of what was found."""

    __table_args__ = (UniqueConstraint("check_id", "name", "number"),)

    check_id: Mapped[int] = mapped_column(ForeignKey("roster_check.id"))


ROSTERS = FileChecks(
    RosterCheck,
    RosterPart,
    purpose="roster-check",
    gone="roster.draft_gone",
    busy="roster.under_way",
    died="roster.check_died",
    import_died="roster.import_died",
    broken="roster.check_broken",
    lasting=FILE,
)
