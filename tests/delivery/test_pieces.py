"""A packed piece of a reply, put between what is packed when it is sent, is the gzip of all of it."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.runner.paper.content import PackedPiece, joined

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


@pytest.mark.parametrize("length", [0, 1, 0xFFFF, 0xFFFF + 1, 3 * 0xFFFF])
def test_what_is_said_around_a_piece_may_be_long(length: int) -> None:
    piece, around = PackedPiece.of("items"), b"x" * length
    whole = zlib.decompressobj(wbits=31)
    assert whole.decompress(joined(around, piece, around)) == around + b"items" + around
    assert whole.eof
    assert whole.unused_data == b""
