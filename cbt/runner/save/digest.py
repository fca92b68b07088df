"""The journal of an attempt as one text: its digest seals the journal, and the answers are read from it.

Source: R-41, R-64.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from cbt.rules.canonical import digest
from cbt.storage.bulk_read import parted
from cbt.storage.engine import Dialect

_EMPTY = "0"

# Three lines a row: when it came, where it belongs, its value ("" clears). A value is canonical JSON, so it
# holds no raw newline and is never empty; the count of rows before them leaves no second way to read the text.
# SQLite keeps the order of a subquery for group_concat, which learned ORDER BY only in 3.44; printf takes it two
# thirds of the time that joining a row's pieces one by one would. All journals are one row (see db/long_texts).
_KIND = "CASE kind WHEN 'answer' THEN '' ELSE ' ' || kind END"
_SQLITE = (
    "SELECT json_group_array(json_array(attempt_id, length(CAST(journal AS BLOB)))),"
    " CAST(group_concat(journal, '') AS BLOB) FROM ("
    "SELECT attempt_id, count(*) || char(10) || group_concat(line, char(10)) AS journal FROM ("
    "SELECT attempt_id, printf('%d %d %d\n%d%s\n%s',"
    f" lease_epoch, seq, received_at, position, {_KIND}, coalesce(value, '')) AS line"
    " FROM journal WHERE attempt_id {among}"
    " ORDER BY attempt_id, lease_epoch, seq) GROUP BY attempt_id)"
)
_MICROS = "CAST(round(extract(epoch FROM received_at) * 1000000) AS bigint)"
_POSTGRESQL = (
    "SELECT attempt_id, count(*) || chr(10) || string_agg("
    f"lease_epoch || ' ' || seq || ' ' || {_MICROS} || chr(10)"
    f" || position || {_KIND} || chr(10) || coalesce(value, ''), chr(10) ORDER BY lease_epoch, seq)"
    " FROM journal WHERE attempt_id {among} GROUP BY attempt_id"
)
_QUERIES = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


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


def read_texts(cursor: Any, dialect: Dialect, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return what `journal_texts` does on a driver's cursor, for a batch of at least one."""
    cursor.execute(*_query(dialect, attempt_ids))
    return _with(attempt_ids, cursor.fetchall(), dialect)


def read_grown(
    cursor: Any, dialect: Dialect, attempt_ids: Sequence[int], journals: Mapping[int, str]
) -> dict[int, str]:
    """Return the same, where texts are `journals` that were read before these attempts were locked.

    A journal only grows, so one that has as many rows as its text says is that text still.
    """
    if not journals:
        return read_texts(cursor, dialect, attempt_ids)
    among, values = dialect.among(attempt_ids)
    cursor.execute(
        f"SELECT attempt_id, count(*) FROM journal WHERE attempt_id {among} GROUP BY attempt_id", values
    )
    rows = dict(cursor.fetchall())
    still = {
        attempt_id: journals[attempt_id]
        for attempt_id in attempt_ids
        if attempt_id in journals and journals[attempt_id].partition("\n")[0] == str(rows.get(attempt_id, 0))
    }
    left = [attempt_id for attempt_id in attempt_ids if attempt_id not in still]
    return still | read_texts(cursor, dialect, left) if left else still


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
