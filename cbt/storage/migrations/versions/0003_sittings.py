"""Centres, rooms, seats, batches, sittings and the facts of a room's clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("ref", name=op.f("uq_batch_ref")),
    )
    op.create_table(
        "centre",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_centre")),
        sa.UniqueConstraint("ref", name=op.f("uq_centre_ref")),
    )
    op.create_table(
        "room",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("centre_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("room_code", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["centre_id"], ["centre.id"], name=op.f("fk_room_centre_id_centre")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("centre_id", "name", name=op.f("uq_room_centre_id_name")),
        sa.UniqueConstraint("ref", name=op.f("uq_room_ref")),
    )
    op.create_table(
        "sitting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("centre_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("planned_start_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("check_in_opens_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("report_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("late_cutoff_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("sign_in_opens_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("sign_in_needs_check_in", sa.Boolean(), nullable=False),
        sa.Column("leave_allowed", sa.Boolean(), nullable=False),
        sa.Column("released_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_sitting_batch_id_batch")),
        sa.ForeignKeyConstraint(["centre_id"], ["centre.id"], name=op.f("fk_sitting_centre_id_centre")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitting")),
        sa.UniqueConstraint("ref", name=op.f("uq_sitting_ref")),
    )
    op.create_index(op.f("ix_sitting_batch_id"), "sitting", ["batch_id"], unique=False)
    op.create_index(op.f("ix_sitting_state"), "sitting", ["state"], unique=False)
    op.create_table(
        "seat",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spare", sa.Boolean(), nullable=False),
        sa.Column("machine_hash", sa.String(length=64), nullable=True),
        sa.Column("machine_address", sa.String(length=64), nullable=True),
        sa.Column("bound_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("claim_alert_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("undelivered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_seat_room_id_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.UniqueConstraint("room_id", "number", name=op.f("uq_seat_room_id_number")),
    )
    op.create_index(op.f("ix_seat_machine_address"), "seat", ["machine_address"], unique=False)
    op.create_index(op.f("ix_seat_machine_hash"), "seat", ["machine_hash"], unique=False)
    op.create_table(
        "sitting_room",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("armed", sa.Boolean(), nullable=False),
        sa.Column("started_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("started_by", sa.String(length=80), nullable=True),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_sitting_room_room_id_room")),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_sitting_room_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitting_room")),
        sa.UniqueConstraint("ref", name=op.f("uq_sitting_room_ref")),
        sa.UniqueConstraint("sitting_id", "room_id", name=op.f("uq_sitting_room_sitting_id_room_id")),
    )
    op.create_index(op.f("ix_sitting_room_sitting_id"), "sitting_room", ["sitting_id"], unique=False)
    op.create_index(op.f("ix_sitting_room_state"), "sitting_room", ["state"], unique=False)
    op.create_table(
        "room_adjustment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("amount", cbt.storage.types.Span(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason_code", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("moves_earliest", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_room_adjustment_sitting_room_id_sitting_room"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_adjustment")),
    )
    op.create_index(
        op.f("ix_room_adjustment_sitting_room_id"), "room_adjustment", ["sitting_room_id"], unique=False
    )
    op.create_table(
        "room_hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("from_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("to_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("reason_code", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_by", sa.String(length=80), nullable=False),
        sa.Column("resumed_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_room_hold_sitting_room_id_sitting_room")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_hold")),
    )
    op.create_index(op.f("ix_room_hold_sitting_room_id"), "room_hold", ["sitting_room_id"], unique=False)
    op.create_table(
        "room_staff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("duty", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_room_staff_sitting_room_id_sitting_room")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_room_staff_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_staff")),
        sa.UniqueConstraint(
            "sitting_room_id", "staff_id", name=op.f("uq_room_staff_sitting_room_id_staff_id")
        ),
    )
    op.create_index("ix_room_staff_staff", "room_staff", ["staff_id"], unique=False)


def downgrade() -> None:
    """Take the tables away."""
    op.drop_index("ix_room_staff_staff", table_name="room_staff")
    op.drop_table("room_staff")
    op.drop_index(op.f("ix_room_hold_sitting_room_id"), table_name="room_hold")
    op.drop_table("room_hold")
    op.drop_index(op.f("ix_room_adjustment_sitting_room_id"), table_name="room_adjustment")
    op.drop_table("room_adjustment")
    op.drop_index(op.f("ix_sitting_room_state"), table_name="sitting_room")
    op.drop_index(op.f("ix_sitting_room_sitting_id"), table_name="sitting_room")
    op.drop_table("sitting_room")
    op.drop_index(op.f("ix_seat_machine_hash"), table_name="seat")
    op.drop_index(op.f("ix_seat_machine_address"), table_name="seat")
    op.drop_table("seat")
    op.drop_index(op.f("ix_sitting_state"), table_name="sitting")
    op.drop_index(op.f("ix_sitting_batch_id"), table_name="sitting")
    op.drop_table("sitting")
    op.drop_table("room")
    op.drop_table("centre")
    op.drop_table("batch")
