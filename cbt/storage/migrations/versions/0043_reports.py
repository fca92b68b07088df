"""Reports of incidents and violations, an inspector's comments, and acts that were taken back

Time and reminders that were taken back stay where they are, with when that was; a centre may ask for the browser of
its kiosk file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TAKEN_BACK = ("attempt_adjustment", "room_adjustment", "granted_time", "message")


def upgrade() -> None:
    """Bring the tables forward."""
    for table in TAKEN_BACK:
        op.add_column(table, sa.Column("withdrawn_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.add_column(
        "centre", sa.Column("kiosk_origin", sa.String(length=200), server_default="", nullable=False)
    )
    op.add_column(
        "undoable_act", sa.Column("undoable", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("reasons_version", sa.Column("filed_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.execute("UPDATE reasons_version SET filed_at = loaded_at")  # until now they came from files alone
    _reports()
    _comments()


def _reports() -> None:
    op.create_table(
        "incident_report",
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("reasons_version_id", sa.Integer(), nullable=True),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("happened_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("evidence", sa.String(length=120), nullable=False),
        sa.Column("evidence_note", sa.Text(), nullable=False),
        sa.Column("witness", sa.String(length=120), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=12), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("who", sa.String(length=160), nullable=False),
        sa.Column("withdrawn_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=True),
        sa.Column("withdrawn_who", sa.String(length=160), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_incident_report_registration_id_registration"),
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_incident_report_sitting_room_id_sitting_room"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_report")),
        sa.UniqueConstraint("ref", name=op.f("uq_incident_report_ref")),
    )
    op.create_index(op.f("ix_incident_report_registration_id"), "incident_report", ["registration_id"])
    op.create_index(op.f("ix_incident_report_sitting_room_id"), "incident_report", ["sitting_room_id"])
    op.create_table(
        "report_addition",
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("who", sa.String(length=160), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["incident_report.id"], name=op.f("fk_report_addition_report_id_incident_report")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_addition")),
    )
    op.create_index(op.f("ix_report_addition_report_id"), "report_addition", ["report_id"])


def _comments() -> None:
    op.create_table(
        "inspector_comment",
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("who", sa.String(length=160), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=80), nullable=True),
        sa.Column("answered_who", sa.String(length=160), nullable=True),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_inspector_comment_registration_id_registration"),
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_inspector_comment_sitting_room_id_sitting_room"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_comment")),
        sa.UniqueConstraint("ref", name=op.f("uq_inspector_comment_ref")),
    )
    op.create_index(op.f("ix_inspector_comment_sitting_room_id"), "inspector_comment", ["sitting_room_id"])


def downgrade() -> None:
    """Take the tables back."""
    op.drop_table("inspector_comment")
    op.drop_table("report_addition")
    op.drop_table("incident_report")
    op.drop_column("reasons_version", "filed_at")
    op.drop_column("undoable_act", "undoable")
    op.drop_column("centre", "kiosk_origin")
    for table in reversed(TAKEN_BACK):
        op.drop_column(table, "withdrawn_at")
