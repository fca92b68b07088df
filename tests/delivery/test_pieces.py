"""A packed piece of a reply, put between what is packed when it is sent, is the gzip of all of it."""

from __future__ import annotations

import gzip

from hypothesis import given
from hypothesis import strategies as st

from cbt.delivery.paper.pieces import PackedPiece, joined

TEXTS = st.text(alphabet=st.sampled_from('{}":,题干选项ab '), max_size=400)


@given(TEXTS, st.integers(1, 40), TEXTS, TEXTS)
def test_what_is_unpacked_is_the_whole_and_its_check_holds(
    text: str, times: int, before: str, after: str
) -> None:
    piece = PackedPiece.of(text * times)
    assert piece.text() == text * times
    assert PackedPiece.read(piece.stored()) == piece
    whole = joined(before.encode(), piece, after.encode())
    assert gzip.decompress(whole).decode() == before + text * times + after
