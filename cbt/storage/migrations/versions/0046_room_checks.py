"""The check of a room before its start

What its machines said last, whether a test page was seen, and the sheets that were signed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def _of_seat(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_seat_id_seat")
    return sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=name, ondelete="CASCADE")


def _of_room(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_sitting_room_id_sitting_room")
    return sa.ForeignKeyConstraint(["sitting_room_id"], ["sitting_room.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "seat_probe",
        sa.Column("seat_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        _of_seat("seat_probe"),
        sa.PrimaryKeyConstraint("seat_id", name=op.f("pk_seat_probe")),
    )
    op.create_table(
        "seat_report",
        sa.Column("seat_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("browser", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("clock_ms", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("keeping", sa.String(length=8), nullable=False),
        sa.Column("trips", sa.String(length=120), nullable=False),
        _of_seat("seat_report"),
        sa.PrimaryKeyConstraint("seat_id", name=op.f("pk_seat_report")),
    )
    op.create_table(
        "room_printing",
        sa.Column("sitting_room_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        _of_room("room_printing"),
        sa.PrimaryKeyConstraint("sitting_room_id", name=op.f("pk_room_printing")),
    )
    op.create_table(
        "go_sheet",
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("go", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        _of_room("go_sheet"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_go_sheet")),
        sa.UniqueConstraint("ref", name=op.f("uq_go_sheet_ref")),
    )
    op.create_index(op.f("ix_go_sheet_sitting_room_id"), "go_sheet", ["sitting_room_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_go_sheet_sitting_room_id"), table_name="go_sheet")
    for table in ("go_sheet", "room_printing", "seat_report", "seat_probe"):
        op.drop_table(table)
