"""Candidates, tickets, registrations and roster drafts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "candidate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("gender", sa.String(length=8), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_index", sa.String(length=64), nullable=False),
        sa.Column("document_masked", sa.String(length=40), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("employer", sa.String(length=120), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate")),
        sa.UniqueConstraint("document_index", name=op.f("uq_candidate_document_index")),
        sa.UniqueConstraint("ref", name=op.f("uq_candidate_ref")),
    )
    op.create_table(
        "admission_ticket",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_admission_ticket_batch_id_batch")),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_admission_ticket_candidate_id_candidate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admission_ticket")),
        sa.UniqueConstraint(
            "batch_id", "candidate_id", name=op.f("uq_admission_ticket_batch_id_candidate_id")
        ),
        sa.UniqueConstraint("number", name=op.f("uq_admission_ticket_number")),
    )
    op.create_index(
        op.f("ix_admission_ticket_candidate_id"), "admission_ticket", ["candidate_id"], unique=False
    )
    op.create_table(
        "candidate_photo",
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("mimetype", sa.String(length=40), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_candidate_photo_candidate_id_candidate")
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_candidate_photo")),
    )
    op.create_table(
        "roster_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_roster_draft_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_draft")),
        sa.UniqueConstraint("ref", name=op.f("uq_roster_draft_ref")),
    )
    op.create_index(op.f("ix_roster_draft_created_at"), "roster_draft", ["created_at"], unique=False)
    op.create_table(
        "registration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("seat_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_ref", sa.String(length=60), nullable=False),
        sa.Column("paper", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("factor", cbt.storage.types.DecimalText(length=40), nullable=False),
        sa.Column("extra", cbt.storage.types.Span(), nullable=False),
        sa.Column("accommodation_note", sa.Text(), nullable=False),
        sa.Column("eligibility", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("arrived_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("checked_in_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("document_shown", sa.String(length=40), nullable=True),
        sa.Column("document_last_four", sa.String(length=8), nullable=True),
        sa.Column("absent_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("absent_cause", sa.String(length=20), nullable=True),
        sa.Column("login_code_hash", sa.String(length=64), nullable=True),
        sa.Column("login_code_until", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("signed_in_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("query_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("pledged_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("sign_in_allowed_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("left_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("violation_code", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["blueprint_version_id"],
            ["blueprint_version.id"],
            name=op.f("fk_registration_blueprint_version_id_blueprint_version"),
        ),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_registration_candidate_id_candidate")
        ),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_registration_seat_id_seat")),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_registration_sitting_id_sitting")
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_registration_sitting_room_id_sitting_room"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["admission_ticket.id"], name=op.f("fk_registration_ticket_id_admission_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("ref", name=op.f("uq_registration_ref")),
        sa.UniqueConstraint(
            "sitting_room_id", "seat_id", name=op.f("uq_registration_sitting_room_id_seat_id")
        ),
        sa.UniqueConstraint(
            "ticket_id", "sitting_id", "paper", name=op.f("uq_registration_ticket_id_sitting_id_paper")
        ),
    )
    op.create_index(op.f("ix_registration_candidate_id"), "registration", ["candidate_id"], unique=False)
    op.create_index("ix_registration_room", "registration", ["sitting_room_id"], unique=False)
    op.create_index(op.f("ix_registration_sitting_id"), "registration", ["sitting_id"], unique=False)
    op.create_index(op.f("ix_registration_ticket_id"), "registration", ["ticket_id"], unique=False)


def downgrade() -> None:
    """Take the tables away."""
    op.drop_index(op.f("ix_registration_ticket_id"), table_name="registration")
    op.drop_index(op.f("ix_registration_sitting_id"), table_name="registration")
    op.drop_index("ix_registration_room", table_name="registration")
    op.drop_index(op.f("ix_registration_candidate_id"), table_name="registration")
    op.drop_table("registration")
    op.drop_index(op.f("ix_roster_draft_created_at"), table_name="roster_draft")
    op.drop_table("roster_draft")
    op.drop_table("candidate_photo")
    op.drop_index(op.f("ix_admission_ticket_candidate_id"), table_name="admission_ticket")
    op.drop_table("admission_ticket")
    op.drop_table("candidate")
