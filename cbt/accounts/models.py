"""Tables of the accounts room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cbt.storage.types import Base, Named, Row, UtcDateTime


class Staff(Named):
    """A person who works around exams; their roles are rows of their own."""

    login: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    password_hash: Mapped[str] = mapped_column(String(200))
    """"" for who was never given a password, and cannot sign in."""
    must_change_password: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whose hand was on the account, an actor of the log: that person's second it cannot be for a day.
    made_by: Mapped[str | None] = mapped_column(String(80))
    reset_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reset_by: Mapped[str | None] = mapped_column(String(80))
    enabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    enabled_by: Mapped[str | None] = mapped_column(String(80))
    password_issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the one-time password that is still to be changed was handed out; None where there was none yet."""
    list_ref: Mapped[str] = mapped_column(String(40), default="", server_default="", index=True)
    """The workbook by which the account came; "" for one that was made by itself."""
    factor_reset_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    factor_reset_by: Mapped[str] = mapped_column(String(80), server_default="")
    """Who last took this person's second factor away, and when: an actor such as `staff:st-…` or `cli` (R-62)."""
    roles: Mapped[list[StaffRole]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class StaffRole(Row):
    """One role of one person (R-62)."""

    __table_args__ = (UniqueConstraint("staff_id", "role"),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[str] = mapped_column(String(20))
    granted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    granted_by: Mapped[str | None] = mapped_column(String(80))


class Approval(Named):
    """A starred act that waits for its second person, exactly as it was previewed (R-62)."""

    __table_args__ = (Index("ix_approval_expires_at", "expires_at"),)

    kind: Mapped[str] = mapped_column(String(20))
    """Who carries it out: the name under which a room registered itself."""
    act: Mapped[str] = mapped_column(String(24))
    subject: Mapped[str] = mapped_column(String(80))
    roles: Mapped[str] = mapped_column(String(120))
    """The roles that may approve wherever they are, parted by commas."""
    assigned: Mapped[bool]
    """Whether somebody assigned to the subject may approve as well."""
    place: Mapped[str] = mapped_column(String(240))
    preview: Mapped[str] = mapped_column(Text)
    """Canonical JSON: what the second person reads, [label, kind, value] a line."""
    params: Mapped[str] = mapped_column(Text)
    """What the act is carried out with; emptied once it is settled."""
    seen: Mapped[str] = mapped_column(String(64))
    """Digest of what the act touched when it was previewed: whatever else it would touch is not done."""
    digest: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(String(40), index=True)
    asked_machine: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(12))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(String(40))
    way: Mapped[str] = mapped_column(String(12))
    """How the second person approved: `session` or `code`; empty before."""
    reason: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text)
    """Canonical JSON: what the act did, or why it could not be done."""
    code_hash: Mapped[str | None] = mapped_column(String(64))
    code_by: Mapped[str | None] = mapped_column(String(40))
    code_machine: Mapped[str | None] = mapped_column(String(64))
    code_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code_tries: Mapped[int]


class StaffFactor(Base):
    """One person's authenticator app: its secret, sealed under a key outside the database."""

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_step: Mapped[int]
    """The newest time step a code was accepted of; none of it or an older one is accepted again."""


class RecoveryCode(Row):
    """One of the codes somebody keeps on paper for the day without a phone; each opens once."""

    __tablename__ = "staff_recovery_code"
    __table_args__ = (UniqueConstraint("staff_id", "number"),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    number: Mapped[int]
    code_hash: Mapped[str] = mapped_column(String(200))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
