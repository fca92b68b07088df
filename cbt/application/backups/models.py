"""The table of scheduled backups."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base, UtcDateTime


class BackupState(Base):
    """What became of the backups in one folder (CBT_BACKUP_DIR), for all processes and after every restart.

    The last that was made and the last that failed each keep their own instant: the later one is how things are.
    """

    folder: Mapped[str] = mapped_column(String(500), primary_key=True)
    made_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    made_name: Mapped[str] = mapped_column(String(40))
    made_bytes: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(String(120))
    """The machine that made it."""
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_by: Mapped[str] = mapped_column(String(120))
    failure: Mapped[str] = mapped_column(String(60))
    """The code of the error."""
    named: Mapped[str] = mapped_column(Text)
    """What the error names, as JSON: a folder, what the system said."""
