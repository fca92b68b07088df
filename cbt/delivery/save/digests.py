"""The journal of an attempt as one text: its digest seals the journal, and the answers are read from it.

Source: R-41, R-64.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from cbt.db.long_texts import parted
from cbt.delivery.save.guard import Dialect
from cbt.rules.canonical import digest

_EMPTY = "0"

# Three lines a row: when it came, where it belongs, its value ("" clears). A value is canonical JSON, so it
# holds no raw newline and is never empty; the count of rows before them leaves no second way to read the text.
_ROW = (
    "lease_epoch || ' ' || seq || ' ' || {micros} || {newline}"
    " || position || CASE kind WHEN 'answer' THEN '' ELSE ' ' || kind END || {newline} || coalesce(value, '')"
)
# SQLite keeps the order of a subquery for group_concat, which learned ORDER BY only in 3.44. All journals are one
# row (see db/long_texts).
_SQLITE = (
    "SELECT json_group_array(json_array(attempt_id, length(CAST(journal AS BLOB)))),"
    " CAST(group_concat(journal, '') AS BLOB) FROM ("
    "SELECT attempt_id, count(*) || {newline} || group_concat(line, {newline}) AS journal FROM ("
    f"SELECT attempt_id, {_ROW} AS line FROM journal WHERE attempt_id {{among}}"
    " ORDER BY attempt_id, lease_epoch, seq) GROUP BY attempt_id)"
)
_POSTGRESQL = (
    "SELECT attempt_id, count(*) || {newline} ||"
    f" string_agg({_ROW}, {{newline}} ORDER BY lease_epoch, seq)"
    " FROM journal WHERE attempt_id {among} GROUP BY attempt_id"
)
_MICROS = "CAST(round(extract(epoch FROM received_at) * 1000000) AS bigint)"
_QUERIES = {
    "sqlite": _SQLITE.format(micros="received_at", newline="char(10)", among="{among}"),
    "postgresql": _POSTGRESQL.format(micros=_MICROS, newline="chr(10)", among="{among}"),
}


def journal_texts(session: Session, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return each attempt's journal in (lease_epoch, seq) order as one text (one query).

    The database writes it, so that no row becomes an object here; both databases write the same text.
    """
    if not attempt_ids:
        return {}
    dialect = Dialect(session.get_bind().dialect.name)
    query, values = _query(dialect, attempt_ids)
    return _with(attempt_ids, session.connection().exec_driver_sql(query, values), dialect)


def _query(dialect: Dialect, attempt_ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
    among, values = dialect.among(attempt_ids)
    return _QUERIES[dialect.name].format(among=among), values


def _with(attempt_ids: Sequence[int], rows: Iterable[Any], dialect: Dialect) -> dict[int, str]:
    texts = dict.fromkeys(attempt_ids, _EMPTY)
    if dialect.name == "postgresql":
        texts.update(map(tuple, rows))
        return texts
    for listed, joined in rows:
        for (attempt_id,), journal in parted(json.loads(listed), joined or b""):
            texts[attempt_id] = str(journal or b"", "utf-8")
    return texts


def journal_digests(session: Session, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return the sha256 of the text of each attempt's journal. Source: R-64."""
    return _digested(journal_texts(session, attempt_ids))


def read_digests(cursor: Any, dialect: Dialect, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return the same on a driver's cursor, for a batch."""
    cursor.execute(*_query(dialect, attempt_ids))
    return _digested(_with(attempt_ids, cursor.fetchall(), dialect))


def _digested(texts: dict[int, str]) -> dict[int, str]:
    return {attempt_id: digest(journal) for attempt_id, journal in texts.items()}


def is_seal(sealed: str | None, journal: str) -> bool:
    """Return whether `sealed` is the digest of a journal's text, as it is taken now or as 0.1.0 took it.

    Source: R-64.
    """
    return sealed is not None and (digest(journal) == sealed or _former_digest(journal) == sealed)


def _former_digest(journal: str) -> str:
    lines = journal.split("\n")
    rows = []
    for when, place, value in zip(lines[1::3], lines[2::3], lines[3::3], strict=True):
        epoch, seq, micros = map(int, when.split(" "))
        position, _, kind = place.partition(" ")
        row = [epoch, seq, int(position), kind or "answer", value or None, micros]
        rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    return digest("".join(rows))


def answers_in(journal: str) -> dict[str, str]:
    """Return the canonical answer that counts at each position, "" where it was cleared, from a journal's text.

    Positions are keyed as they are written there, `"12"`; the flag of 12 is `"12 flag"`, and so on. The latest
    by (lease_epoch, seq) counts.

    Source: R-41.
    """
    lines = journal.split("\n")
    return dict(zip(lines[2::3], lines[3::3], strict=False))


def latest_answers(session: Session, attempt_ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Return the canonical answer that counts at each answered position: attempt id -> position -> answer.

    Source: R-41.
    """
    return {
        attempt_id: {
            int(place): value for place, value in answers_in(journal).items() if value and place.isdigit()
        }
        for attempt_id, journal in journal_texts(session, attempt_ids).items()
    }
