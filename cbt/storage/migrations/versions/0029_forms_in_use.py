"""Where forms are used

Attempts are found by their form; the index that lists of items are read from knows which version is drawn.
"""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_BEFORE = ["bank_id", "point", "ref", "state", "type", "difficulty"]


def upgrade() -> None:
    op.create_index(op.f("ix_attempt_form_id"), "attempt", ["form_id"])
    op.drop_index("ix_item_bank_point", table_name="item")
    op.create_index("ix_item_bank_point", "item", [*_BEFORE, "version", "current", "id"])


def downgrade() -> None:
    op.drop_index("ix_item_bank_point", table_name="item")
    op.create_index("ix_item_bank_point", "item", _BEFORE)
    op.drop_index(op.f("ix_attempt_form_id"), table_name="attempt")
