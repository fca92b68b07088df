"""Markdown from other systems' texts: plain text as it was typed, and HTML with what is lost of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lxml import etree

from cbt.interchange.text import local

NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""What no document of XML can hold."""
_WIDE = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED = re.compile(rf"(?<={_WIDE})[ \t]*\n[ \t]*(?={_WIDE})")
_MARKER = re.compile(r"^(\s*)([-+*]|\d{1,9}[.)])(?=\s|$)", re.MULTILINE)
_RULER = re.compile(r"^([ \t]*)([-:|])(?=[ \t|:-]*$)", re.MULTILINE)
_BLANK = re.compile(r"\{\{(\d+)\}\}")
_STARS, _STROKES = re.compile(r"(?<![*])[*]+"), re.compile(r"(?<!_)_+")
_TEX = re.compile(
    r"\\\(((?:[^\\]|\\(?![()\[\]])){1,2000}+)\\\)|\$\$([^$]{1,2000}+)\$\$|\\\[((?:[^\\]|\\(?![()\[\]])){1,2000}+)\\\]"
)
"""What stands between `\\(` and `\\)`, `$$` and `$$`, `\\[` and `\\]`."""
_UNHELD = re.compile(r"(?<!\\)\$|\\$")
"""What no formula of ours can have in it or at its end."""
_DOLLAR, _IMAGE = re.compile(r"\$(?!\s)"), re.compile(r"!\[(?=[^\]\n]*\]\(media:)")
_BACKSLASH = re.compile(r"\\(?=[!-/:-@\[-`{-~\n]|$)")
_MARKUP = re.compile(r"<[/!]?[A-Za-z]|&(?:[A-Za-z]{2,8}|#\d{2,6}|#x[0-9A-Fa-f]{2,5});")


def literal(text: str, *, line: bool = False, inside: bool = False, shared: bool = False) -> str:
    """Return plain text as Markdown that shows it as it is; most texts stay as they are.

    What is a blank here and was none there, {{1}}, gets spaces. In a `line` of its own no list begins; `inside`
    says that something stands before it, `shared` that there are signs of emphasis beside it.
    """
    text = _BLANK.sub(r"{ {\1} }", text)
    text = _BACKSLASH.sub(r"\\\\", text)
    for runs, is_inert in ((_STARS, _spaced), (_STROKES, _within)):
        if shared or len(runs.findall(text)) > 1:  # one alone marks nothing
            text = runs.sub(partial(_run, is_inert=is_inert, inside=inside), text)
    text = _DOLLAR.sub(r"\\$", text) if text.count("$") > 1 else text
    text = _IMAGE.sub(r"!\[", text)
    if line:
        return text
    head, text = ("\0", f"\0{text}") if inside else ("", text)
    text = _RULER.sub(r"\1\\\2", text)
    return _MARKER.sub(lambda found: f"{found[1]}{_inert(found[2])}", text).removeprefix(head)


def _run(match: re.Match[str], *, is_inert: Callable[[str, str], bool], inside: bool) -> str:
    """Return a run of one sign, each behind a stroke where it could mark what stands beside it."""
    text, start, end = match.string, match.start(), match.end()
    before = text[start - 1] if start else "." if inside else " "
    return match[0] if is_inert(before, text[end : end + 1]) else "".join(f"\\{sign}" for sign in match[0])


def _spaced(before: str, after: str) -> bool:
    return before.isspace() and after.isspace()


def _within(before: str, after: str) -> bool:
    return before.isalnum() and after.isalnum()


def with_formulas(text: str, plain: Callable[[str], str]) -> str:
    """Return a text of a platform that sets TeX, with its formulas as ours and `plain` of all else."""
    parts, end = list[str](), 0
    for match in _TEX.finditer(text):
        source = next(one for one in match.groups() if one is not None).strip()
        if not source or _UNHELD.search(source):
            continue
        mark = "$" if match[1] is not None else "$$"
        before = plain(text[end : match.start()])
        after = text[match.end() : match.end() + 1]
        parts += [before, " " * before.endswith("\\"), f"{mark}{source}{mark}", " " * after.isdigit()]
        end = match.end()
    return "".join([*parts, plain(text[end:])])


def has_formula(text: str) -> bool:
    return _TEX.search(text) is not None


def _inert(marker: str) -> str:
    return f"{marker[:-1]}\\{marker[-1]}"


def looks_like_html(text: str) -> bool:
    """Return whether a text whose kind nobody names has elements or characters of HTML in it."""
    return _MARKUP.search(text) is not None


def escaped(text: str) -> str:
    return html.escape(NO_XML.sub("", text), quote=True)


