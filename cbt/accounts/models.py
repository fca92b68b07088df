"""Tables of the accounts room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cbt.db.base import Base
from cbt.db.types import UtcDateTime


class Staff(Base):
    """A person who works around exams; their roles are rows of their own."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(String(40), unique=True)
    login: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    password_hash: Mapped[str] = mapped_column(String(200))
    must_change_password: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    password_issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the one-time password that is still to be changed was handed out."""
    factor_reset_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    factor_reset_by: Mapped[str] = mapped_column(String(80), server_default="")
    """Who last took this person's second factor away, and when: an actor such as `staff:st-…` or `cli` (R-62)."""
    roles: Mapped[list[StaffRole]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class StaffRole(Base):
    """One role of one person (R-62)."""

    __tablename__ = "staff_role"
    __table_args__ = (UniqueConstraint("staff_id", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[str] = mapped_column(String(20))


class StaffFactor(Base):
    """One person's authenticator app: its secret, sealed under a key outside the database."""

    __tablename__ = "staff_factor"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_step: Mapped[int]
    """The newest time step a code was accepted of; none of it or an older one is accepted again."""


class RecoveryCode(Base):
    """One of the codes somebody keeps on paper for the day without a phone; each opens once."""

    __tablename__ = "staff_recovery_code"
    __table_args__ = (UniqueConstraint("staff_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    number: Mapped[int]
    code_hash: Mapped[str] = mapped_column(String(200))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
