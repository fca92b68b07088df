"""Exams on paper

How a room is examined, what is printed for it, what is handed in, scanned, typed and entered.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "scan_upload",
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_scan_upload_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_upload")),
        sa.UniqueConstraint("ref", name=op.f("uq_scan_upload_ref")),
    )
    op.create_index(op.f("ix_scan_upload_sitting_id"), "scan_upload", ["sitting_id"], unique=False)
    op.create_table(
        "paper_print",
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_paper_print_sitting_room_id_sitting_room")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_print")),
        sa.UniqueConstraint("ref", name=op.f("uq_paper_print_ref")),
    )
    op.create_index(op.f("ix_paper_print_sitting_room_id"), "paper_print", ["sitting_room_id"], unique=False)
    op.create_table(
        "paper_collection",
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("closed_by", sa.String(length=12), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_paper_collection_registration_id_registration"),
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"],
            ["sitting_room.id"],
            name=op.f("fk_paper_collection_sitting_room_id_sitting_room"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_collection")),
        sa.UniqueConstraint("registration_id", name=op.f("uq_paper_collection_registration_id")),
    )
    op.create_index(
        op.f("ix_paper_collection_sitting_room_id"), "paper_collection", ["sitting_room_id"], unique=False
    )
    op.create_table(
        "paper_piece",
        sa.Column("sitting_room_id", sa.Integer(), nullable=False),
        sa.Column("print_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.Column("form_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=4), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("large", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("replaces", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["form_id"], ["form.id"], name=op.f("fk_paper_piece_form_id_form")),
        sa.ForeignKeyConstraint(
            ["print_id"], ["paper_print.id"], name=op.f("fk_paper_piece_print_id_paper_print")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_paper_piece_registration_id_registration")
        ),
        sa.ForeignKeyConstraint(
            ["sitting_room_id"], ["sitting_room.id"], name=op.f("fk_paper_piece_sitting_room_id_sitting_room")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_piece")),
        sa.UniqueConstraint("ref", name=op.f("uq_paper_piece_ref")),
        sa.UniqueConstraint(
            "sitting_room_id", "kind", "number", name=op.f("uq_paper_piece_sitting_room_id_kind_number")
        ),
    )
    op.create_index(op.f("ix_paper_piece_form_id"), "paper_piece", ["form_id"], unique=False)
    op.create_index(op.f("ix_paper_piece_print_id"), "paper_piece", ["print_id"], unique=False)
    op.create_index(op.f("ix_paper_piece_registration_id"), "paper_piece", ["registration_id"], unique=False)
    op.create_table(
        "entered_paper",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_entered_paper_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entered_paper")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_entered_paper_attempt_id")),
    )
    op.create_table(
        "handwritten_answer",
        sa.Column("attempt_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("page_ref", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
            name=op.f("fk_handwritten_answer_attempt_id_attempt"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("attempt_id", "position", name=op.f("pk_handwritten_answer")),
    )
    op.create_table(
        "scanned_page",
        sa.Column("upload_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("piece_id", sa.Integer(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("problem", sa.String(length=24), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False),
        sa.Column("set_aside_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("set_aside_by", sa.String(length=80), nullable=True),
        sa.Column("set_aside_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["piece_id"], ["paper_piece.id"], name=op.f("fk_scanned_page_piece_id_paper_piece")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["scan_upload.id"],
            name=op.f("fk_scanned_page_upload_id_scan_upload"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scanned_page")),
        sa.UniqueConstraint("ref", name=op.f("uq_scanned_page_ref")),
        sa.UniqueConstraint("upload_id", "number", name=op.f("uq_scanned_page_upload_id_number")),
    )
    op.create_index(op.f("ix_scanned_page_digest"), "scanned_page", ["digest"], unique=False)
    op.create_index(op.f("ix_scanned_page_piece_id"), "scanned_page", ["piece_id"], unique=False)
    op.create_table(
        "typed_answers",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("begun_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("done_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_typed_answers_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_typed_answers")),
        sa.UniqueConstraint("attempt_id", "turn", name=op.f("uq_typed_answers_attempt_id_turn")),
        sa.UniqueConstraint("ref", name=op.f("uq_typed_answers_ref")),
    )
    op.create_table(
        "mark_decision",
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["page_id"],
            ["scanned_page.id"],
            name=op.f("fk_mark_decision_page_id_scanned_page"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark_decision")),
    )
    op.create_index(op.f("ix_mark_decision_page_id"), "mark_decision", ["page_id"], unique=False)
    op.add_column(
        "sitting_room", sa.Column("mode", sa.String(length=12), server_default="machine", nullable=False)
    )
    op.add_column("sitting_room", sa.Column("booklets", sa.Integer(), server_default="2", nullable=False))


def downgrade() -> None:
    """Take them back."""
    op.drop_column("sitting_room", "booklets")
    op.drop_column("sitting_room", "mode")
    op.drop_index(op.f("ix_mark_decision_page_id"), table_name="mark_decision")
    op.drop_table("mark_decision")
    op.drop_table("typed_answers")
    op.drop_index(op.f("ix_scanned_page_piece_id"), table_name="scanned_page")
    op.drop_index(op.f("ix_scanned_page_digest"), table_name="scanned_page")
    op.drop_table("scanned_page")
    op.drop_table("handwritten_answer")
    op.drop_table("entered_paper")
    op.drop_index(op.f("ix_paper_piece_registration_id"), table_name="paper_piece")
    op.drop_index(op.f("ix_paper_piece_print_id"), table_name="paper_piece")
    op.drop_index(op.f("ix_paper_piece_form_id"), table_name="paper_piece")
    op.drop_table("paper_piece")
    op.drop_index(op.f("ix_paper_collection_sitting_room_id"), table_name="paper_collection")
    op.drop_table("paper_collection")
    op.drop_index(op.f("ix_paper_print_sitting_room_id"), table_name="paper_print")
    op.drop_table("paper_print")
    op.drop_index(op.f("ix_scan_upload_sitting_id"), table_name="scan_upload")
    op.drop_table("scan_upload")
