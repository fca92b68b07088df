"""Blueprints and reasons from files and from stored text: read once, then kept, because a text never changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from flask_babel import gettext as _

from cbt.blueprints import reason_file as reasons_reader
from cbt.blueprints.reader import read
from cbt.blueprints.reason_file import REASONS_FILE
from cbt.blueprints.toml_file import line_of, lines_of
from cbt.errors import InvalidInput, NotFound
from cbt.http.i18n import catalogues, explain
from cbt.paths import product_dir
from cbt.rules.canonical import digest
from cbt.rules.exam import ExamBlueprint, Flaw, check_names
from cbt.rules.violations import ReasonTable

MOST_BYTES = 256 * 1024
"""A blueprint takes some kilobytes; what is much longer is another kind of file."""


def read_blueprint(text: str, *, name: str, stored: bool = False) -> ExamBlueprint:
    """Return the blueprint a text says; `name` is the file or record it came from.

    Raises InvalidInput("blueprint.refused") with `name`, `count`, `file`, `line`, `what` and `fix` of the
    first finding, and `findings`: a list of dicts with `file`, `line`, `what`, `fix`, sentences in the
    person's language. A text that is `stored` already keeps the names it came with.

    Source: R-1, R-2.
    """
    blueprint, findings = _read(digest(text), text)
    if blueprint is not None and not stored and (findings := check_names(blueprint)):
        blueprint = None
    if blueprint is None:
        raise _refusal("blueprint.refused", findings, text, name)
    return blueprint


def read_reasons(text: str, *, name: str) -> ReasonTable:
    """Return the table of reasons a text says; raise InvalidInput("reasons.refused") like `read_blueprint`.

    Source: R-26, R-63.
    """
    table, findings = _read_reasons(digest(text), text)
    if table is None:
        raise _refusal("reasons.refused", findings, text, name)
    return table


def shipped_reasons() -> Path:
    return product_dir("blueprints") / REASONS_FILE


def blueprint_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.toml") if path.name != REASONS_FILE)


def load_blueprint_file(path: Path) -> ExamBlueprint:
    """Return the blueprint of a file; raise as `read_blueprint` and `blueprint_text` do."""
    return read_blueprint(blueprint_text(path), name=str(path))


def blueprint_text(path: Path) -> str:
    """Return the text of a blueprint file.

    A byte order mark, as some editors write it, is no part of it.

    Raises NotFound("blueprint.no_file"), InvalidInput("blueprint.not_text") or ("blueprint.too_long"), each with
    the path.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise too_long(str(path))
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise NotFound("blueprint.no_file", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("blueprint.not_text", path=str(path)) from error


def too_long(path: str) -> InvalidInput:
    return InvalidInput("blueprint.too_long", path=path, most=MOST_BYTES // 1024)


def _refusal(code: str, findings: list[Flaw], text: str, name: str) -> InvalidInput:
    with catalogues():
        lines = lines_of(text)
        explained = [_explained(found, line_of(found, text, lines), name) for found in findings]
    listed = sorted(explained, key=lambda one: int(str(one["line"])))
    return InvalidInput(code, name=name, count=len(listed), **listed[0], findings=listed)


@lru_cache(maxsize=64)
def _read(_sha: str, text: str) -> tuple[ExamBlueprint | None, list[Flaw]]:
    return read(text)


@lru_cache(maxsize=16)
def _read_reasons(_sha: str, text: str) -> tuple[ReasonTable | None, list[Flaw]]:
    return reasons_reader.read(text)


def _explained(flaw: Flaw, line: int, name: str) -> dict[str, object]:
    what, fix = explain(InvalidInput(flaw.code, **shown(flaw)))
    return {"file": name, "line": line, "what": what, "fix": fix}


def shown(flaw: Flaw) -> dict[str, object]:
    """Return the parameters of a finding and `where`, the path as the file spells it."""
    where = ".".join(f"[{step + 1}]" if isinstance(step, int) else step for step in flaw.path)
    params = {**flaw.params, "where": where.replace(".[", "[")}
    return params | ({"kind": _(f"exams.kind.{params['kind']}")} if "kind" in params else {})
