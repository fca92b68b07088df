"""Tables of the lists of staff that were brought and are not stored yet."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.spreadsheets.file_checks import FileCheck, FileChecks, FilePart

FILE = "file"
"""The piece that is the file itself."""


class StaffCheck(FileCheck):
    """A list's check and import; the file itself is one of its pieces. It is for whoever brought it."""

    brought_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    begun: Mapped[bool] = mapped_column(default=False)
    """Whether an import of it was begun that neither came to its end nor was taken back."""


class StaffPart(FilePart):
    """A piece of a brought list: the file, or something of what was found."""

    __table_args__ = (UniqueConstraint("check_id", "name", "number"),)

    check_id: Mapped[int] = mapped_column(ForeignKey("staff_check.id"))


STAFF_FILES = FileChecks(
    StaffCheck,
    StaffPart,
    purpose="staff-check",
    gone="personnel.gone",
    busy="personnel.under_way",
    died="personnel.check_died",
    import_died="personnel.import_died",
    broken="personnel.check_broken",
    lasting=FILE,
)
