"""Attempts, the answer journal and the facts of a candidate's clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("started_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("closes_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("earliest_submit_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("grace", cbt.storage.types.Span(), nullable=False),
        sa.Column("has_message", sa.Boolean(), nullable=False),
        sa.Column("open_unit", sa.Integer(), nullable=True),
        sa.Column("unit_ends_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("prior_unit", sa.Integer(), nullable=True),
        sa.Column("prior_unit_ends_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("closed_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=12), nullable=True),
        sa.Column("submitted_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("receipt", sa.String(length=20), nullable=True),
        sa.Column("journal_digest", sa.String(length=64), nullable=True),
        sa.Column("lease_hash", sa.String(length=64), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("lease_login_id", sa.Integer(), nullable=True),
        sa.Column("lease_machine", sa.String(length=64), nullable=True),
        sa.Column("move_allowed_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["form_id"], ["form.id"], name=op.f("fk_attempt_form_id_form")),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_attempt_registration_id_registration")
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_attempt_sitting_room_id_sitting_room")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("ref", name=op.f("uq_attempt_ref")),
        sa.UniqueConstraint("registration_id", name=op.f("uq_attempt_registration_id")),
    )
    op.create_index("ix_attempt_due", "attempt", ["state", "closes_at"], unique=False)
    op.create_index("ix_attempt_room", "attempt", ["sitting_room_id"], unique=False)
    op.create_index("ix_attempt_unit_due", "attempt", ["state", "unit_ends_at"], unique=False)
    op.create_table(
        "attempt_adjustment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("amount", cbt.storage.types.Span(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason_code", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_adjustment_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_adjustment")),
    )
    op.create_index(
        op.f("ix_attempt_adjustment_attempt_id"), "attempt_adjustment", ["attempt_id"], unique=False
    )
    op.create_table(
        "attempt_live",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("saved_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("answered_map", sa.Text(), nullable=False),
        sa.Column("usable_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("blurs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_live_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempt_live")),
    )
    op.create_table(
        "attempt_suspension",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("from_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("to_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("resumed_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_suspension_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_suspension")),
    )
    op.create_index(
        op.f("ix_attempt_suspension_attempt_id"), "attempt_suspension", ["attempt_id"], unique=False
    )
    op.create_table(
        "gap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("from_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("to_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("usable", sa.Boolean(), nullable=False),
        sa.Column("resent", sa.Integer(), nullable=False),
        sa.Column("decided_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("granted", cbt.storage.types.Span(), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_gap_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap")),
    )
    op.create_index(op.f("ix_gap_attempt_id"), "gap", ["attempt_id"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("received_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("in_grace", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_journal_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sa.UniqueConstraint(
            "attempt_id", "lease_epoch", "seq", name=op.f("uq_journal_attempt_id_lease_epoch_seq")
        ),
    )
    op.create_table(
        "late_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("received_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_late_entry_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_entry")),
        sa.UniqueConstraint(
            "attempt_id", "lease_epoch", "seq", name=op.f("uq_late_entry_attempt_id_lease_epoch_seq")
        ),
    )
    op.create_index(op.f("ix_late_entry_attempt_id"), "late_entry", ["attempt_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("delivered_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("read_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_message_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_attempt_id"), "message", ["attempt_id"], unique=False)
    op.create_table(
        "unit_done",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_unit_done_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_done")),
        sa.UniqueConstraint("attempt_id", "unit", name=op.f("uq_unit_done_attempt_id_unit")),
    )


def downgrade() -> None:
    """Take the tables away."""
    op.drop_table("unit_done")
    op.drop_index(op.f("ix_message_attempt_id"), table_name="message")
    op.drop_table("message")
    op.drop_index(op.f("ix_late_entry_attempt_id"), table_name="late_entry")
    op.drop_table("late_entry")
    op.drop_table("journal")
    op.drop_index(op.f("ix_gap_attempt_id"), table_name="gap")
    op.drop_table("gap")
    op.drop_index(op.f("ix_attempt_suspension_attempt_id"), table_name="attempt_suspension")
    op.drop_table("attempt_suspension")
    op.drop_table("attempt_live")
    op.drop_index(op.f("ix_attempt_adjustment_attempt_id"), table_name="attempt_adjustment")
    op.drop_table("attempt_adjustment")
    op.drop_index("ix_attempt_unit_due", table_name="attempt")
    op.drop_index("ix_attempt_room", table_name="attempt")
    op.drop_index("ix_attempt_due", table_name="attempt")
    op.drop_table("attempt")
