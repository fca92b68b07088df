"""What is wrong with a text somebody typed or brought: found in a child, told in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cbt.blueprints.office.text_check_child import TextFlaw, examine
from cbt.blueprints.store import read_blueprint, shown
from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.http.i18n import explain
from cbt.rules.exam import ExamBlueprint, Flaw, Path

MOST_TEXT = 64 * 1024
SHORT = 512
"""A text of so few bytes keeps nobody busy, whatever it says: no child is begun for it."""
LIMITS = Limits(memory=256 * MEGABYTE, cpu=2, wall=8, answer=MEGABYTE)
_TASK = "cbt.blueprints.office.text_check_child:examine"


@dataclass(frozen=True, slots=True)
class LineFinding:
    """A finding at a line of a text, which `says` what stands there."""

    line: int
    path: Path
    says: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text, and the blueprint it says or everything that keeps it from one."""

    text: str
    findings: tuple[LineFinding, ...] = ()
    blueprint: ExamBlueprint | None = None


def text_of(body: bytes, name: str) -> str:
    """Return the text of a file.

    Raise InvalidInput("blueprint.not_text") or ("blueprint.too_long") with its name.
    """
    if len(body) > MOST_TEXT:
        raise InvalidInput("blueprint.too_long", path=name, most=MOST_TEXT // 1024, field="file")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("blueprint.not_text", path=name, field="file") from error


def tidy(text: str) -> str:
    """Return a text with the line ends of a file on disk, so that the same words are the same version."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"


def checked(text: str) -> CheckedText:
    """Return a text with everything that is wrong with it.

    Raise InvalidInput("blueprint.too_long") for one beyond measure, or that takes too long to read.
    """
    text = tidy(text)
    body = text.encode("utf-8", "replace")
    beyond = InvalidInput("blueprint.too_long", path="TOML", most=MOST_TEXT // 1024)
    if len(body) > MOST_TEXT:
        raise beyond
    try:
        answer = examine(body) if len(body) <= SHORT else run(_TASK, body, limits=LIMITS)
        flaws = msgspec.msgpack.decode(answer, type=list[TextFlaw])
    except Exhausted as error:
        raise beyond from error
    if not flaws:
        return CheckedText(text, blueprint=read_blueprint(text, name="TOML"))
    rows = text.splitlines()
    return CheckedText(text, tuple(_finding(one, rows) for one in flaws))


def _finding(text_flaw: TextFlaw, rows: list[str]) -> LineFinding:
    flaw = Flaw(tuple(text_flaw.path), text_flaw.code, text_flaw.params)
    what, fix = explain(InvalidInput(text_flaw.code, **shown(flaw)))
    says = rows[text_flaw.line - 1].strip() if 0 < text_flaw.line <= len(rows) else ""
    return LineFinding(text_flaw.line, flaw.path, says[:120], what, fix)