def tidy(text: str) -> str:
    """Return a text without blanks at the ends of lines and with at most one empty line at a time."""
    text = re.sub(r"(?<=\S)[ \t\xa0]+", " ", text)
    text = re.sub(r"^[ \t\xa0](?=\S)|^[ \t\xa0]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +\n", "\n", text)).strip()


def joined(text: str) -> str:
    """Return a text of a document in which ends of lines are spaces, between wide characters nothing."""
    return re.sub(r"[ \t\r\n\f\xa0]+", " ", _WRAPPED.sub("", text))


TIGHT = "tight"
"""The class of a table of ours without space around the words of its cells."""
FORMATTING = "formatting"
"""Stands for emphasis and formulas where only words, or a formula's source, are shown."""
PICTURE, FORMULA, MEDIA = "picture_not_kept", "formula_not_kept", "media_not_kept"
_GONE = frozenset({"script", "style", "head", "template", "noscript", "title", "meta", "link", "stylesheet"})
_MEDIA = frozenset(
    {"object", "embed", "iframe", "audio", "video", "applet", "svg", "canvas", "form", "input", "button"}
    | {"select", "textarea", "frame", "frameset", "marquee", "portal"}
)
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "section",
        "article",
        "blockquote",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "center",
        "dl",
    }
    | {"dt", "dd", "figure", "figcaption", "header", "footer", "address", "details", "summary", "fieldset"}
    | {"body", "html", "rubricBlock", "prompt"}
)
_UP = dict(zip("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", strict=True))
_DOWN = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
MOST_DEPTH = 200


Medium = Callable[[str, str], "str | None"]


def _not_at_hand(_source: str, _words: str) -> str | None:
    return None


@dataclass(slots=True)
class Text:
    """What became of a text, and the codes of what could not be kept of it, with what was met."""

    markdown: str
    lost: list[tuple[str, str]] = field(default_factory=list)


def from_html(
    html: str, medium: Medium = _not_at_hand, *, line: bool = False, formulas: bool = False
) -> Text:
    """Return an HTML fragment as Markdown; the rest is as with `Writer`."""
    if not html.strip():
        return Text("")
    if not looks_like_html(html):
        writer = Writer(medium=medium, line=line, formulas=formulas)
        writer.say(html)
        return writer.text()
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    root = etree.fromstring(f"<html><body>{html}</body></html>".encode(), parser)
    return Text("") if root is None else from_nodes([root], medium, line=line, formulas=formulas)


def from_nodes(
    nodes: list[Any], medium: Medium = _not_at_hand, *, line: bool = False, formulas: bool = False
) -> Text:
    """Return elements of a tree as Markdown, one after the other."""
    writer = Writer(medium=medium, line=line, formulas=formulas)
    for node in nodes:
        writer.node(node, 0)
    return writer.text()


