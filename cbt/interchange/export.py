"""Proof of an export: whether an item comes in again as it went out, as the form's own reader takes it.

Texts go out as XHTML, and pictures and sounds as files beside their item.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cbt.interchange.format import Carried, Export, LeftBehind
from cbt.interchange.intake import MARKED
from cbt.interchange.markdown import FORMATTING, NO_XML, escaped
from cbt.interchange.raw_items import RawItem
from cbt.items import markup
from cbt.items.draft import ItemDraft
from cbt.items.markup import to_html
from cbt.items.media import MARK, SCHEME, digest_of, in_words, is_sound, kind_of, names_in, replaced
from cbt.rules.items.inputs import number

USUAL: Mapping[str, object] = {
    "difficulty": 3,
    "consistency": 5,
    "explanation": "",
    "law": "",
    "point": "",
    "enemies": [],
    "fixed_order": False,
    "word_bank": [],
    "extra_options": [],
    "tolerance": "0",
    "decimals": 0,
    "limit": 500,
    "rubric": [],
    "marks": 1,
    "compute": "",
    "stem": "",
}
"""What a field says when it is not there."""
NUMBERS = frozenset({"tolerance", "points"})
MARKUP = "markup"
"""Stands for texts that show the same and are marked otherwise: `__x__` for `**x**`."""
MEDIA = "media"
_BESIDE = frozenset(
    {"point", "difficulty", "consistency", "explanation", "law", "enemies", "fixed_order", "word_bank"}
    | {"decimals", "limit", "rubric", "compute", "spots", "marks", "alt", "points", "unit", "title"}
)
"""Fields an item can do without: the others are what it asks and what is right."""
_SIDE_ANSWERS = frozenset({"short_answer"})
"""Types whose answer is a help for people."""

Back = Callable[[ItemDraft], "Mapping[str, Any] | None"]


def proven(
    export: Export,
    carries: Carried,
    written: Callable[[ItemDraft], tuple[str, Mapping[str, Any] | None]],
    prepared: Callable[[ItemDraft], ItemDraft] = lambda draft: draft,
    unshown: Callable[[ItemDraft], list[str]] = lambda _draft: [],
    *,
    media: bool = False,
) -> Iterator[tuple[ItemDraft, str]]:
    """Yield each item a form can hold with its text; what is left behind is listed in the export.

    `written` returns the text of an item and the content its reader makes of that, None when it is none. Pictures
    and sounds stay: `prepared` says what stands in their places, else they are named as in our own texts. Where
    they go along (`media`), those stay that `prepared` leaves out. A field the form has no place for is left behind
    even where our own reader finds it again; `unshown` names what else no other system shows as it is meant.
    """
    for whole in export.items:
        lost, draft, text = _proof(whole, carries, written, prepared, media=media)
        if lost is None:
            export.left.append(LeftBehind(whole.ref, str(whole.data.get("type"))))
            continue
        if fields := sorted({*lost, *unshown(whole)}):
            export.left.append(LeftBehind(whole.ref, str(whole.data.get("type")), tuple(fields)))
        export.written += 1
        yield draft, text


def _proof(
    whole: ItemDraft,
    carries: Carried,
    written: Callable[[ItemDraft], tuple[str, Mapping[str, Any] | None]],
    prepared: Callable[[ItemDraft], ItemDraft],
    *,
    media: bool,
) -> tuple[list[str] | None, ItemDraft, str]:
    """Return the fields an item loses, None when all of it, with what goes out and its text."""
    unheld = uncarried(whole.data, carries)
    if unheld is None:
        return None, whole, ""
    draft = prepared(whole)
    text, back = written(draft)
    lost = differing(draft.data, back) if back is not None else None
    if lost is None:
        return None, whole, ""
    if draft is not whole:
        reworded = differing(replaced(whole.data, MARK, _words), replaced(draft.data, MARK, _words))
        lost += [FORMATTING] if reworded is None else reworded
    named = Counter(names_in(whole.data))
    lost += [MEDIA] if (named - Counter(names_in(draft.data)) if media else named) else []
    return [*lost, *unheld], draft, text


def _words(mark: re.Match[str]) -> str:
    return in_words(mark[0])


def uncarried(data: Mapping[str, Any], carries: Carried) -> list[str] | None:
    """Return the fields of an item that a form has no place for, None when it has none for its type."""
    kind = str(data.get("type"))
    if kind not in carries:
        return None
    parts = [part for part in data.get("parts", ()) if isinstance(part, Mapping)]
    inner = [uncarried(part, carries) for part in parts]
    if any(one is None for one in inner):
        return None
    held = [name for name, value in _said(data).items() if value != ""]  # of no words none are lost
    lost = [name for name in held if name not in carries[kind] | {"type", "parts"}]
    return sorted({*lost, *(name for one in inner for name in one or ())} - {"points"})


def differing(data: Mapping[str, Any], back: Mapping[str, Any]) -> list[str] | None:
    """Return the fields in which an item came back otherwise, None when it asks something else."""
    mine, its = _said(data), _said(back)
    lost: list[str] = []
    for name in sorted(mine.keys() | its.keys()):
        if name == "parts":
            parts = _parts(mine.get(name, []), its.get(name, []))
            if parts is None:
                return None
            lost += parts
        elif not _same(name, mine.get(name), its.get(name)):
            if _shows_the_same(mine.get(name), its.get(name)):
                lost.append(MARKUP)
            elif name in _BESIDE or (name == "answer" and data.get("type") in _SIDE_ANSWERS):
                lost.append(name)
            else:
                return None
    return sorted(set(lost))


def _parts(mine: Sequence[Any], its: Sequence[Any]) -> list[str] | None:
    if len(mine) != len(its):
        return None
    differences = [differing(one, two) for one, two in zip(mine, its, strict=True)]
    return (
        None
        if any(one is None for one in differences)
        else [name for one in differences for name in one or ()]
    )


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not is_usual(name, value)}


def is_usual(name: str, value: object) -> bool:
    return value is None or (name in USUAL and _same(name, _listed(value), USUAL[name]))


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _same(name: str, mine: object, its: object) -> bool:
    if mine == its:
        return True
    if name in NUMBERS or name == "answer":
        first, two = number(mine), number(its)
        return first is not None and first == two
    return False


def _shows_the_same(mine: object, its: object) -> bool:
    """Return whether texts, or lists of them, look alike to whoever reads them."""
    if isinstance(mine, str) and isinstance(its, str):
        return _seen(mine) == _seen(its)
    if isinstance(mine, list) and isinstance(its, list) and len(mine) == len(its):
        return all(_shows_the_same(one, two) for one, two in zip(mine, its, strict=True))
    return False


def _seen(text: str) -> str:
    """Return a text as it is seen: of several spaces one, and a sign behind a stroke as itself."""
    return " ".join(to_html(text).replace("&nbsp;", " ").split())


_BLANK = re.compile(r'<span data-blank="(\d+)"></span>')
_FORMULA = re.compile(r"<math([^>]*)>(.*?)</math>", re.DOTALL)
_MATH = ' xmlns="http://www.w3.org/1998/Math/MathML"'
_IMAGE = re.compile(r"<img( [^<>]*?)/?>")
_AUDIO = re.compile(r"<audio [^<>]*></audio>")
_SOURCE, _TITLE = re.compile(r'\ssrc="([^"]*)"'), re.compile(r'\stitle="([^"]*)"')
_VOID = re.compile(r"<br>\s*")


def block(text: str, blank: Callable[[int], str] = lambda _number: "") -> str:
    """Return a text as XHTML paragraphs, `blank` for each of its blanks."""
    return _xhtml(_sourced(*markup.written(text, line=False)), blank)


def line(text: str) -> str:
    return _xhtml(_sourced(*markup.written(text, line=True)), lambda number: f"{{{{{number}}}}}")


def _sourced(shown: str, sources: Sequence[str]) -> str:
    """Return HTML whose formulas have their sources beside them: another reader of ours finds them again."""
    left = iter(sources)

    def named(match: re.Match[str]) -> str:
        note = f'<annotation encoding="application/x-tex">{escaped(next(left))}</annotation>'
        return f"<math{_MATH}{match[1]}><semantics><mrow>{match[2]}</mrow>{note}</semantics></math>"

    return _FORMULA.sub(named, shown)


def _xhtml(shown: str, blank: Callable[[int], str]) -> str:
    plain = NO_XML.sub("", shown.replace("&nbsp;", "&#160;"))
    plain = _AUDIO.sub(_sound, _IMAGE.sub(r"<img\1/>", _VOID.sub("<br/>", plain)))
    return _BLANK.sub(lambda found: blank(int(found[1])), plain)


def _sound(match: re.Match[str]) -> str:
    """Return a sound as other systems know it: an object with its kind, and the words for it inside."""
    source, words = _SOURCE.search(match[0]), _TITLE.search(match[0])
    address = source[1] if source else ""
    return f'<object type="{kind_of(address)}" data="{address}">{words[1] if words else ""}</object>'


_PICTURES: Mapping[str, str] = {"image/png": ".png", "image/jpeg": ".jpg"}
_NAMED = re.compile(r"[0-9a-f]{32}")


class Luggage:
    """The files that one item takes along, by the names its texts call them."""

    def __init__(self, export: Export, draft: ItemDraft) -> None:
        self.files: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        for _field, name in names_in(draft.data):
            self._take(export, name)

    def _take(self, export: Export, name: str) -> None:
        medium = export.medium(name) if name not in self.files else None
        if medium is not None:
            kind, self.bodies[name] = medium
            self.files[name] = name if is_sound(name) else f"{name}{_PICTURES.get(kind, '')}"

    def picture(self, draft: ItemDraft) -> str:
        """Return the file of the picture that an item asks to be marked, "" where it takes none along."""
        picture = str(draft.data.get("picture", ""))
        return self.files.get(picture.removeprefix(SCHEME), "") if picture.startswith(SCHEME) else ""


def at_hand(luggage: Luggage, draft: ItemDraft) -> ItemDraft:
    """Return an item with the words for what is not there in its place."""
    return draft.with_data(
        replaced(
            draft.data, MARK, lambda found: found[0] if found[2] in luggage.files else in_words(found[0])
        )
    )


class Porter:
    """Has each item of an export be prepared with its luggage; `now` is that of the one which is being written."""

    def __init__(self, export: Export, first: Callable[[ItemDraft], ItemDraft] = lambda draft: draft) -> None:
        """Begin without any; `first` says what a form leaves out of an item."""
        self._export, self._first = export, first
        self.now = Luggage(export, ItemDraft("", {}, {}))

    def prepared(self, draft: ItemDraft) -> ItemDraft:
        kept = self._first(draft)
        self.now = Luggage(self._export, kept)
        return at_hand(self.now, kept)


def back(item: RawItem, luggage: Luggage) -> dict[str, Any]:
    """Return what a reader made of an item, its pictures and sounds by the names they are kept under."""
    names = {digest_of(body): name for name, body in luggage.bodies.items()}

    def named(match: re.Match[str]) -> str:
        name = names.get(digest_of(item.pictures.get(match[1], b"")), "")
        return f"![{match[2]}]({SCHEME}{name})"

    done: dict[str, Any] = replaced(item.data, MARKED, named)
    return done


def addressed(text: str, prefix: str, files: Mapping[str, str], address: Callable[[str], str]) -> str:
    """Return a text in which what is sent from `prefix` and a name is found at the address of its file instead."""
    pattern = re.compile(rf'"{re.escape(prefix)}({_NAMED.pattern}(?:\.(?:mp3|ogg|wav))?)"')
    return pattern.sub(lambda found: f'"{address(files[found[1]])}"' if found[1] in files else found[0], text)
