"""A search over banks of any size

What an item is found by stands in a table of its own, with an index that each database makes in its own way; who
wrote it, beside it. Items that are there already are indexed by the server, some hundreds a minute.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_FULL_TEXT = (
    "CREATE VIRTUAL TABLE item_words USING fts5("
    "words, content='item_search', content_rowid='item_id', tokenize='ascii')",
    "CREATE TRIGGER item_words_added AFTER INSERT ON item_search BEGIN "
    "INSERT INTO item_words(rowid, words) VALUES (new.item_id, new.words); END",
    "CREATE TRIGGER item_words_gone AFTER DELETE ON item_search BEGIN "
    "INSERT INTO item_words(item_words, rowid, words) VALUES ('delete', old.item_id, old.words); END",
    "CREATE TRIGGER item_words_changed AFTER UPDATE ON item_search BEGIN "
    "INSERT INTO item_words(item_words, rowid, words) VALUES ('delete', old.item_id, old.words); "
    "INSERT INTO item_words(rowid, words) VALUES (new.item_id, new.words); END",
)
_LEXEMES = (
    "ALTER TABLE item_search ADD COLUMN item_words tsvector "
    "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED",
    "ALTER TABLE item_search SET (toast_tuple_target = 128)",
    "CREATE INDEX item_words_found ON item_search USING gin (item_words)",
)
"""The words lie outside the rows, which a search goes through by the hundred thousand."""


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("item", sa.Column("author", sa.String(length=80), nullable=False, server_default=""))
    op.execute(
        "UPDATE item SET author = COALESCE((SELECT actor FROM item_version "
        "WHERE item_version.item_id = item.id AND item_version.number = item.current), '')"
    )
    for name in ("ix_item_bank_point", "ix_item_bank_state"):
        op.drop_index(name, table_name="item")
    op.create_index("ix_item_bank_point", "item", ["bank_id", "point", "ref", "state", "type", "difficulty"])
    op.create_index("ix_item_bank_state", "item", ["bank_id", "state", "point"])
    op.create_table(
        "item_search",
        sa.Column("item_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_item_search_item_id_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_item_search")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("item", "author", server_default=None)
        for statement in _LEXEMES:
            op.execute(statement)
    else:
        for statement in _FULL_TEXT:
            op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE item_words")
    op.drop_table("item_search")
    for name in ("ix_item_bank_point", "ix_item_bank_state"):
        op.drop_index(name, table_name="item")
    op.create_index("ix_item_bank_point", "item", ["bank_id", "point"])
    op.create_index("ix_item_bank_state", "item", ["bank_id", "state"])
    op.drop_column("item", "author")
