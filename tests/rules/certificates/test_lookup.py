"""Look-up: found and read by who knows number and name, by nobody else; a browser's twin is held to the vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.errors import InvalidInput
from cbt.rules.certificates import (
    BLOCK,
    ITERATIONS,
    KeyStretch,
    look_up_name,
    look_up_number,
    opened,
    record_ref,
    record_size,
    sealed,
    stretched,
)

VECTORS = json.loads(Path(__file__).with_name("look_up_vectors.json").read_text("utf-8"))
QUICK = KeyStretch(bytes(16), 1)
NUMBER, NAME = "S000031000001263000001", "王小明"
keys = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["about"])
def test_a_vector_holds(vector: dict[str, str | int]) -> None:
    number, name = str(vector["number"]), str(vector["name"])
    stretch = KeyStretch(bytes.fromhex(str(vector["salt"])), int(vector["iterations"]))
    assert look_up_number(number) == vector["plain_number"]
    assert look_up_name(name) == vector["plain_name"]
    key = stretched(number, name, stretch)
    content = str(vector["content"]).encode()
    assert (key.hex(), record_ref(key)) == (vector["key"], vector["ref"])
    assert sealed(content, key, int(vector["size"])).hex() == vector["record"]
    assert opened(bytes.fromhex(str(vector["record"])), key) == content


def test_a_vector_is_as_hard_as_what_is_published() -> None:
    assert ITERATIONS in {one["iterations"] for one in VECTORS}


@pytest.mark.parametrize(
    ("number", "name"),
    [
        pytest.param("s 0000 31 000001 26 3 000001", "王 小 明", id="in groups"),
        pytest.param("S0000-31-000001-26-3-000001", "王小明", id="with hyphens"),
        pytest.param("Ｓ０００" + NUMBER[4:], "王小明　", id="with blanks"),
    ],
)
def test_what_is_typed_otherwise_is_the_same_look_up(number: str, name: str) -> None:
    assert stretched(number, name, QUICK) == stretched(NUMBER, NAME, QUICK)


@pytest.mark.parametrize(
    ("number", "name", "stretch"),
    [
        pytest.param("S000031000001263000002", NAME, QUICK, id="another number"),
        pytest.param(NUMBER, "王小朋", QUICK, id="another name"),
        pytest.param(NUMBER, NAME, KeyStretch(bytes(15) + b"1", 1), id="another site"),
        pytest.param(NUMBER, NAME, KeyStretch(bytes(16), 2), id="another count"),
    ],
)
def test_anything_else_finds_and_reads_nothing(number: str, name: str, stretch: KeyStretch) -> None:
    mine, other = stretched(NUMBER, NAME, QUICK), stretched(number, name, stretch)
    assert record_ref(mine) != record_ref(other)
    with pytest.raises(InvalidInput, match=r"certificate\.record"):
        opened(sealed(b"{}", mine, BLOCK), other)


def test_a_hyphen_of_a_passport_stays() -> None:
    assert look_up_number("e-1234567") == "E-1234567"


@pytest.mark.parametrize(
    ("contents", "blocks"),
    [
        pytest.param([], 1, id="no record"),
        pytest.param([b""], 1, id="nothing to say"),
        pytest.param([bytes(BLOCK - 4), b"short"], 1, id="just one"),
        pytest.param([b"short", bytes(BLOCK - 3)], 2, id="a byte more"),
    ],
)
def test_records_are_filled_up_to_whole_blocks_of_the_longest(contents: list[bytes], blocks: int) -> None:
    assert record_size(contents) == blocks * BLOCK


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=700), min_size=1, max_size=4), keys)
def test_records_are_of_one_size_and_open_to_what_they_hold(contents: list[bytes], key: bytes) -> None:
    size = record_size(contents)
    records = [sealed(content, key, size) for content in contents]
    assert {len(record) for record in records} == {size + 28}
    assert size % BLOCK == 0
    assert size >= BLOCK
    assert [opened(record, key) for record in records] == contents
    assert records == [sealed(content, key, size) for content in contents]
    nonces = {content: record[:12] for content, record in zip(contents, records, strict=True)}
    assert len(set(nonces.values())) == len(nonces)


@settings(max_examples=40)
@given(keys, st.integers(0, BLOCK + 27), st.integers(1, 255))
def test_a_record_that_was_changed_does_not_open(key: bytes, place: int, by: int) -> None:
    record = bytearray(sealed(b"content", key, BLOCK))
    record[place] ^= by
    with pytest.raises(InvalidInput, match=r"certificate\.record"):
        opened(bytes(record), key)


@pytest.mark.parametrize("record", [b"", b"short", bytes(40)])
def test_what_is_no_record_does_not_open(record: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"certificate\.record"):
        opened(record, bytes(32))


def test_what_does_not_fit_is_not_cut_off() -> None:
    with pytest.raises(InvalidInput, match=r"certificate\.record"):
        sealed(bytes(BLOCK - 3), bytes(32), BLOCK)
    assert opened(sealed(bytes(BLOCK - 4), bytes(32), BLOCK), bytes(32)) == bytes(BLOCK - 4)
