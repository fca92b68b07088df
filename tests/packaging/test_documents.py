"""What the documents say is there: commands, options, files, headings, keys of a blueprint."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cbt.blueprints import reason_file as reasons
from cbt.blueprints import spec
from cbt.cli import build
from cbt.paths import product_dir

ROOT = product_dir("templates").parent
DOCUMENTS = [
    *(
        ROOT / name
        for name in ("README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    ),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PLACE = re.compile(r"(?:cbt|bench|torture|tests|templates|static|blueprints|requirements)(?:/[\w.-]+)*/?")
_COMMAND = re.compile(r"(?:^|[\s/\\=&|])(?<!-u )cbt ((?:[a-z-]+\b ?)+)([^#\n]*)", re.MULTILINE)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def code_of(document: Path) -> list[str]:
    """Return what a document sets as code: fenced blocks and spans."""
    text = document.read_text("utf-8")
    return [*_FENCE.findall(text), *_SPAN.findall(_FENCE.sub("", text))]


def unknown_in(line: str) -> str:
    """Return the word or option of `cbt …` that does not exist, or ""."""
    command: click.Command = build()
    words = line.split()
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return words[0]
        command = found
        words.pop(0)
    options = {option for one in command.params for option in one.opts} | {"--help", "--version"}
    return next((word for word in words if word.startswith("--") and word not in options), "")


@every_document
def test_every_command_exists(document: Path) -> None:
    lines = ["".join(found) for code in code_of(document) for found in _COMMAND.findall(code)]
    assert {line: word for line in lines if (word := unknown_in(line))} == {}


def test_the_check_of_commands_sees_them() -> None:
    assert unknown_in("srve") == "srve"
    assert unknown_in("bank lint FOLDER --quick") == "--quick"
    assert unknown_in("bank lint FOLDER --json") == ""


@every_document
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name for code in code_of(document) for name in re.findall(r"^make ([a-z-]+)", code, re.MULTILINE)
    }
    assert named <= targets


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in _LINK.findall(document.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        name, _, heading = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        assert not heading or heading in anchors(path), target


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_every_place_in_the_checkout_is_there(document: Path) -> None:
    named = {span for span in _SPAN.findall(_FENCE.sub("", document.read_text("utf-8"))) if "/" in span}
    places = {span for span in named if _PLACE.fullmatch(span)}
    assert sorted(place for place in places if not is_there(place)) == []


def is_there(place: str) -> bool:
    """Return whether there is a file, a folder, or a module that is named without its ending."""
    path = ROOT / place
    return path.exists() or path.with_name(f"{path.name}.py").exists()


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, and those that it sets itself."""
    text = document.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return set(re.findall(r'^<a id="([\w-]+)"></a>$', text, re.MULTILINE)) | {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize(
    ("page", "heading", "place"),
    [
        pytest.param("README.md", "## Six figures", "", id="six in English"),
        pytest.param("README.zh-CN.md", "## 六个数字", "", id="six in Chinese"),
        pytest.param("docs/measurements.md", "## The figures", "en:", id="all in English"),
        pytest.param("docs/measurements.md", "## 中文表", "zh:", id="all in Chinese"),
    ],
)
def test_a_page_has_the_place_of_the_figures(page: str, heading: str, place: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    section = text[text.index(heading) :].split("\n## ", 1)[0]
    assert section.index(f"<!-- bench:{place}begin -->") < section.index(f"<!-- bench:{place}end -->")


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_two_commands_come_first(readme: str) -> None:
    first = _FENCE.findall((ROOT / readme).read_text("utf-8"))[0]
    assert [line.split("#")[0].strip() for line in first.strip().splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("page", ["blueprints.md", "blueprints.zh-CN.md"])
def test_every_key_of_a_blueprint_is_documented(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    fields = [*spec.TOP, *spec.ADMISSION, *spec.RETAKE, *spec.PAPER, *spec.SUBMIT, *spec.CLOCK]
    fields += [*spec.SECTION, *spec.UNIT, *spec.ENROLMENT, *spec.MAJORS, *spec.FEES, *spec.ELIGIBILITY]
    names = [one.key for one in fields]
    names += [f"occupation.{one.key}" for one in spec.OCCUPATION] + [f"level.{one.key}" for one in spec.LEVEL]
    names += [one.key for one in reasons.VIOLATION if one.key not in ("zh", "en")]
    assert [name for name in names if f"\n| `{name}` |" not in text] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "images").glob("*.png")), ids=lambda path: path.name)
def test_pictures_stay_small(path: Path) -> None:
    assert path.stat().st_size < 200_000
