"""Figures of examinations flow back to the items

An item says what each analysed batch found of it; batches analysed before say so once they are analysed again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "item_figures",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("takers", sa.Integer(), nullable=False),
        sa.Column("difficulty", sa.Float(), nullable=False),
        sa.Column("discrimination", sa.Float(), nullable=True),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_item_figures_item_id_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_figures")),
        sa.UniqueConstraint("item_id", "source", name=op.f("uq_item_figures_item_id_source")),
    )
    op.create_index(op.f("ix_item_figures_source"), "item_figures", ["source"], unique=False)


def downgrade() -> None:
    op.drop_table("item_figures")
