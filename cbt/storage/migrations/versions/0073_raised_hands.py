"""Candidates raise a hand and remark on items

A hand has its reason, the item it is about and its answer; a remark the item, its version and a text.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    _table(
        "raised_hand",
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("lowered_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("answered_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=80), nullable=True),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_raised_hand_message_id_message")
        ),
    )
    op.create_index(op.f("ix_raised_hand_message_id"), "raised_hand", ["message_id"])
    _table(
        "item_remark",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("item_ref", sa.String(length=60), nullable=False),
        sa.Column("item_version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )


def _table(name: str, *own: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        *own,
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f(f"fk_{name}_sitting_room_id_sitting_room")
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f(f"fk_{name}_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("ref", name=op.f(f"uq_{name}_ref")),
    )
    op.create_index(op.f(f"ix_{name}_attempt_id"), name, ["attempt_id"])
    op.create_index(f"ix_{name}_room", name, ["sitting_room_id", "id"])


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index(op.f("ix_raised_hand_message_id"), table_name="raised_hand")
    for name in ("item_remark", "raised_hand"):
        op.drop_index(f"ix_{name}_room", table_name=name)
        op.drop_index(op.f(f"ix_{name}_attempt_id"), table_name=name)
        op.drop_table(name)
