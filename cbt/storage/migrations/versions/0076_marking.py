"""People mark short answers at a desk

A sitting of before has no desk; its papers wait until one is opened.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "marking_desk",
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("seed", sa.String(length=32), nullable=False),
        sa.Column("opened_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_marking_desk_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marking_desk")),
        sa.UniqueConstraint("ref", name=op.f("uq_marking_desk_ref")),
        sa.UniqueConstraint("sitting_id", name=op.f("uq_marking_desk_sitting_id")),
    )
    op.create_table(
        "desk_marker",
        sa.Column("desk_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=False),
        sa.Column("named_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("named_by", sa.String(length=80), nullable=False),
        sa.Column("left_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["desk_id"], ["marking_desk.id"], name=op.f("fk_desk_marker_desk_id_marking_desk")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_desk_marker_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_marker")),
        sa.UniqueConstraint("desk_id", "staff_id", name=op.f("uq_desk_marker_desk_id_staff_id")),
    )
    op.create_index(op.f("ix_desk_marker_staff_id"), "desk_marker", ["staff_id"], unique=False)
    op.create_table(
        "marking_queue",
        sa.Column("desk_id", sa.Integer(), nullable=False),
        sa.Column("item_version_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("full", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("threshold", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["desk_id"], ["marking_desk.id"], name=op.f("fk_marking_queue_desk_id_marking_desk")
        ),
        sa.ForeignKeyConstraint(
            ["item_version_id"],
            ["item_version.id"],
            name=op.f("fk_marking_queue_item_version_id_item_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marking_queue")),
        sa.UniqueConstraint("ref", name=op.f("uq_marking_queue_ref")),
    )
    op.create_index(op.f("ix_marking_queue_desk_id"), "marking_queue", ["desk_id"], unique=False)
    op.create_index(
        op.f("ix_marking_queue_item_version_id"), "marking_queue", ["item_version_id"], unique=False
    )
    op.create_table(
        "marked_answer",
        sa.Column("queue_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("held_by", sa.String(length=80), nullable=False),
        sa.Column("held_until", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_marked_answer_attempt_id_attempt")
        ),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["marking_queue.id"], name=op.f("fk_marked_answer_queue_id_marking_queue")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marked_answer")),
        sa.UniqueConstraint(
            "attempt_id", "position", "sha256", name=op.f("uq_marked_answer_attempt_id_position_sha256")
        ),
        sa.UniqueConstraint("ref", name=op.f("uq_marked_answer_ref")),
    )
    op.create_index("ix_marked_answer_holder", "marked_answer", ["held_by", "queue_id"], unique=False)
    op.create_index("ix_marked_answer_queue", "marked_answer", ["queue_id", "state", "place"], unique=False)
    op.create_table(
        "counted_mark",
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
        sa.UniqueConstraint("answer_id", name=op.f("uq_counted_mark_answer_id")),
    )
    op.create_index(op.f("ix_counted_mark_score_id"), "counted_mark", ["score_id"], unique=False)
    op.create_table(
        "mark",
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("turn", sa.String(length=6), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(length=80), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        sa.Column("points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["marked_answer.id"], name=op.f("fk_mark_answer_id_marked_answer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
        sa.UniqueConstraint("answer_id", "turn", "number", name=op.f("uq_mark_answer_id_turn_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_mark_ref")),
    )
    op.create_index(op.f("ix_mark_staff"), "mark", ["staff"], unique=False)
    op.create_table(
        "seed_paper",
        sa.Column("queue_id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        sa.Column("points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["marked_answer.id"], name=op.f("fk_seed_paper_answer_id_marked_answer")
        ),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["marking_queue.id"], name=op.f("fk_seed_paper_queue_id_marking_queue")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seed_paper")),
        sa.UniqueConstraint("answer_id", name=op.f("uq_seed_paper_answer_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_seed_paper_ref")),
    )
    op.create_index(op.f("ix_seed_paper_queue_id"), "seed_paper", ["queue_id"], unique=False)
    op.create_table(
        "seed_mark",
        sa.Column("seed_id", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(length=80), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        sa.Column("points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("given_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["seed_id"], ["seed_paper.id"], name=op.f("fk_seed_mark_seed_id_seed_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seed_mark")),
        sa.UniqueConstraint("seed_id", "staff", name=op.f("uq_seed_mark_seed_id_staff")),
    )

    op.create_table(
        "set_aside",
        sa.Column("queue_id", sa.Integer(), nullable=False),
        sa.Column("shown_ref", sa.String(length=40), nullable=False),
        sa.Column("staff", sa.String(length=80), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["marking_queue.id"], name=op.f("fk_set_aside_queue_id_marking_queue")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside")),
    )
    op.create_index(op.f("ix_set_aside_queue_id"), "set_aside", ["queue_id"], unique=False)
    op.create_index("ix_set_aside_staff", "set_aside", ["staff", "queue_id"], unique=False)


def downgrade() -> None:
    op.drop_table("set_aside")
    op.drop_table("counted_mark")
    op.drop_table("seed_mark")
    op.drop_table("seed_paper")
    op.drop_table("mark")
    op.drop_table("marked_answer")
    op.drop_table("marking_queue")
    op.drop_table("desk_marker")
    op.drop_table("marking_desk")
