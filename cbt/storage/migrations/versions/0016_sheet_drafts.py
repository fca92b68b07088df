"""Files between dry run and import: one table for rosters and banks, sealed both."""

from __future__ import annotations

import hashlib
import hmac
import os

import flask
import sqlalchemy as sa
from alembic import op
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import cbt.storage.types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BANK = b"bank"
ROSTERS = sa.text(
    "INSERT INTO sheet_draft (ref, subject, actor, file_name, sealed, created_at)"
    " SELECT d.ref, 'sitting:' || s.ref, d.actor, d.file_name, d.body_sealed, d.created_at"
    " FROM roster_draft d JOIN sitting s ON s.id = d.sitting_id"
)
BANKS = sa.text(
    "SELECT d.ref, 'item_bank:' || b.ref AS subject, d.actor, d.file_name, d.content, d.created_at"
    " FROM import_draft d JOIN item_bank b ON b.id = d.bank_id"
)
KEEP = sa.text(
    "INSERT INTO sheet_draft (ref, subject, actor, file_name, sealed, created_at)"
    " VALUES (:ref, :subject, :actor, :file_name, :sealed, :created_at)"
)
ROSTERS_BACK = sa.text(
    "INSERT INTO roster_draft (ref, sitting_id, actor, file_name, body_sealed, created_at)"
    " SELECT d.ref, s.id, d.actor, d.file_name, d.sealed, d.created_at"
    " FROM sheet_draft d JOIN sitting s ON d.subject = 'sitting:' || s.ref"
)
BANKS_BACK = sa.text(
    "SELECT d.ref, b.id AS bank_id, d.actor, d.file_name, d.sealed, d.created_at"
    " FROM sheet_draft d JOIN item_bank b ON d.subject = 'item_bank:' || b.ref"
)
KEEP_BACK = sa.text(
    "INSERT INTO import_draft (ref, bank_id, actor, file_name, content, created_at)"
    " VALUES (:ref, :bank_id, :actor, :file_name, :content, :created_at)"
)


def upgrade() -> None:
    """Bring both kinds of drafts into one table; those of banks were in clear and are sealed."""
    _create(
        "sheet_draft", sa.Column("subject", sa.String(length=120), nullable=False), "sealed", "created_at"
    )
    connection = op.get_bind()
    connection.execute(ROSTERS)
    for row in connection.execute(BANKS).mappings().all():
        nonce = os.urandom(12)
        sealed = nonce + _cipher().encrypt(nonce, bytes(row["content"]), BANK)
        connection.execute(KEEP, {**row, "sealed": sealed})
    op.drop_table("roster_draft")
    op.drop_table("import_draft")


def downgrade() -> None:
    """Give each kind its own table again."""
    _create("roster_draft", _owner("roster_draft", "sitting"), "body_sealed", "created_at")
    _create("import_draft", _owner("import_draft", "bank"), "content", "actor")
    connection = op.get_bind()
    connection.execute(ROSTERS_BACK)
    for row in connection.execute(BANKS_BACK).mappings().all():
        sealed = bytes(row["sealed"])
        content = _cipher().decrypt(sealed[:12], sealed[12:], BANK)
        connection.execute(KEEP_BACK, {**row, "content": content})
    op.drop_table("sheet_draft")


def _create(table: str, target: sa.Column[object], body: str, indexed: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        target,
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column(body, sa.LargeBinary(), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("ref", name=op.f(f"uq_{table}_ref")),
    )
    op.create_index(op.f(f"ix_{table}_{indexed}"), table, [indexed], unique=False)


def _owner(table: str, kind: str) -> sa.Column[object]:
    target = {"sitting": "sitting.id", "bank": "item_bank.id"}[kind]
    name = f"fk_{table}_{kind}_id_{target.removesuffix('.id')}"
    return sa.Column(f"{kind}_id", sa.Integer(), sa.ForeignKey(target, name=op.f(name)), nullable=False)


def _cipher() -> AESGCM:
    key: bytes = flask.current_app.config["PERSONAL_KEY"]
    return AESGCM(hmac.new(key, b"cbt personal seal", hashlib.sha256).digest())
