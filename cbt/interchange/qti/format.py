"""QTI as a format of banks: packages of 2.2 and 3.0 written item by item, files and packages read.

A package has a file for each item, and a manifest with what items have no place for.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import IO, Any

from cbt.errors import InvalidInput
from cbt.interchange import raw_items
from cbt.interchange import text as tree
from cbt.interchange.archive import beside
from cbt.interchange.export import Luggage, Porter, addressed, back, block, proven
from cbt.interchange.format import Carried, Carries, Confidence, Content, Export, Format, LeftBehind, OutForm
from cbt.interchange.intake import read as received
from cbt.interchange.markdown import escaped
from cbt.interchange.qti import reader
from cbt.interchange.qti.interactions import TOOL
from cbt.interchange.qti.reader import DIFFICULTIES, Contents, unified
from cbt.interchange.qti.response import Fields, QtiWriting, Question22, declared, processing
from cbt.interchange.raw_items import Gleaning
from cbt.items.draft import Adjustments, Inferred, ItemDraft, Reading
from cbt.items.media import PREFIX
from cbt.items.types.folders import Mappings

SPACE = "http://www.imsglobal.org/xsd/imsqti_v2p2"
WRITINGS = Mappings("qti_writer", QtiWriting)


def item(draft: ItemDraft, picture: str = "") -> str:
    """Return an item as one document; `picture` is where its picture lies, seen from it, "" in its usual place."""
    data = draft.data
    title = str(data.get("title") or draft.ref)
    parts = data.get("parts")
    questions, body = (
        _case(data, parts) if parts is not None else _alone(data, picture or picture_file(draft.ref))
    )
    feedback = _feedback(data, parts or [])
    head = (
        f'<assessmentItem xmlns="{SPACE}" identifier="{identifier(draft.ref)}" title="{escaped(title)}"'
        f' label="{escaped(draft.ref)}" adaptive="false" timeDependent="false" toolName="{TOOL}" toolVersion="1">'
    )
    shown = "".join(_shown(name, text) for name, text in feedback)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{declared(questions, feedback=bool(feedback))}'
        f"<itemBody>{body}</itemBody>{processing(questions, feedback)}{shown}</assessmentItem>\n"
    )


def identifier(ref: str) -> str:
    return ref if ref[:1].isalpha() else f"i-{ref}"


def picture_file(ref: str) -> str:
    return f"../images/{identifier(ref)}.jpg"


def _alone(data: Fields, picture: str) -> tuple[list[Question22], str]:
    responses, body = WRITINGS[data["type"]].write(data, "RESPONSE", picture)
    return [Question22("SCORE", "1", responses)], body


def _case(data: Fields, parts: list[Fields]) -> tuple[list[Question22], str]:
    questions, blocks = [], [f'<div class="stimulus">{block(str(data["stimulus"]))}</div>']
    for number, part in enumerate(parts, 1):
        responses, body = WRITINGS[part["type"]].write(part, f"RESPONSE_{number}", "")
        questions.append(Question22(f"SCORE_{number}", str(part["points"]), responses))
        blocks.append(f'<div class="part">{body}</div>')
    return questions, "".join(blocks)


def _feedback(data: Fields, parts: list[Fields]) -> list[tuple[str, str]]:
    feedback = [("explanation", str(data.get("explanation", "")))]
    feedback += [(f"explanation_{n}", str(part.get("explanation", ""))) for n, part in enumerate(parts, 1)]
    return [(name, text) for name, text in feedback if text]


def _shown(name: str, text: str) -> str:
    head = f'<modalFeedback outcomeIdentifier="FEEDBACK" identifier="{name}" showHide="show">'
    return f"{head}{block(text)}</modalFeedback>"


SPACE_3 = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
_TAG = re.compile(r"<(/?)([A-Za-z]+)((?:\s+[A-Za-z:]+=\"[^\"]*\")*)\s*(/?)>")
_ATTRIBUTE = re.compile(r"([A-Za-z:]+)=\"([^\"]*)\"")
_UPPER = re.compile(r"(?<!^)([A-Z])")
_HTML = frozenset(
    {
        "p",
        "br",
        "strong",
        "em",
        "ol",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "div",
        "span",
        "object",
    }
)
_MATH = frozenset(
    {
        "math",
        "semantics",
        "annotation",
        "mrow",
        "mn",
        "mo",
        "mi",
        "mover",
        "mfrac",
        "mspace",
        "mtext",
        "msqrt",
        "mroot",
    }
    | {"msub", "msup", "msubsup", "munder", "munderover", "mtable", "mtr", "mtd"}
)
_WRAPPED = frozenset({"modalFeedback", "rubricBlock"})
"""What 3.0 wants a body in."""


def version_3(document: str) -> str:
    """Return a document that `writing` made as one of 3.0."""
    return _TAG.sub(_renamed, document).replace(SPACE, SPACE_3)


def _renamed(match: re.Match[str]) -> str:
    close, name, attributes, empty = match[1], match[2], match[3], match[4]
    if name in _HTML or name in _MATH:
        return match[0]
    text = _ATTRIBUTE.sub(lambda one: f'{_kebab(one[1])}="{one[2]}"', attributes)
    tag = f"<{close}qti-{_kebab(name)}{text}{empty}>"
    if name in _WRAPPED:
        return f"</qti-content-body>{tag}" if close else f"{tag}<qti-content-body>"
    return tag


def _kebab(name: str) -> str:
    return _UPPER.sub(r"-\1", name).lower()


_COMMON = frozenset({"stem", "explanation", "point", "difficulty", "consistency", "law", "enemies"})
_OF_CASES = frozenset({"title", "stimulus", "unit"}) | _COMMON - {"stem"}
CARRIES: Carried = Carries(WRITINGS, _COMMON, {"case": _OF_CASES})
_PICTURE = "data:image/jpeg;base64,"
_TAGGED = ("point", "consistency", "law", "enemies", "decimals", "compute", "unit")
_OF_PARTS = ("difficulty", *_TAGGED)
_MEDIA = "media/"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LOM = "http://ltsc.ieee.org/xsd/LOM"
_QTI_22 = ("http://www.imsglobal.org/xsd/imscp_v1p1", "QTIv2.2 Package", "1.0.0", "imsqti_item_xmlv2p2")
_QTI_30 = (
    "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
    "QTI Package",
    "3.0.0",
    "imsqti_item_xmlv3p0",
)


def _write(
    export: Export, target: IO[bytes], kind: tuple[str, str, str, str], turn: Callable[[str], str]
) -> None:
    """Write the items one by one, then the manifest."""
    entries: list[tuple[str, list[str], Mapping[str, Any]]] = []
    porter, sent = Porter(export), set[str]()

    def written(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
        picture = porter.now.picture(draft)
        if not _is_whole(draft.data, picture):
            return "", None
        shown = item(draft, f"../{_MEDIA}{picture}" if picture else "")
        text = turn(addressed(shown, PREFIX, porter.now.files, lambda file: f"../{_MEDIA}{file}"))
        return text, _back(draft, text, porter.now)

    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for draft, text in proven(export, CARRIES, written, porter.prepared, media=True):
            archive.writestr(zipfile.ZipInfo(_name(draft.ref), _EPOCH), text, zipfile.ZIP_DEFLATED)
            files = {f"{_MEDIA}{file}": name for name, file in porter.now.files.items()}
            for file in (one for one in files if one not in sent):
                archive.writestr(zipfile.ZipInfo(file, _EPOCH), porter.now.bodies[files[file]])
            sent |= files.keys()
            picture = _picture_in(draft.data)
            if picture is not None:
                archive.writestr(zipfile.ZipInfo(_picture(draft.ref), _EPOCH), picture)
                export.left.append(LeftBehind(draft.ref, str(draft.data["type"]), ("picture",)))
            facts = {name: draft.data[name] for name in ("point", "difficulty") if draft.data.get(name)}
            beside = [*files, *([_picture(draft.ref)] if picture is not None else [])]
            entries.append((draft.ref, _tags(draft.data), {**facts, "files": beside}))
        with archive.open(zipfile.ZipInfo("imsmanifest.xml", _EPOCH), "w") as manifest:
            for line in _manifest(export, entries, kind):
                manifest.write(line.encode())


def _back(draft: ItemDraft, text: str, luggage: Luggage) -> Mapping[str, Any] | None:
    """Return what our reader makes of a document and of what the manifest says of it."""
    gleaning = Gleaning()
    try:
        root = unified(tree.parse(text.encode()))
        with gleaning.item("", 1):
            contents = Contents.known(_name(draft.ref), _tags(draft.data))
            reader.read_item(gleaning, root, reader.Around(_name(draft.ref), _Beside(luggage), contents))
    except InvalidInput:
        return None
    if len(gleaning.items) != 1 or gleaning.items[0].ref != draft.ref:
        return None
    facts = {name: draft.data[name] for name in ("point", "difficulty") if draft.data.get(name)}
    picture = {"picture": draft.data["picture"]} if "picture" in gleaning.items[0].data else {}
    return {**back(gleaning.items[0], luggage), **facts, **picture}


def _is_whole(data: Mapping[str, Any], picture: str) -> bool:
    """Say whether an item has its picture in it or along with it, and a case none in its parts.

    Those stand nowhere in a package.
    """
    mapping = WRITINGS.get(str(data.get("type")))
    if mapping is not None and mapping.pictured:
        return bool(picture) or _picture_in(data) is not None
    inner = [WRITINGS.get(str(part.get("type"))) for part in data.get("parts", ())]
    return all(part is not None and not part.pictured for part in inner)


def _picture_in(data: Mapping[str, Any]) -> bytes | None:
    """Return the picture of an item, None where it has none in it."""
    picture = data.get("picture")
    if not isinstance(picture, str) or not picture.startswith(_PICTURE):
        return None
    try:
        return base64.b64decode(picture.removeprefix(_PICTURE), validate=True)
    except binascii.Error:
        return None


class _Beside:
    """Stands for the package while an item is read back: what it takes along, and whatever else it names."""

    def __init__(self, luggage: Luggage) -> None:
        self._bodies = {f"{_MEDIA}{file}": luggage.bodies[name] for name, file in luggage.files.items()}

    def __contains__(self, name: str) -> bool:
        return True

    def read(self, name: str) -> bytes:
        return self._bodies.get(name, b"")


def _tags(data: Mapping[str, Any]) -> list[str]:
    tags = raw_items.tags_of(data, _TAGGED)
    for number, part in enumerate(data.get("parts", ()), 1):
        tags += [f"{number}/{tag}" for tag in raw_items.tags_of(part, _OF_PARTS)]
    return tags


def _name(ref: str) -> str:
    return f"items/{identifier(ref)}.xml"


def _picture(ref: str) -> str:
    return beside(_name(ref), picture_file(ref))


def _manifest(
    export: Export,
    entries: Iterable[tuple[str, list[str], Mapping[str, Any]]],
    kind: tuple[str, str, str, str],
) -> Iterable[str]:
    space, schema, version, resource = kind
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<manifest xmlns="{space}" xmlns:lom="{_LOM}"'
        f' identifier="{identifier(export.ref)}">\n<metadata><schema>{schema}</schema>'
        f"<schemaversion>{version}</schemaversion></metadata>\n<organizations/>\n<resources>\n"
    )
    for ref, tags, facts in entries:
        name = _name(ref)
        yield (
            f'<resource identifier="{identifier(ref)}" type="{resource}" href="{name}"><metadata>'
            f"{_lom(tags, facts)}</metadata>{_files([name, *facts['files']])}</resource>\n"
        )
    yield "</resources>\n</manifest>\n"


def _files(names: Iterable[str]) -> str:
    return "".join(f'<file href="{name}"/>' for name in names)


def _lom(tags: Iterable[str], facts: Mapping[str, Any]) -> str:
    """Return the metadata of an item: its tags as keywords, its difficulty, its point as a taxon."""
    words = "".join(f"<lom:keyword><lom:string>{escaped(tag)}</lom:string></lom:keyword>" for tag in tags)
    general = f"<lom:general>{words}</lom:general>" if words else ""
    hard = facts.get("difficulty")
    level = f"<lom:source>LOMv1.0</lom:source><lom:value>{DIFFICULTIES[hard - 1]}</lom:value>" if hard else ""
    education = (
        f"<lom:educational><lom:difficulty>{level}</lom:difficulty></lom:educational>" if level else ""
    )
    point = escaped(str(facts.get("point", "")))
    taxon = f"<lom:taxonPath><lom:taxon><lom:id>{point}</lom:id></lom:taxon></lom:taxonPath>"
    place = f"<lom:classification>{taxon}</lom:classification>" if point else ""
    return f"<lom:lom>{general}{education}{place}</lom:lom>"


def _write_22(export: Export, target: IO[bytes]) -> None:
    _write(export, target, _QTI_22, lambda text: text)


def _write_30(export: Export, target: IO[bytes]) -> None:
    _write(export, target, _QTI_30, version_3)


FORMS = (
    OutForm("qti22", ".zip", "application/zip", _write_22, CARRIES, media=True),
    OutForm("qti30", ".zip", "application/zip", _write_30, CARRIES, media=True),
)


NAME = "qti"
_TASK = "cbt.interchange.qti.reader:read"
_ROOT = re.compile(
    rb"<(?:[A-Za-z0-9_]+:)?(?:questestinterop|assessmentItem|qti-assessment-item|assessmentTest|"
    rb"qti-assessment-test)[\s>/]"
)
_ITEM = re.compile(rb"<item\s[^>]*ident\s*=")
_UNIT, _POINTS = "unit", "points"
_MANIFEST = b"imsmanifest.xml"


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of an archive with a manifest, and of XML whose first element is one of QTI's."""
    if not isinstance(content, bytes):
        return Confidence.NO
    if content.startswith(b"PK\x03\x04"):
        return Confidence.SURE if _MANIFEST in content else Confidence.NO
    head = content[:8_000].replace(b"\0", b"")
    first = re.search(rb"<[A-Za-z]", head)
    if first and (_ROOT.match(head, first.start()) or _ITEM.match(head, first.start())):
        return Confidence.SURE
    return Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read a file or a package as `reading` does; a folder is none, nor what is of another kind.

    A case says neither its unit nor what its questions are worth: both are taken as 1 until somebody adjusts it.
    """
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    reading = received(_TASK, NAME, content, name)
    silent = {kind: sum(_is_silent(draft, kind) for draft in reading.items) for kind in (_UNIT, _POINTS)}
    values = {kind: adjust.get(kind, "1") for kind in silent}
    inferred = tuple(
        Inferred(kind, f"case_{kind}", values[kind], count=count) for kind, count in silent.items() if count
    )
    items = [draft.with_data(_completed(draft.data, values)) for draft in reading.items]
    return replace(reading, items=items, inferred=inferred)


def _is_silent(draft: ItemDraft, kind: str) -> bool:
    if draft.data.get("type") != "case":
        return False
    return (
        _UNIT not in draft.data if kind == _UNIT else any(_POINTS not in part for part in draft.data["parts"])
    )


def _completed(data: Any, values: dict[str, str]) -> Any:
    if data.get("type") != "case":
        return data
    unit = int(values[_UNIT]) if values[_UNIT].isascii() and values[_UNIT].isdigit() else values[_UNIT]
    parts = [{_POINTS: values[_POINTS], **part} for part in data["parts"]]
    return {_UNIT: unit, **data, "parts": parts}


QTI = Format(NAME, detect, read, endings=(".zip",), writes=FORMS)
