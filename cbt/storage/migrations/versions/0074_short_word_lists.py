"""The word index of items takes new words in shorter lists

PostgreSQL gathers what is new and works it into the index in the statement that fills the list: at its 4 MB that
statement took a processor for more than a second beside the saves of a hall, at 256 kB a sixteenth of that.
"""

from __future__ import annotations

from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the index forward; the embedded database has none of this kind."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX item_words_found SET (gin_pending_list_limit = 256)")


def downgrade() -> None:
    """Take the limit back."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX item_words_found RESET (gin_pending_list_limit)")
