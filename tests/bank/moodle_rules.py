"""A small Moodle that shares nothing with the product: what it takes in, shows, scores and gives back.

It knows GIFT, Moodle XML and cloze texts as qformat_gift, qformat_xml and qtype_multianswer read and write them, as
far as a bank of ours can need them. What the real one refuses, fails here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

LONGEST_TAG = 50
FORMATS = {"html", "moodle", "plain", "markdown"}
XML_FORMATS = {"html": "html", "moodle": "moodle_auto_format", "plain": "plain_text", "markdown": "markdown"}


@dataclass
class Text:
    words: str
    kind: str = "html"


@dataclass
class Answer:
    text: Text
    fraction: float
    feedback: Text = field(default_factory=lambda: Text(""))
    tolerance: str = "0"
    right: str = ""


@dataclass
class MoodleQuestion:
    kind: str
    name: str
    text: Text
    general: Text
    answers: list[Answer] = field(default_factory=list)
    idnumber: str = ""
    tags: list[str] = field(default_factory=list)
    single: bool = True
    shuffled: bool = True
    pieces: list[tuple[str, str, list[Answer]]] = field(default_factory=list)
    grader: Text = field(default_factory=lambda: Text(""))
    files: dict[str, str] = field(default_factory=dict)


def kept_tag(tag: str) -> str:
    clean = re.sub(r"[\x00-\x1f<>`]", "", tag)
    return re.sub(r"\s+", " ", clean).strip()[:LONGEST_TAG].strip()


# GIFT: a question is what stands between empty lines.

GUARDED = {"\\:": "&&058;", "\\#": "&&035;", "\\=": "&&061;", "\\{": "&&123;", "\\}": "&&125;", "\\~": "&&126;",
           "\\n": "&&010"}  # fmt: skip
WEIGHT = re.compile(r"%-*([0-9]{1,2})\.?([0-9]*)%")


def before_reading(text: str) -> str:
    text = text.replace("\\\\", "&&092;")
    for sign, mark in GUARDED.items():
        text = text.replace(sign, mark)
    return text.replace("&&092;", "\\")


def after_reading(text: str) -> str:
    for sign, mark in GUARDED.items():
        text = text.replace(mark, "\n" if sign == "\\n" else sign[1])
    return text


def formatted(text: str, usual: str) -> Text:
    kind = usual
    if text.startswith("[") and (end := text.find("]")) > 0 and text[1:end] in FORMATS:
        kind, text = text[1:end], text[end + 1 :]
    return Text(after_reading(text).strip(), kind)


def read_gift(body: str) -> list[MoodleQuestion]:
    questions, lines = [], list[str]()
    for line in [*body.split("\n"), ""]:
        if line.strip():
            lines.append(line.strip())
        elif lines:
            questions += [one] if (one := gift_question(lines)) else []
            lines = []
    return questions


def gift_question(lines: Sequence[str]) -> MoodleQuestion | None:
    comments = "\n".join(line for line in lines if line.startswith("//"))
    text = before_reading("\n".join(" " if line.startswith("//") else line for line in lines).strip())
    if not text or text.startswith("$CATEGORY:"):
        return None
    name = ""
    if text.startswith("::"):
        name, _sign, text = text[2:].partition("::")
        text = text.strip()
    start, end = text.find("{"), text.find("}")
    assert 0 <= start < end, f"braces: {text}"
    inner = text[start + 1 : end].strip()
    gap = "" if text.endswith("}") else "_____"
    stem = text[:start] + gap + text[end + 1 :]
    inner, _sign, general = inner.rpartition("####") if "####" in inner else (inner, "", "")
    shown = formatted(stem, "moodle")
    question = MoodleQuestion("", after_reading(name), shown, formatted(general, shown.kind))
    gift_answers(question, inner.strip())
    if match := re.search(r"\[id:((?:\\\]|[^\]\x00-\x1f])+)\]", comments):
        question.idnumber = match[1].strip().replace("\\]", "]")
    for tag in re.findall(r"\[tag:((?:\\\]|[^\]<>`\x00-\x1f])+)\]", comments):
        question.tags.append(kept_tag(tag.strip().replace("\\]", "]")))
    return question


def gift_answers(question: MoodleQuestion, inner: str) -> None:
    usual = question.text.kind
    if not inner:
        question.kind = "essay"
    elif inner.startswith("#"):
        question.kind = "numerical"
        for text in [one for one in inner[1:].split("=") if one.strip()]:
            number, _sign, width = after_reading(text.partition("#")[0]).strip().partition(":")
            float(number), float(width or 0)
            question.answers.append(Answer(Text(number.strip(), "plain"), 1, tolerance=width or "0"))
    elif "~" in inner:
        question.kind, question.single = "multichoice", "=" in inner
        answers = inner.replace("=", "~=").split("~")
        for text in map(str.strip, answers[1:] if not answers[0].strip() else answers):
            assert text, "an answer of nothing"
            question.answers.append(choice_of(text, usual))
        assert len(question.answers) > 1
    elif "=" in inner and "->" in inner:
        question.kind = "match"
        for text in [one.strip() for one in inner.split("=")][1:]:
            assert "->" in text, text
            left, _arrow, right = text.partition("->")
            words = after_reading(right).strip()
            question.answers.append(Answer(formatted(left.strip(), usual), 1, right=words))
    elif inner.partition("#")[0].strip() in {"T", "TRUE", "F", "FALSE"}:
        question.kind = "truefalse"
        true = inner.startswith("T")
        question.answers = [Answer(Text("true"), float(true)), Answer(Text("false"), float(not true))]
    else:
        question.kind = "shortanswer"
        for text in [one.strip() for one in inner.split("=")][1:]:
            question.answers.append(choice_of(text, usual, usually=1))


def choice_of(text: str, usual: str, usually: float = 0) -> Answer:
    worth = usually
    if text.startswith("=") and not usually:
        worth, text = 1, text[1:]
    elif match := WEIGHT.match(text):
        worth, text = float(match[0].strip("%")) / 100, text[match.end() :]
    words, _sign, feedback = text.partition("#")
    return Answer(formatted(words.strip(), usual), worth, formatted(feedback.strip(), usual))


def guarded(text: str) -> str:
    return re.sub(r"[\\#=~{}:\n]", lambda one: "\\n" if one[0] == "\n" else f"\\{one[0]}", text)


def write_gift(questions: Sequence[MoodleQuestion]) -> str:
    parts = []
    for number, one in enumerate(questions, 1):
        tags = "".join(f" [tag:{tag.replace(']', chr(92) + ']')}]" for tag in one.tags)
        head = f"// question: {number}  name: {one.name}\n// [id:{one.idnumber}]{tags}\n"
        parts.append(head + gift_text(one) + "\n")
    return "\n".join(parts)


def gift_text(one: MoodleQuestion) -> str:
    kind = "" if one.text.kind == "moodle" else f"[{one.text.kind}]"
    stem = f"::{guarded(one.name)}::{kind}{guarded(one.text.words)}"
    general = f"\t####{guarded(one.general.words)}\n" if one.general.words else ""
    match one.kind:
        case "essay":
            return f"{stem}{{{general.strip()}}}\n"
        case "truefalse":
            return f"{stem}{{{'TRUE' if one.answers[0].fraction else 'FALSE'}{general.strip()}}}\n"
        case "numerical":
            lines = [f"\t=%100%{a.text.words}:{float(a.tolerance):g}#\n" for a in one.answers]
            return f"{stem}{{#\n{''.join(lines)}{general}}}\n"
        case "shortanswer":
            lines = [f"\t=%{a.fraction * 100:g}%{guarded(a.text.words)}#\n" for a in one.answers]
        case "match":
            lines = [f"\t={guarded(a.text.words)} -> {guarded(a.right)}\n" for a in one.answers]
        case "multichoice":
            lines = [f"\t{sign_of(a, single=one.single)}{guarded(a.text.words)}\n" for a in one.answers]
        case "ordering":
            steps = "".join(f"{a.text.words}\n" for a in one.answers)
            return (
                f"::{one.name}::[html]{one.text.words}{{>0 ALL VERTICAL ALL_OR_NOTHING SHOW none\n{steps}}}"
            )
        case _:
            return ""  # what GIFT cannot say has its comment, and nothing else
    return f"{stem}{{\n{''.join(lines)}{general}}}\n"


def sign_of(answer: Answer, *, single: bool) -> str:
    if single and answer.fraction == 1:
        return "="
    return f"~%{answer.fraction * 100:.5f}%" if answer.fraction else "~"


# Moodle XML, and the cloze texts in it.


def read_xml(body: bytes) -> list[MoodleQuestion]:
    return [xml_question(one) for one in ET.fromstring(body) if one.get("type") != "category"]


def held(node: ET.Element | None, usual: str = "html") -> Text:
    if node is None:
        return Text("", usual)
    kinds = {name: kind for kind, name in XML_FORMATS.items()}
    return Text((node.findtext("text") or "").strip(), kinds[node.get("format") or XML_FORMATS[usual]])


def xml_question(node: ET.Element) -> MoodleQuestion:
    kind = str(node.get("type"))
    question = MoodleQuestion(
        kind,
        node.findtext("name/text") or "",
        held(node.find("questiontext")),
        held(node.find("generalfeedback")),
    )
    question.idnumber = node.findtext("idnumber") or ""
    question.tags = [kept_tag(one.text or "") for one in node.findall("tags/tag/text")]
    question.files = {str(one.get("name")): one.text or "" for one in node.iter("file")}
    question.single = node.findtext("single") in {"true", "1"}
    question.shuffled = node.findtext("shuffleanswers") in {"true", "1"}
    question.grader = held(node.find("graderinfo"))
    for one in node.findall("answer"):
        typed = kind in {"shortanswer", "numerical", "truefalse"}
        text = Text((one.findtext("text") or "").strip(), "plain") if typed else held(one)
        worth = float(one.get("fraction") or 0)
        question.answers.append(
            Answer(text, worth / 100, held(one.find("feedback")), one.findtext("tolerance") or "0")
        )
    for one in node.findall("subquestion"):
        right = (one.findtext("answer/text") or "").strip()
        question.answers.append(Answer(held(one), 1, right=right))
    if kind == "ordering":
        assert node.find("shownumcorrect") is not None, "the whole import ends here"
        shows = node.findtext("selecttype"), node.findtext("selectcount"), node.findtext("gradingtype")
        assert shows == ("ALL", "0", "ALL_OR_NOTHING")
    if kind == "cloze":
        question.text.words = extracted(question)
    return question


ALTERNATIVE = (
    r"(=|%(?:-?[0-9]+(?:[.,][0-9]*)?)%)?(.+?(?<!\\)(?<!&)(?<!&amp;)(?=[~#}]|$))(#(.*?(?<!\\)(?=[~}]|$)))?"
)
CLOZE = re.compile(rf"\{{([0-9]*):(SHORTANSWER|SA|MW):({ALTERNATIVE}(~{ALTERNATIVE})*)\}}", re.DOTALL)


def extracted(question: MoodleQuestion) -> str:
    """Return the text with {#1} for its first blank, and put the blanks into the question."""
    text = question.text.words
    while match := CLOZE.search(text):
        rest, answers = match[3], []
        while one := re.match(f"~?{ALTERNATIVE}", rest, re.DOTALL):
            words = html.unescape(one[2]).replace("\\}", "}").replace("\\#", "#")
            answers.append(Answer(Text(words, "plain"), float(one[1] == "=")))
            rest = rest[one.end() :]
        assert not rest
        assert answers
        question.pieces.append((match[2], match[0], answers))
        text = f"{text[: match.start()]}{{#{len(question.pieces)}}}{text[match.end() :]}"
    assert question.pieces, "a cloze without a blank"
    return text


def write_xml(questions: Sequence[MoodleQuestion]) -> bytes:
    return f"<quiz>{''.join(map(xml_text, questions))}</quiz>".encode()


def element(name: str, text: Text, more: str = "", inner: str = "") -> str:
    kind = XML_FORMATS[text.kind]
    return f'<{name} format="{kind}"{more}><text>{escape(text.words)}</text>{inner}</{name}>'


def xml_text(one: MoodleQuestion) -> str:
    words = one.text.words
    for number, (_kind, raw, _answers) in enumerate(one.pieces, 1):
        words = words.replace(f"{{#{number}}}", raw, 1)
    files = "".join(
        f'<file name="{name}" path="/" encoding="base64">{body}</file>' for name, body in one.files.items()
    )
    inner = [
        f"<name><text>{escape(one.name)}</text></name>",
        element("questiontext", Text(words, one.text.kind), inner=files),
        element("generalfeedback", one.general),
        f"<idnumber>{escape(one.idnumber)}</idnumber>",
        f"<single>{str(one.single).lower()}</single><shuffleanswers>{str(one.shuffled).lower()}</shuffleanswers>",
        element("graderinfo", one.grader),
        f"<tags>{''.join(f'<tag><text>{escape(tag)}</text></tag>' for tag in one.tags)}</tags>",
    ]
    if one.kind == "ordering":
        inner.append(
            "<selecttype>ALL</selecttype><selectcount>0</selectcount><shownumcorrect>1</shownumcorrect>"
        )
    for answer in one.answers:
        if one.kind in {"match", "matching"}:
            right = f"<answer><text>{escape(answer.right)}</text></answer>"
            inner.append(element("subquestion", answer.text, inner=right))
        else:
            tolerance = f"<tolerance>{answer.tolerance}</tolerance>" if one.kind == "numerical" else ""
            inner.append(
                element("answer", answer.text, f' fraction="{answer.fraction * 100:.5f}"', tolerance)
            )
    return f'<question type="{one.kind}">{"".join(inner)}</question>'


# What a person sees, and what an answer earns.

FORMULA = re.compile(r"\\\((.+?)\\\)|\$\$(.+?)\$\$|\\\[(.+?)\\\]", re.DOTALL)


class Shown(HTMLParser):
    """What an HTML text shows: its elements, words and formulas in their order."""

    def __init__(self, text: str, *, formulas: bool = True) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, str]] = []
        self._formulas = formulas
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.parts.append(("picture", dict(attrs).get("alt") or ""))
        elif tag not in {"span", "p", "br"}:
            self.parts.append(("begins", tag))
        elif tag in {"p", "br"}:
            self.parts.append(("words", "\n"))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"strong", "em"}:
            self.parts.append(("ends", tag))

    def handle_data(self, data: str) -> None:
        end = 0
        for match in FORMULA.finditer(data) if self._formulas else ():
            self.parts.append(("words", data[end : match.start()]))
            self.parts.append(("formula", next(one for one in match.groups() if one)))
            end = match.end()
        self.parts.append(("words", data[end:]))


