"""`cbt docs`: every document has a name and a title, one is printed whole, and nothing of yours is written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cbt.cli import build
from cbt.errors import Conflict, NotFound
from cbt.ops.documents import copy_out, documents, find
from cbt.paths import product_dir

DOCS = product_dir("docs")


def test_every_document_is_listed_once_by_its_title() -> None:
    found = {one.name: one for one in documents()}
    assert len(found) == len(documents())
    assert {path.stem.lower() for path in DOCS.glob("*.md")} | {"readme", "readme.zh-cn", "changelog"} == set(
        found
    )
    assert found["operations"].title == "Operations"


def test_one_is_printed_whole_and_a_program_gets_json() -> None:
    shown = CliRunner().invoke(build(), ["docs", "operations"])
    assert shown.output.rstrip() == (DOCS / "operations.md").read_text("utf-8").rstrip()
    listed = json.loads(CliRunner().invoke(build(), ["docs", "--json"]).output)
    assert {"name", "title", "path"} == set(listed[0])


def test_a_mistyped_name_is_told_the_near_one() -> None:
    with pytest.raises(NotFound) as refused:
        find("operatons.md")
    assert refused.value.params["near"] == ["operations", "operations.zh-cn"]


def test_copying_again_changes_nothing_and_an_edited_file_is_kept(tmp_path: Path) -> None:
    assert copy_out(tmp_path) > 15
    edited = tmp_path / "docs" / "deploy" / "haproxy.cfg"
    assert copy_out(tmp_path) == 0
    edited.write_text("our addresses")
    (tmp_path / "README.md").unlink()
    with pytest.raises(Conflict) as refused:
        copy_out(tmp_path)
    assert refused.value.params["path"] == edited
    assert edited.read_text() == "our addresses"
    assert not (tmp_path / "README.md").exists()
