"""Items written by hand

Unfinished work says since when its page is open and when it was last heard of; pictures and sounds of items are
kept under their hash.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward; nobody had anything unfinished before."""
    op.drop_table("item_work")
    _make_work([])
    op.create_table(
        "media",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("mimetype", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("name", name=op.f("uq_media_name")),
    )


def downgrade() -> None:
    op.drop_table("media")
    op.drop_table("item_work")
    _make_work(["since", "seen_at"])


def _make_work(without: list[str]) -> None:
    times = [name for name in ("at", "since", "seen_at") if name not in without]
    op.create_table(
        "item_work",
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        *(sa.Column(name, cbt.storage.types.UtcDateTime(), nullable=False) for name in times),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_item_work_bank_id_item_bank")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_work_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_work")),
        sa.UniqueConstraint("ref", name=op.f("uq_item_work_ref")),
    )
    op.create_index("ix_item_work_item", "item_work", ["item_id"])
    op.create_index("ix_item_work_actor", "item_work", ["bank_id", "actor"])
