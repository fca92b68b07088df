"""Packs papers while the doors are open, so that nothing is joined in the second everybody starts.

A job of the leader; whoever starts before it came round gets a paper that is joined then.
"""

from __future__ import annotations

from datetime import datetime

import flask

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.paper.packed import PieceKey, let_go, put_down, unpacked, unused
from cbt.delivery.paper.pieces import PackedPiece
from cbt.delivery.save.journal import current_journal
from cbt.delivery.start.reply import current_openings

CHUNK, MOST = 50, 1000
"""So many papers in one transaction, and in one run."""


def pack_papers(*, now: datetime) -> int:
    """Pack the papers of rooms whose doors are open; return how many."""
    locale: str = flask.current_app.config["BABEL_DEFAULT_LOCALE"]
    papers = current_openings().papers
    mark, packed = papers.mark(locale), 0
    while packed < MOST:
        with reading() as session:
            refs = unpacked(session, locale=locale, mark=mark, most=CHUNK)
        if not refs:
            break
        pieces = _pieces(refs, locale)
        with unit_of_work() as session:
            put_down(session, pieces, mark=mark)
        packed += len(refs)
    return packed


def _pieces(refs: list[str], locale: str) -> dict[PieceKey, PackedPiece]:
    papers, infos = current_openings().papers, current_journal().infos
    found: dict[PieceKey, PackedPiece] = {}
    for ref in refs:
        info, form = infos.read(ref)
        for part in sorted(set(info.units)):
            key = form.form_id, part, locale
            if key not in found:
                found[key] = papers.piece(info, form, part=part, locale=locale)
    return found


def forget_papers(*, now: datetime) -> int:
    """Delete the packed papers that nobody has before them any more; return how many."""
    with reading() as session:
        over = unused(session, most=MOST)
    if over:
        with unit_of_work() as session:
            let_go(session, over)
    return len(over)
