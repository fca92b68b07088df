"""The keys of a published look-up site

Nothing of before changes: certificates without a key get theirs from the job, or when they are first published.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "look_up_site",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("iterations", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_up_site")),
    )
    op.create_table(
        "look_up_key",
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("by_number", sa.LargeBinary(), nullable=False),
        sa.Column("by_document", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_look_up_key_certificate_id_certificate")
        ),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("pk_look_up_key")),
    )


def downgrade() -> None:
    op.drop_table("look_up_key")
    op.drop_table("look_up_site")
