"""What refers to a score or a registration is found without going through the table

A destruction deletes such rows, and the database looks for what refers to each.
"""

from __future__ import annotations

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

COLUMNS = (("incident", "registration_id"), ("result", "score_id"), ("published_result", "score_id"))


def upgrade() -> None:
    for table, column in COLUMNS:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table, column in COLUMNS:
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
