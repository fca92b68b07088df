"""A manifest is read as what it was written from, and a wrong one is refused where it goes wrong."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cbt.errors import InvalidInput
from cbt.storage.mirror import FORMAT, PRODUCT, CopySet, read_copy, write_copy

COPY = CopySet(
    product=PRODUCT,
    format=FORMAT,
    encrypted=True,
    salt="00ff",
    version=7,
    newest=2,
    closed={"1": 40},
    keys={"database": "ab12"},
)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_copy(tmp_path, COPY)
    assert read_copy(tmp_path) == COPY


def test_a_field_of_a_later_release_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "copy.json").write_text(json.dumps({**asdict(COPY), "later": [1]}), "utf-8")
    assert read_copy(tmp_path) == COPY


def test_a_folder_without_a_manifest_is_no_copy(tmp_path: Path) -> None:
    assert read_copy(tmp_path) is None


def _lacking(name: str) -> bytes:
    return json.dumps({key: value for key, value in asdict(COPY).items() if key != name}).encode()


def _with(**changed: object) -> bytes:
    return json.dumps(asdict(COPY) | changed).encode()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param(_lacking("salt"), " (salt)", id="a field is not there"),
        pytest.param(_with(newest="2"), " (newest)", id="a text for a number"),
        pytest.param(_with(newest=True), " (newest)", id="a truth for a number"),
        pytest.param(_with(encrypted=1), " (encrypted)", id="a number for a truth"),
        pytest.param(_with(closed={"1": "40"}), " (closed)", id="a text among numbers"),
        pytest.param(_with(keys=None), " (keys)", id="nothing for a table"),
        pytest.param(b'{\n  "product": "cbt-engine",\n  nonsense\n}', ":3", id="no JSON in line 3"),
        pytest.param(b"[]", "", id="a list"),
        pytest.param(b"", "", id="an empty file"),
        pytest.param(b"[" * 100_000, "", id="brackets without end"),
        pytest.param(b'{"product": "\xff"}', "", id="no UTF-8"),
        pytest.param(_with(product="another"), "", id="another product's"),
        pytest.param(_with(format=FORMAT + 1), "", id="a later format"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_place(tmp_path: Path, content: bytes, place: str) -> None:
    path = tmp_path / "copy.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_copy(tmp_path)
    assert (refused.value.code, refused.value.params) == ("copy.manifest", {"path": f"{path}{place}"})


def test_a_manifest_stands_complete_or_not_at_all(tmp_path: Path) -> None:
    write_copy(tmp_path, COPY)
    write_copy(tmp_path, replace(COPY, newest=3))
    assert [path.name for path in tmp_path.iterdir()] == ["copy.json"]