class Writer:
    """Writes a tree of HTML as Markdown; what it meets and cannot keep is listed.

    `special` may take an element over: it returns its text, or None to leave it to the rules here. `medium` returns
    what stands for a picture or a sound by its address and the words for it, None where it is not at hand. `line`
    says that it is shown in a line, where no list begins; `formulas`, that whoever wrote it has TeX set.
    """

    def __init__(
        self,
        special: Any = None,
        medium: Medium = _not_at_hand,
        *,
        line: bool = False,
        formulas: bool = False,
    ) -> None:
        self._at_hand, self._line, self._formulas = medium, line, formulas
        self._shared = False
        self.parts: list[str] = []
        self.lost: list[tuple[str, str]] = []
        self._special = special

    def text(self) -> Text:
        return Text(tidy("".join(self.parts)), self.lost)

    def say(self, text: str) -> None:
        """Write words of the document: plain text in which ends of lines are spaces."""
        if not text.strip():
            self.parts += [" "] if text else []
        elif self._formulas:
            self.parts.append(with_formulas(joined(text), self._plain))
        else:
            self.parts.append(self._plain(joined(text)))

    def _plain(self, text: str) -> str:
        before = next((part for part in reversed(self.parts) if part), "\n")
        return literal(text, line=self._line, inside=not before.endswith("\n"), shared=self._shared)

    def inside(self, node: Any, depth: int) -> None:
        self._look_through(node, depth)
        self.say(node.text or "")
        for child in node:
            self.node(child, depth + 1)
            self.say(child.tail or "")

    def node(self, node: Any, depth: int) -> None:
        """Write one element."""
        self._look_through(node, depth)
        name = local(node)
        name = name.lower() if name.lower() in _BLOCKS or name.isupper() else name
        if not name or name in _GONE or depth > MOST_DEPTH or _HIDDEN.search(node.get("style") or ""):
            return
        if self._special is not None and (replacement := self._special(node)) is not None:
            self.parts.append(replacement)
        elif name == "br":
            self.parts.append("\n")
        elif name in {"img", "image"}:
            self._picture(node.get("src") or "", node.get("alt") or "")
        elif name == "math":
            self._formula(node)
        elif name in _MEDIA:
            self._medium(node)
        elif name in {"strong", "b", "em", "i"}:
            self._marked(node, depth, "**" if name in {"strong", "b"} else "*")
        elif name in {"sup", "sub"}:
            self._raised(node, _UP if name == "sup" else _DOWN, "^" if name == "sup" else "_")
        elif name in {"ul", "ol"}:
            self._list(node, depth, numbered=name == "ol")
        elif name == "table":
            self.parts += [f"\n\n{self.sub(one, depth)}" for one in node if local(one) == "caption"]
            self._table(node, depth)
        elif name in _BLOCKS:
            self.parts.append("\n\n")
            self.inside(node, depth)
            self.parts.append("\n\n")
        else:
            self.inside(node, depth)

    def _look_through(self, node: Any, depth: int) -> None:
        """See whether signs of emphasis stand in more than one text of a tree."""
        if depth == 0:
            self._shared = sum("*" in text or "_" in text for text in node.itertext()) > 1

    def sub(self, node: Any, depth: int) -> str:
        kept, self.parts = self.parts, []
        self.inside(node, depth)
        text, self.parts = tidy("".join(self.parts)), kept
        return text

    def _lose(self, code: str, value: str, mark: str) -> None:
        self.lost.append((code, value[:200]))
        self.parts.append(mark)

    def _picture(self, source: str, words: str) -> None:
        mark = self._at_hand(source, words)
        if mark is not None:
            self.parts.append(mark)
        else:
            self._lose(PICTURE, source, f"［图：{words}］" if words else "［图］")

    def _formula(self, node: Any) -> None:
        """Write a formula whose source stands with it; of any other the characters are kept."""
        source = _source(node)
        if source and not set(source) & set("$\n"):
            mark = "$$" if node.get("display") == "block" else "$"
            self.parts.append(f"{mark}{source}{mark}")
        else:
            text = "".join(node.itertext()).strip()
            self._lose(FORMULA, text, literal(text))

    def _medium(self, node: Any) -> None:
        kind = node.get("type") or ""
        held = [node, *(one for one in node if local(one) == "source")]
        source = next((address for one in held if (address := one.get("data") or one.get("src"))), "")
        if kind.startswith("image/") or source.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".svg")):
            self._picture(source, "".join(node.itertext()).strip())
        elif (local(node) == "audio" or kind.startswith("audio/")) and (
            mark := self._at_hand(source, node.get("title") or "".join(node.itertext()).strip())
        ) is not None:
            self.parts.append(mark)
        else:
            self._lose(MEDIA, source or local(node), "")

    def _marked(self, node: Any, depth: int, mark: str) -> None:
        text = self.sub(node, depth)
        if "\n\n" in text or not text:
            self.parts.append(text)
        else:
            self.parts.append(f"{mark}{text}{mark}")

    def _raised(self, node: Any, table: dict[str, str], mark: str) -> None:
        text = "".join(node.itertext()).strip()
        if text and all(one in table for one in text):
            self.parts.append("".join(table[one] for one in text))
        elif text:
            self.parts.append(literal(f"{mark}({text})" if len(text) > 1 else f"{mark}{text}"))

    def _list(self, node: Any, depth: int, *, numbered: bool) -> None:
        lines = []
        for number, item in enumerate((one for one in node if local(one) == "li"), 1):
            mark = f"{number}. " if numbered else "- "
            lines.append(mark + self.sub(item, depth + 1).replace("\n", "\n" + " " * len(mark)))
        self.parts.append("\n\n" + "\n".join(lines) + "\n\n")

    def _table(self, node: Any, depth: int) -> None:
        rows = [
            [
                self.sub(cell, depth + 1).replace("\n", " ").replace("|", "\\|")
                for cell in row
                if local(cell) in {"td", "th"}
            ]
            for row in node.iter()
            if local(row) == "tr"
        ]
        wide = max((len(row) for row in rows), default=0)
        if wide:
            full = [row + [""] * (wide - len(row)) for row in rows]
            full.insert(1, ["---"] * wide)
            space = "" if TIGHT in (node.get("class") or "").split() else " "
            lines = [f"|{space}{f'{space}|{space}'.join(row)}{space}|" for row in full]
            self.parts.append("\n\n" + "\n".join(lines) + "\n\n")


def _source(node: Any) -> str:
    for child in node.iter():
        if local(child) == "annotation" and "tex" in (child.get("encoding") or ""):
            return (child.text or "").strip()
    return ""
