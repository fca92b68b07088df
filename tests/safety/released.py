"""Installations as released versions left them, ready to be upgraded.

`before/<version>/<database>/` holds what that version stored of a finished sitting of two rooms and four papers,
answered by chance, scored and released: the database (`cbt.db.xz`, kept in clear to be small, or `cbt.pgdump`), its
`personal.key`, and in `stored.json` every score and every result as that version read them.
"""

from __future__ import annotations

import itertools
import json
import lzma
import os
import secrets
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2
from sqlalchemy import text

from cbt.config import Settings
from cbt.paths import product_dir
from cbt.storage.unit_of_work import reading
from tests.databases import PostgresServer, find_binaries

BEFORE = Path(__file__).parent / "before"
RELEASED = sorted(path.parent.parent.name for path in BEFORE.glob("*/embedded/stored.json"))
_SCORES = """SELECT a.ref, s.number, s.raw, s.score, s.sheet, s.sha256, s.journal_digest
    FROM score s JOIN attempt a ON a.id = s.attempt_id ORDER BY a.ref, s.number"""
_RESULTS = """SELECT g.ref, r.outcome, r.score
    FROM result r JOIN registration g ON g.id = r.registration_id ORDER BY g.ref"""
_names = itertools.count()


def folder_of(version: str, kind: str) -> Path:
    """Return the folder of what a version stored on one kind of database."""
    return BEFORE / version / {"sqlite": "embedded", "postgresql": "postgresql"}[kind]


def lay_out(version: str, kind: str, target: Path, postgres: PostgresServer | None) -> Settings:
    """Put the installation of `version` below `target` and return its settings; nobody runs there."""
    source = folder_of(version, kind)
    for name in ("data", "keys"):
        (target / name).mkdir(mode=0o700, parents=True)
    _put_key(target / "keys", "personal", (source / "personal.key").read_bytes())
    url = ""
    if kind == "sqlite":
        _encrypt(source / "cbt.db.xz", target)
    else:
        assert postgres is not None
        url = _restored(postgres, version, source / "cbt.pgdump")
    return Settings(
        data_dir=target / "data",
        key_dir=target / "keys",
        database_url=url,
        blueprint_dir=product_dir("blueprints"),
        bank_dir=product_dir("question_bank"),
    )


def _put_key(folder: Path, name: str, key: bytes) -> bytes:
    path = folder / f"{name}.key"
    path.write_bytes(key)
    path.chmod(0o600)
    return key


def _encrypt(packed: Path, target: Path) -> None:
    """Encrypt the database under a key of its own, as it lies in an installation."""
    clear, sealed = target / "clear.db", target / "data" / "cbt.db"
    clear.write_bytes(lzma.decompress(packed.read_bytes()))
    key = _put_key(target / "keys", "database", secrets.token_bytes(32))
    with closing(sqlcipher3.dbapi2.connect(clear)) as connection:
        connection.execute(f"ATTACH DATABASE '{sealed}' AS sealed KEY \"x'{key.hex()}'\"")
        connection.execute("SELECT sqlcipher_export('sealed')")
        connection.execute("DETACH DATABASE sealed")
    clear.unlink()
    sealed.chmod(0o600)


def _restored(postgres: PostgresServer, version: str, dump: Path) -> str:
    """Return the URL of a database with what `dump` holds; the first is kept to copy the others from."""
    template = f"before_{os.getpid()}_{version.replace('.', '_')}"
    try:
        return postgres.create(f"{template}_{next(_names)}", template=template)
    except Exception:
        url = postgres.create(template)
        binaries = find_binaries()
        tool = shutil.which("pg_restore", path=str(binaries)) or "pg_restore"
        plain = url.replace("+psycopg", "")
        subprocess.run(
            [tool, "--no-owner", "--no-privileges", "--exit-on-error", "-d", plain, dump], check=True
        )
        return postgres.create(f"{template}_{next(_names)}", template=template)


def stored(version: str, kind: str) -> dict[str, Any]:
    """Return the scores and results as that version read them."""
    found: dict[str, Any] = json.loads((folder_of(version, kind) / "stored.json").read_text("utf-8"))
    return found


def read_again() -> dict[str, Any]:
    """Return the same of the database of this app as it is now."""
    with reading() as session:
        scores = [[str(value) for value in row] for row in session.execute(text(_SCORES))]
        results = [
            [None if value is None else str(value) for value in row]
            for row in session.execute(text(_RESULTS))
        ]
    return {"scores": scores, "results": results}
