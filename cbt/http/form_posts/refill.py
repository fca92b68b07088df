"""A page's form filled with what somebody typed before: text in, text out.

Only the form that sends to the same address is touched, and of its controls only their values. What belongs to
nothing there is handed back, to be shown beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

Fields = Sequence[tuple[str, str]]
Attrs = dict[str, str]
OPENED = ("dialog", "details")
DIALOG_BODY = "dialog-body"
UNTOUCHED = frozenset({"password", "file", "submit", "button", "image", "reset"})
OURS = frozenset({"csrf_token", "kept_form", "form_page"})


@dataclass(slots=True)
class _Control:
    """One control of a form; `start` to `end` is its tag, `inner_end` where its content ends."""

    tag: str
    attrs: Attrs
    start: int
    end: int
    inner_end: int = 0
    options: list[_Control] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.attrs.get("name", "")

    @property
    def kind(self) -> str:
        return self.attrs.get("type", "text").lower() if self.tag == "input" else self.tag


@dataclass(slots=True)
class _Opening:
    """What has to be open for what lies in it to be seen: `start` to `end` is its tag, `close` where it ends.

    Behind `body` stands what a dialog says under its head.
    """

    tag: str
    attrs: Attrs
    start: int
    end: int
    body: int
    close: int = 0

    def holds(self, control: _Control) -> bool:
        return self.end <= control.start < self.close


@dataclass(slots=True)
class _Found:
    """A form, what it lies in, what may be closed in it, and its controls."""

    attrs: Attrs
    end: int
    around: list[_Opening]
    inside: list[_Opening] = field(default_factory=list)
    controls: list[_Control] = field(default_factory=list)


class _Reader(HTMLParser):
    """Finds the forms of a page with the places of their controls."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self._lines = [0]
        for line in page.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self.forms: list[_Found] = []
        self._open: _Found | None = None
        self._by_id: dict[str, _Found] = {}
        self._around: list[_Opening] = []
        self._text: _Control | None = None
        self._select: _Control | None = None
        self._loose: list[tuple[str, _Control]] = []
        self.feed(page)
        self.close()
        for owner, control in self._loose:
            if owner in self._by_id:
                self._by_id[owner].controls.append(control)

    def _here(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag down."""
        attributes = {name: value or "" for name, value in attrs}
        start, end = self._here(), self._here() + len(self.get_starttag_text() or "")
        if tag in OPENED:
            opening = _Opening(tag, attributes, start, end, end)
            self._around.append(opening)
            if self._open is not None:
                self._open.inside.append(opening)
        elif self._around and DIALOG_BODY in attributes.get("class", "").split():
            self._around[-1].body = end
        elif tag == "form":
            self._open = _Found(attributes, end, list(self._around))
            self.forms.append(self._open)
            self._by_id[attributes.get("id", "")] = self._open
        elif tag in ("input", "textarea", "select", "button"):
            self._control(_Control(tag, attributes, start, end, end))
        elif tag == "option" and self._select is not None:
            self._text = _Control(tag, attributes, start, end, end)
            self._select.options.append(self._text)

    def _control(self, control: _Control) -> None:
        if "form" in control.attrs:
            self._loose.append((control.attrs["form"], control))
        elif self._open is not None:
            self._open.controls.append(control)
        if control.tag == "textarea":
            self._text = control
        elif control.tag == "select":
            self._select = control

    def handle_endtag(self, tag: str) -> None:
        """Close what the tag closes."""
        if self._text is not None and tag == self._text.tag:
            self._text.inner_end = self._here()
            self._text = None
        if tag == "select":
            self._select = None
        elif tag == "form":
            self._open = None
        elif tag in OPENED and self._around:
            self._around.pop().close = self._here()


@dataclass(frozen=True, slots=True)
class UnplacedValues:
    """What found no place in the form: values by their names, and the names of notes."""

    fields: Fields = ()
    notes: Sequence[str] = ()


def fill(
    page: str,
    *,
    at: str,
    to: str,
    fields: Fields | None,
    notes: dict[str, str],
    head: Callable[[UnplacedValues], str],
) -> str | None:
    """Return the page at the address `at` with its form that sends to `to` filled; None when it has no such form.

    `head` draws what is put at the beginning of the form, each of `notes` stands behind the control of that name.
    Without `fields` the controls stay as they are.
    """
    form = _form_of(_Reader(page).forms, at, to, fields or ())
    if form is None:
        return None
    edits: list[tuple[int, int, str]] = []
    shown = [one for one in form.inside if _was_filled(one, form.controls, fields or ())]
    for opening in (*form.around, *shown):
        if "open" not in opening.attrs:
            edits.append((opening.start, opening.end, _tag(opening.tag, opening.attrs | {"open": ""})))
    begins = next((one.body for one in shown if one.tag == "dialog"), form.end)
    placed = {control.name: control.end for control in form.controls if control.name in notes}
    edits += [(end, end, notes[name]) for name, end in placed.items()]
    left = [] if fields is None else _fill_controls(page, form.controls, fields, edits)
    edits.append((begins, begins, head(UnplacedValues(left, [name for name in notes if name not in placed]))))
    for start, end, text in sorted(edits, reverse=True):
        page = page[:start] + text + page[end:]
    return page


def _was_filled(opening: _Opening, controls: Iterable[_Control], fields: Fields) -> bool:
    """Return whether something that was typed or chosen stands in what may be closed."""
    kept = {name for name, value in fields if value}
    return any(
        control.kind != "hidden" and control.name in kept and opening.holds(control) for control in controls
    )


def _form_of(forms: Iterable[_Found], at: str, to: str, fields: Fields) -> _Found | None:
    mine = [
        one
        for one in forms
        if one.attrs.get("method", "").lower() == "post"
        and urlsplit(urljoin(at, one.attrs.get("action") or at)).path == to
    ]
    kept = set(fields)

    def likeness(form: _Found) -> tuple[int, int]:
        names = {name for name, _ in kept}
        same = [(c.name, c.attrs.get("value", "")) in kept for c in form.controls if c.kind == "hidden"]
        return sum(same), sum(control.name in names for control in form.controls)

    return max(mine, key=likeness, default=None)


def _fill_controls(
    page: str, controls: Sequence[_Control], fields: Fields, edits: list[tuple[int, int, str]]
) -> list[tuple[str, str]]:
    """Add to `edits` what fills the controls; return what is left."""
    kept: dict[str, list[str]] = defaultdict(list)
    for name, value in fields:
        if name not in OURS:
            kept[name].append(value)
    for control in sorted(controls, key=lambda one: one.start):
        values = kept.get(control.name, [])
        if control.kind in UNTOUCHED:
            kept.pop(control.name, None)  # what a button said is no wish yet
            continue
        if control.kind in ("checkbox", "radio"):
            _choose(control, control.attrs.get("value", "on"), values, "checked", edits)
        elif control.tag == "select":
            for option in control.options:
                shown = " ".join(unescape(page[option.end : option.inner_end]).split())
                _choose(option, option.attrs.get("value", shown), values, "selected", edits)
        elif values and control.tag == "textarea":
            edits.append((control.end, control.inner_end, "\n" + escape(values.pop(0))))
        elif values:
            edits.append(
                (control.start, control.end, _tag("input", {**control.attrs, "value": values.pop(0)}))
            )
    return [(name, value) for name, values in kept.items() for value in values]


def _choose(
    control: _Control, value: str, values: list[str], mark: str, edits: list[tuple[int, int, str]]
) -> None:
    chosen = value in values
    if chosen:
        values.remove(value)
    if chosen != (mark in control.attrs):
        attrs = {name: given for name, given in control.attrs.items() if name != mark}
        edits.append((control.start, control.end, _tag(control.tag, attrs | ({mark: ""} if chosen else {}))))


def _tag(tag: str, attrs: Attrs) -> str:
    return "".join((f"<{tag}", *(f' {name}="{escape(value)}"' for name, value in attrs.items()), ">"))