def seen(text: str) -> list[tuple[str, str]]:
    """Return what is seen of an HTML text whose formulas are set."""
    return tidied(Shown(text).parts)


def tidied(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return parts with words that follow each other as one, and of several spaces one."""
    done: list[tuple[str, str]] = []
    for kind, words in parts:
        if kind == "words" and done and done[-1][0] == "words":
            done[-1] = ("words", done[-1][1] + words)
        else:
            done.append((kind, words))
    plain = [(kind, " ".join(words.split())) for kind, words in done]
    return [one for one in plain if one[1]]


def option_seen(text: str) -> str:
    """Return what a list to choose from shows: no elements, entities as characters."""
    entire = re.sub(r"&(?![a-zA-Z0-9#]{1,8};)", "&amp;", text)
    return html.unescape(re.sub(r"<[^>]*(?:>|$)", "", entire)).strip()


def matches(pattern: str, typed: str) -> bool:
    """Say whether what is typed is a key: `*` is any text, `\\*` a star."""
    pieces = [re.escape(one.replace("\\*", "*")) for one in re.split(r"(?<!\\)\*+", pattern)]
    return re.fullmatch(".*".join(pieces), typed, re.IGNORECASE | re.DOTALL) is not None


def worth(answers: Sequence[Answer], typed: str) -> float:
    return next((one.fraction for one in answers if matches(one.text.words, typed)), 0)
