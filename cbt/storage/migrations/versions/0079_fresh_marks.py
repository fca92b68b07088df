"""An answer is marked once more for an appeal, and the mark counts where its decision takes it

What counts of an answer may be another mark from a later score on; the former stays.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


FORMER, LATER = ["answer_id"], ["answer_id", "score_id"]


def _name(columns: list[str]) -> str:
    return f"uq_counted_mark_{'_'.join(columns)}"


def _have_unique(columns: list[str], *, instead_of: list[str]) -> None:
    """Have other columns of `counted_mark` be unique.

    SQLite takes a constraint with a new table alone. It is written out: what a database tells of its constraints
    comes in no order, and a table made of that would not be the same twice.
    """
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(_name(instead_of), "counted_mark", type_="unique")
        op.create_unique_constraint(_name(columns), "counted_mark", columns)
        return
    op.create_table(
        "counted_mark_made_anew",
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("score_id", sa.Integer(), nullable=False),
        sa.Column("points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("full", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["marked_answer.id"], name=op.f("fk_counted_mark_answer_id_marked_answer")
        ),
        sa.ForeignKeyConstraint(["score_id"], ["score.id"], name=op.f("fk_counted_mark_score_id_score")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_mark")),
        sa.UniqueConstraint(*columns, name=op.f(_name(columns))),
    )
    kept = 'answer_id, score_id, points, "full", marks, id'
    op.execute(f"INSERT INTO counted_mark_made_anew ({kept}) SELECT {kept} FROM counted_mark")
    op.drop_table("counted_mark")
    op.rename_table("counted_mark_made_anew", "counted_mark")
    op.create_index(op.f("ix_counted_mark_score_id"), "counted_mark", ["score_id"], unique=False)


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "fresh_request",
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("is_company", sa.Boolean(), nullable=False),
        sa.Column("asked_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("mark_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("is_taken", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["marked_answer.id"], name=op.f("fk_fresh_request_answer_id_marked_answer")
        ),
        sa.ForeignKeyConstraint(["mark_id"], ["mark.id"], name=op.f("fk_fresh_request_mark_id_mark")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fresh_request")),
        sa.UniqueConstraint("subject", "answer_id", name=op.f("uq_fresh_request_subject_answer_id")),
    )
    op.create_index(op.f("ix_fresh_request_answer_id"), "fresh_request", ["answer_id"], unique=False)
    _have_unique(LATER, instead_of=FORMER)


def downgrade() -> None:
    _have_unique(FORMER, instead_of=LATER)
    op.drop_table("fresh_request")
