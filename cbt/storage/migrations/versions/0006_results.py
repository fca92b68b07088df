"""Scores, what proctors did in a room, releases and results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "release",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("released_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("second", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_release_sitting_id_sitting")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("sitting_id", name=op.f("uq_release_sitting_id")),
    )
    op.create_table(
        "alert_seen",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("seat_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_alert_seen_seat_id_seat")),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_alert_seen_sitting_room_id_sitting_room")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_seen")),
        sa.UniqueConstraint(
            "sitting_room_id", "seat_id", "kind", name=op.f("uq_alert_seen_sitting_room_id_seat_id_kind")
        ),
    )
    op.create_table(
        "undoable_act",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("undone_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_undoable_act_sitting_room_id_sitting_room"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undoable_act")),
        sa.UniqueConstraint("ref", name=op.f("uq_undoable_act_ref")),
    )
    op.create_index("ix_undoable_act_room_at", "undoable_act", ["sitting_room_id", "at"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_incident_registration_id_registration")
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_incident_sitting_room_id_sitting_room")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_room_at", "incident", ["sitting_room_id", "at"], unique=False)
    op.create_table(
        "leave_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("out_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("in_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("escort", sa.String(length=60), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_leave_record_registration_id_registration"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_record")),
    )
    op.create_index(
        op.f("ix_leave_record_registration_id"), "leave_record", ["registration_id"], unique=False
    )
    op.create_table(
        "score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key_revision", sa.Integer(), nullable=False),
        sa.Column("journal_digest", sa.String(length=64), nullable=False),
        sa.Column("raw", cbt.storage.types.DecimalText(length=40), nullable=False),
        sa.Column("score", cbt.storage.types.DecimalText(length=40), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("scored_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_score_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score")),
        sa.UniqueConstraint("attempt_id", "number", name=op.f("uq_score_attempt_id_number")),
    )
    op.create_table(
        "result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("score", cbt.storage.types.DecimalText(length=40), nullable=True),
        sa.Column("score_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_result_registration_id_registration")
        ),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_result_release_id_release")),
        sa.ForeignKeyConstraint(["score_id"], ["score.id"], name=op.f("fk_result_score_id_score")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sa.UniqueConstraint("registration_id", name=op.f("uq_result_registration_id")),
    )
    op.create_index(op.f("ix_result_release_id"), "result", ["release_id"], unique=False)


def downgrade() -> None:
    """Take the tables away."""
    op.drop_index(op.f("ix_result_release_id"), table_name="result")
    op.drop_table("result")
    op.drop_table("score")
    op.drop_index(op.f("ix_leave_record_registration_id"), table_name="leave_record")
    op.drop_table("leave_record")
    op.drop_index("ix_incident_room_at", table_name="incident")
    op.drop_table("incident")
    op.drop_index("ix_undoable_act_room_at", table_name="undoable_act")
    op.drop_table("undoable_act")
    op.drop_table("alert_seen")
    op.drop_table("release")
