"""What a candidate says is wrong with their data, and the item each page was at

A query of before says nothing of what is wrong; a page of before begins at the first item.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("registration", sa.Column("query_about", sa.String(60), server_default="", nullable=False))
    op.add_column("registration", sa.Column("query_words_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("attempt_live", sa.Column("position", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempt_live", "position")
    op.drop_column("registration", "query_words_sealed")
    op.drop_column("registration", "query_about")
