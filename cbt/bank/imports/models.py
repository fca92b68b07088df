"""Tables of the checks of brought banks."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.spreadsheets.file_checks import FileCheck, FileChecks, FilePart


class ImportCheck(FileCheck):
    """A bank's check and import; `ref` is that of its draft."""

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))


class ImportPart(FilePart):
    """A piece of what the check of a bank found."""

    __table_args__ = (UniqueConstraint("check_id", "name", "number"),)

    check_id: Mapped[int] = mapped_column(ForeignKey("import_check.id"))


CHECKS = FileChecks(
    ImportCheck,
    ImportPart,
    purpose="bank-check",
    gone="bank.draft_unknown",
    busy="bank.check_under_way",
    died="bank.check_died",
    import_died="bank.import_died",
    broken="bank.check_broken",
)
