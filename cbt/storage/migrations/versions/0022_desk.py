"""The author's desk

Items get the version that is worked on and its state, and what people do with it: steps, remarks, unfinished work,
and how a bank's files are understood. What was published is reviewed; what was withdrawn is retired.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("item_bank", sa.Column("levels", sa.String(length=20), nullable=False, server_default=""))
    op.add_column("item", sa.Column("current", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("item", sa.Column("state", sa.String(length=12), nullable=False, server_default="reviewed"))
    op.add_column("item", sa.Column("reviewer", sa.String(length=80), nullable=False, server_default=""))
    op.execute(
        "UPDATE item SET current = CASE WHEN version > 0 THEN version ELSE COALESCE("
        "(SELECT MAX(number) FROM item_version WHERE item_version.item_id = item.id), 0) END"
    )
    op.execute("UPDATE item SET state = 'retired' WHERE version = 0")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("item_bank", "levels", server_default=None)
        for name in ("current", "state", "reviewer"):
            op.alter_column("item", name, server_default=None)
    op.create_index("ix_item_bank_state", "item", ["bank_id", "state"])
    op.create_table(
        "item_step",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_step_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_step")),
    )
    op.create_index(op.f("ix_item_step_item_id"), "item_step", ["item_id"])
    op.create_table(
        "item_comment",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("settled_by", sa.String(length=80), nullable=False),
        sa.Column("settled_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_comment_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_comment")),
        sa.UniqueConstraint("ref", name=op.f("uq_item_comment_ref")),
    )
    op.create_index(op.f("ix_item_comment_item_id"), "item_comment", ["item_id"])
    op.create_table(
        "item_work",
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_item_work_bank_id_item_bank")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_work_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_work")),
        sa.UniqueConstraint("ref", name=op.f("uq_item_work_ref")),
    )
    op.create_index("ix_item_work_item", "item_work", ["item_id"])
    op.create_index("ix_item_work_actor", "item_work", ["bank_id", "actor"])
    op.create_table(
        "kept_mapping",
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=64), nullable=False),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_id"], ["item_bank.id"], name=op.f("fk_kept_mapping_bank_id_item_bank")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_mapping")),
        sa.UniqueConstraint("bank_id", "layout", name=op.f("uq_kept_mapping_bank_id_layout")),
    )


def downgrade() -> None:
    for table in ("kept_mapping", "item_work", "item_comment", "item_step"):
        op.drop_table(table)
    op.drop_index("ix_item_bank_state", table_name="item")
    for name in ("reviewer", "state", "current"):
        op.drop_column("item", name)
    op.drop_column("item_bank", "levels")
