"""Batches with a shape

A batch knows its occupation, its days and its levels, each with a blueprint and papers. Older ones know none of it
and work as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("batch", sa.Column("occupation", sa.String(length=80), nullable=False, server_default=""))
    op.add_column("batch", sa.Column("starts_on", sa.Date(), nullable=True))
    op.add_column("batch", sa.Column("ends_on", sa.Date(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("batch", "occupation", server_default=None)
    op.create_table(
        "batch_level",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
        sa.Column("papers", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_batch_level_batch_id_batch")),
        sa.ForeignKeyConstraint(
            ["blueprint_version_id"],
            ["blueprint_version.id"],
            name=op.f("fk_batch_level_blueprint_version_id_blueprint_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_level")),
        sa.UniqueConstraint("batch_id", "level", name=op.f("uq_batch_level_batch_id_level")),
    )


def downgrade() -> None:
    op.drop_table("batch_level")
    for name in ("ends_on", "starts_on", "occupation"):
        op.drop_column("batch", name)
