"""One question in Moodle XML: its texts and answers as they are read, and the elements that are written."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from cbt.interchange import markdown, raw_items
from cbt.interchange import text as tree
from cbt.interchange.markdown import escaped
from cbt.interchange.out_texts import OutTexts, all_of_it, nothing
from cbt.interchange.raw_items import Gleaning

_FILE = re.compile(r"@@PLUGINFILE@@/")
_LINKED = re.compile(r"(!?)\[([^\]\n]{0,300})\]\(@@PLUGINFILE@@/([^)\s]{1,300})\)")
_TEX = re.compile(r"\\\\\(((?:(?!\\\\\))[^$\n]){1,300}+)\\\\\)")
"""A formula in Markdown, which takes a stroke before `\\(` and `\\)` away."""
_SOUNDS = (".mp3", ".ogg", ".wav", ".oga", ".opus")


@dataclass(frozen=True, slots=True)
class MoodleAnswer:
    """One answer: its element, its text as it is and as our Markdown, what it earns in per cent, its feedback."""

    node: Any
    raw: str
    text: str
    worth: Decimal
    feedback: str


class MoodleQuestion:
    """One question's element, read a text at a time; what is lost of them is remarked on."""

    def __init__(self, node: Any, gleaning: Gleaning) -> None:
        self.node, self.found = node, gleaning
        self.kind = self._kind_of(tree.child(node, "questiontext"), "html")

    @property
    def name(self) -> str:
        return tree.words(tree.child(self.node, "name"))

    @property
    def stem(self) -> str:
        return self.text(self.node, "questiontext")

    @property
    def blank_stem(self) -> str:
        """Return the text with {{1}} where something is to be typed."""
        holder = tree.child(self.node, "questiontext")
        text = "" if holder is None else self.formatted(holder, "html", change=raw_items.gap_marked)
        return raw_items.with_gap(text)

    @property
    def general(self) -> str:
        """Return what is said to everybody afterwards."""
        return self.text(self.node, "generalfeedback")

    def flag(self, name: str) -> bool | None:
        """Return a yes or no of the question, None where it is silent."""
        text = tree.words(tree.child(self.node, name)).lower()
        return text in {"1", "true"} if text else None

    def text(self, around: Any, name: str) -> str:
        holder = tree.child(around, name)
        return "" if holder is None else self.formatted(holder, "html")

    def formatted(
        self, holder: Any, usual: str, *, line: bool = False, change: Callable[[str], str] = str
    ) -> str:
        """Return the text in an element of which it says the kind, or else `usual`.

        `line` says that it is shown in a line; `change` is what it undergoes before it is read.
        """
        files = {one.get("name") or "": one for one in tree.children(holder, "file")}
        self.found.look = lambda source: _file(files, source)
        raw = tree.child(holder, "text")
        text = "".join(raw.itertext()) if raw is not None else (holder.text or "")
        return self._shown(change(text), self._kind_of(holder, usual), line=line)

    def _shown(self, text: str, kind: str, *, line: bool) -> str:
        """Return a text of some kind as Markdown."""

        def plain(text: str) -> str:
            return markdown.literal(text, line=line)

        if kind == "markdown":
            return _TEX.sub(r"$\1$", _LINKED.sub(self._linked, text.strip()))
        if kind == "html" or (kind == "moodle_auto_format" and markdown.looks_like_html(text)):
            source = text if kind == "html" else text.strip().replace("\n", "<br>")
            done = markdown.from_html(source, self.found.medium, line=line, formulas=True)
            for code, value in done.lost:
                self.found.hint(code, _FILE.sub("", value))
            return done.markdown
        return markdown.with_formulas(text.strip(), plain)

    def _linked(self, match: re.Match[str]) -> str:
        """Return what stands for a file that a Markdown text shows or plays; a link to any other stays words."""
        picture, words, name = match[1], match[2], match[3]
        if picture or name.lower().endswith(_SOUNDS):
            mark = self.found.medium(f"@@PLUGINFILE@@/{name}", words)
            if mark is not None:
                return mark
        self.found.hint(markdown.PICTURE if picture else markdown.MEDIA, unquote(name))
        return (f"［图：{words}］" if words else "［图］") if picture else words

    def answers(self, usual: str = "html") -> list[MoodleAnswer]:
        """Return the answers in their order, each a line; what says no kind of its own is of the `usual` one."""
        answers = []
        for node in tree.children(self.node, "answer"):
            raw = "".join(child.itertext()) if (child := tree.child(node, "text")) is not None else ""
            worth = raw_items.number(node.get("fraction") or "0") or Decimal(0)
            text = self.formatted(node, usual, line=True)
            answers.append(MoodleAnswer(node, raw.strip(), text, worth, self.text(node, "feedback")))
        return answers

    def graded(self, usual: str = "html") -> list[MoodleAnswer]:
        """Return the answers whose fractions are marks; raise LeftOut for one that is none."""
        answers = self.answers(usual)
        for one in answers:
            raw_items.checked_grade(one.worth, one.node.get("fraction") or "")
        return answers

    def explanation(self, answers: list[MoodleAnswer], *, letters: bool) -> dict[str, Any]:
        """Return what is said afterwards: to everybody, then to each answer by its letter or its text."""
        names = list(raw_items.LETTERS) if letters else [one.raw for one in answers]
        return raw_items.explained(
            self.general, [(name, one.feedback) for name, one in zip(names, answers, strict=False)]
        )

    @staticmethod
    def _kind_of(holder: Any, usual: str) -> str:
        kind = (holder.get("format") or usual) if holder is not None else usual
        return {"plain_text": "plain"}.get(kind, kind)


def _file(files: Mapping[str, Any], source: str) -> bytes | None:
    """Return a file that stands beside the text which names it."""
    name = unquote(_FILE.sub("", source).split("?")[0])
    if not _FILE.match(source) or name not in files:
        return None
    try:
        return base64.b64decode("".join(files[name].itertext()))
    except ValueError:
        return None


Fields = Mapping[str, Any]
ALMOST_ALL = Decimal(99)
"""So many per cent are full marks: thirds do not come to a hundred."""


def _as_written(data: Fields, texts: OutTexts) -> str:
    return texts.block(str(data["stem"]))


@dataclass(frozen=True, slots=True)
class MoodleMapping:
    """A type of item in Moodle XML: the fields it carries, and both ways.

    `reads` are the readers of questions by the names Moodle gives their types; `kind` names the type an item goes
    out as, `stem` is its text there, `answers` yields what follows the texts of a question. `prepared` returns an
    item without what Moodle shows nowhere in it, `unshown` names what it does not show as it is meant.
    """

    carries: frozenset[str]
    kind: Callable[[Fields], str]
    answers: Callable[[Fields, OutTexts], Iterator[str]]
    reads: Mapping[str, Callable[[MoodleQuestion], dict[str, Any]]] = field(default_factory=dict)
    stem: Callable[[Fields, OutTexts], str] = _as_written
    prepared: Callable[[Fields, OutTexts], Fields] = all_of_it
    unshown: Callable[[Fields, OutTexts], list[str]] = nothing


def answer(text: str, fraction: Decimal | int, kind: str, more: str = "") -> str:
    """Return an answer that earns so many per cent; `kind` is that of its text."""
    return f'<answer fraction="{fraction:f}" format="{kind}">{text_element(text)}{more}</answer>'


def shown(name: str, html: str) -> str:
    return f'<{name} format="html">{text_element(html)}</{name}>'


def text_element(text: str) -> str:
    return f"<text>{escaped(text)}</text>"
