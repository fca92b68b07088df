"""Structure in the lines of a document: headings, starts of questions, named fields, choices."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.terms import LETTERS, letters, named_type, verdict
from cbt.interchange.picture_marks import RANGE, without

_AT_START = re.compile(
    r"[√✓✔*＊☑●]?\s*(?:[（(\[【]\s*(?P<a>[A-La-lＡ-Ｌ])\s*[)）\]】]\s*[.．、:：]?|选项\s*(?P<b>[A-La-l])\s*[:：.、]?"
    r"|(?P<c>[A-La-lＡ-Ｌ])\s*[.．。、:：,，)）|｜])\s*"
)
_LOOSE_START = re.compile(rf"(?P<c>[A-LＡ-Ｌ])(?:\s+|(?=[\u3400-\u9fff《“\d（({RANGE}]))")
_INLINE = re.compile(
    r"(?:[（(]\s*(?P<a>[A-LＡ-Ｌ])\s*[)）]\s*[.．、:：]?|(?<![A-Za-z0-9.])(?P<c>[A-LＡ-Ｌ])\s*[.．、:：)）]|(?<=\s)(?P<d>[a-l])[.．、)）])\s*"
)
_LOOSE_INLINE = re.compile(
    rf"(?<=[\s\u3000|｜;；])(?P<c>[A-LＡ-Ｌ])(?:\s+|(?=[\u3400-\u9fff《“\d（({RANGE}]))"
)
TICKED = re.compile(r"[（(【\[]\s*(?:正确答案|正确选项)\s*[)）】\]]\s*$")
_BULLET = re.compile(r"(?:[-*+•·○●◯□◇▪‣]|\[[ xX√]?\]|[（(]\s*[)）])\s+")
_TICKS = "√✓✔☑✅xX*＊●"
_TRAILING = " \t　|｜/"


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice as it stands in a file: its letter ("" behind a bullet) and its lines."""

    letter: str
    lines: tuple[Line, ...]
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class SplitQuestion:
    """A question in pieces: the lines of its stem, its choices; `faults` are codes of what does not fit."""

    stem: tuple[Line, ...]
    choices: tuple[Choice, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Label:
    """A letter that may begin a choice: its line, where it stands, where its text begins."""

    letter: str
    line: int
    start: int
    end: int
    leads: bool
    apart: bool
    ticked: bool = False

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.start


def begins_choice(text: str) -> str:
    """Return the letter of the choice a line begins, "" for none."""
    match = _AT_START.match(text)
    return _letter(match) if match else ""


def last_letter(text: str) -> str:
    """Return the letter of the last choice that begins in a line, "" for none."""
    own_letters = [_letter(match) for match in _INLINE.finditer(text)]
    return own_letters[-1] if own_letters else begins_choice(text)


def loose_letter(text: str) -> str:
    """Return the letter a line begins with where nothing but a space, or nothing, stands behind it."""
    match = _LOOSE_START.match(text)
    return _letter(match) if match else ""


def has_bullet(line: Line) -> bool:
    return line.bullet or _BULLET.match(line.text) is not None


def split_body(lines: Sequence[Line]) -> SplitQuestion:
    """Return stem and choices of the lines of one question, whose fields are taken out already."""
    labels = _labels(lines, _AT_START, _INLINE)
    if chosen := _run(labels):
        return _cut(lines, chosen, labels)
    labels = _labels(lines, _LOOSE_START, _LOOSE_INLINE)
    if (chosen := _run(labels)) and (len(chosen) > 3 or (chosen[0].leads and chosen[0].line)):
        return _cut(lines, chosen, labels)
    return _bullets(lines) or _ticked(lines) or SplitQuestion(tuple(lines), ())


def _letter(match: re.Match[str]) -> str:
    name = next(one for one in match.groupdict().values() if one)
    return unicodedata.normalize("NFKC", name).upper()


def _labels(lines: Sequence[Line], leading: re.Pattern[str], inline: re.Pattern[str]) -> list[_Label]:
    labels = []
    for number, line in enumerate(lines):
        text = line.text
        first = leading.match(text)
        if first:
            ticked = text[0] in _TICKS
            labels.append(
                _Label(_letter(first), number, 0, first.end(), leads=True, apart=True, ticked=ticked)
            )
        for match in inline.finditer(text, first.end() if first else 0):
            apart = not match.start() or text[match.start() - 1] in " \t　|｜;；）)?？。:："
            if match.start() or not first:
                labels.append(
                    _Label(_letter(match), number, match.start(), match.end(), leads=False, apart=apart)
                )
    return labels


def _run(labels: Sequence[_Label]) -> list[_Label]:
    """Return the labels that count from A on: those that begin lines before those inside, the last run of all."""
    best: list[_Label] = []
    firsts = [place for place, label in enumerate(labels) if label.letter == "A"]
    leading = [place for place in firsts if labels[place].leads and labels[place].line]
    for place in leading[:1] or firsts[-4:]:
        run = [labels[place]]
        rest = list(labels[place + 1 :])
        while rest and (following := _next(rest, LETTERS.find(run[-1].letter) + 1)) is not None:
            run.append(rest[following])
            rest = rest[following + 1 :]
        if len(run) >= 2 and len(run) >= len(best):
            best = run
    return best


def _next(rest: Sequence[_Label], wanted: int) -> int | None:
    """Return the place of the label that goes on: one that begins a line, unless a later letter does so before."""
    if wanted >= len(LETTERS):
        return None
    letter, inside, glued = LETTERS[wanted], None, None
    for place, label in enumerate(rest):
        if label.leads and label.letter > letter:
            break
        if label.letter != letter:
            continue
        if label.leads:
            return place
        if label.apart and inside is None:
            inside = place
        if glued is None:
            glued = place
    return glued if inside is None else inside


def _cut(lines: Sequence[Line], chosen: Sequence[_Label], labels: Sequence[_Label]) -> SplitQuestion:
    ends = [*(label.place for label in chosen[1:]), (len(lines) - 1, len(lines[-1].text))]
    pieces = [
        Choice(label.letter, tuple(_between(lines, (label.line, label.end), end)), label.ticked)
        for label, end in zip(chosen, ends, strict=True)
    ]
    stem = tuple(_between(lines, (0, 0), chosen[0].place))
    faults = []
    if any(not "".join(line.text for line in one.lines) for one in pieces):
        faults.append("text_choice_empty")
    taken = set(chosen)
    beside = [
        label for label in labels if label.leads and label not in taken and label.place > chosen[0].place
    ]
    if beside:
        faults.append("text_choice_labels")
    return SplitQuestion(stem, tuple(_tidy(pieces)), tuple(faults))


def _between(lines: Sequence[Line], start: tuple[int, int], end: tuple[int, int]) -> list[Line]:
    between_lines = []
    for number in range(start[0], end[0] + 1):
        first = start[1] if number == start[0] else 0
        piece = lines[number].cut(first, end[1] if number == end[0] else None)
        if piece.text:
            between_lines.append(piece)
    return between_lines


def _tidy(pieces: Sequence[Choice]) -> list[Choice]:
    """Take off what stands between choices: `|` always, `；` where all but the last end with it."""
    marks = _TRAILING
    if len(pieces) > 1 and all(one.lines and one.lines[-1].text.endswith(("；", ";")) for one in pieces[:-1]):
        marks += "；;。"
    done = []
    every = all(one.ticked for one in pieces)
    for piece in pieces:
        lines = piece.lines
        if lines:
            last = lines[-1]
            lines = (*lines[:-1], last.cut(0, len(last.text.rstrip(marks))))
        done.append(Choice(piece.letter, lines, piece.ticked and not every))
    return done


def _ticked(lines: Sequence[Line]) -> SplitQuestion | None:
    """Return choices without letters where the right ones say so: `对（正确答案）`."""
    if any(begins_choice(line.text) or loose_letter(line.text) for line in lines[1:]):
        return None
    if len(lines) < 3 or not any(TICKED.search(line.text) for line in lines[1:]):
        return None
    return SplitQuestion(tuple(lines[:1]), tuple(Choice("", (line,)) for line in lines[1:]))


def _bullets(lines: Sequence[Line]) -> SplitQuestion | None:
    first = next((place for place, line in enumerate(lines) if place and has_bullet(line)), None)
    if first is None or len(lines) - first < 2 or not all(has_bullet(line) for line in lines[first:]):
        return None
    choices = []
    for line in lines[first:]:
        label = _BULLET.match(line.text)
        ticked = label is not None and any(one in _TICKS for one in label[0])
        choices.append(Choice("", (line.cut(label.end() if label else 0),), ticked))
    if all(one.ticked for one in choices):
        choices = [replace(one, ticked=False) for one in choices]
    return SplitQuestion(tuple(lines[:first]), tuple(choices))


# Structure in the lines of a document: headings of sections, starts of questions, named fields.
#
# Headings are such as 一、单选题（每题 1 分）, 判断题, 第二章, 题型：多选题, 参考答案.

LONGEST = 160
_CN = r"[一二三四五六七八九十百]{1,4}"
_COUNTED = re.compile(
    rf"(?:第\s*{_CN}\s*(?:大题|部分)|第\s*[1-9]\s*(?:大题|部分)"
    rf"|[（(]\s*{_CN}\s*[)）]|{_CN}\s*[、.．,，:：)）]|{_CN}[ 　]+|Part\s*\w+)"
    r"\s*[、.．:：]?\s*",
    re.IGNORECASE,
)
_CHAPTER = re.compile(
    rf"(?:第\s*(?:{_CN}|\d{{1,3}})\s*[章节篇编单元模块项目任务]+|(?:模块|项目|任务|单元|专题)\s*(?:{_CN}|\d{{1,3}})(?!\d))(?![题])\s*"
)
_TYPE = re.compile(
    r"(?:题型|分类|类型|试题类型|题目类型|题类)\s*[:：]\s*(?P<word>\S.{0,40})|[【\[〖]?(?P<bare>(?:单项|多项|不定项|单选|多选|单|多|是非|正误|对错|判断|选择|填空"
    r"|简答|问答|论述|计算|名词解释|案例分析|综合分析|综合|主观|判断改错|解答|分析){1,3})(?:选择)?(?:试?题|解释)?"
    r"(?P<key>(?:参考|标准)?答案)?[】\]〗]?(?:[部]分|集|库)?\s*(?P<tail>[（(【\[:：,，、\d共每].{0,120})?"
)
_KEYS = re.compile(
    r"(?:附[:：、]?|附件\d*[:：、]?|\d{1,2}[.、])?.{0,40}?(?:参考|标准|正确|试题|试卷|习题|题库)?答案(?:及解析|与解析|及评分标准|与评分标准|和解析|汇总|部分|解析|页)?"
    r"(?:如下)?\s*[:：]?"
)
_KEYS_AT_END = re.compile(r"(?:参考|标准)?答案\s*[）)]?\s*[:：]?$")
_NUMBER = re.compile(r"(?:第\s*)?[（(]?\d{1,4}\s*(?:[题.．、)）]|\s)\s*")
"""The number of a question: a heading of that kind is one only where nothing but a type follows."""
_ASKS = re.compile(r"[（(][\s　]*[A-H√×对错]{0,6}[\s　]*[)）]|[?？]|_{2,}")


@dataclass(frozen=True, slots=True)
class SectionHeading:
    """A heading: the type it names ("" for none), whether keys follow, whether a chapter begins anew."""

    title: str
    kind: str
    keys: bool = False
    chapter: bool = False


NO_HEADING = "no_heading"
"""What an author says of a line that is none: it is left out."""


def heading_name(text: str) -> str:
    """Return what an author's word on a heading is called."""
    return f"heading:{text}"


def heading_of(line: Line) -> SectionHeading | None:
    """Return the heading a line is, or None."""
    text = without(line.text).strip()
    if not text or len(text) > LONGEST:
        return None
    named = _TYPE.fullmatch(text)
    tail = (named["tail"] or "") if named else ""
    asks = tail[:1] not in {"（", "("} and _ASKS.search(tail) is not None
    if named and not asks and (kind := named_type(named["word"] or named["bare"] or "")):
        return SectionHeading(_title(text), kind, keys=bool(named["key"]))
    chapter = _CHAPTER.match(text)
    counted = chapter or _COUNTED.match(text)
    rest = text[counted.end() :] if counted else text
    numbered = _NUMBER.match(text) if line.heading else None
    if numbered:
        inner = _TYPE.fullmatch(text[numbered.end() :])
        kind = named_type(inner["bare"] or "") if inner and not _ASKS.search(text) else None
        return SectionHeading(_title(text), kind) if kind else None
    if counted or line.heading:
        return _counted(text, rest, chapter=chapter is not None, whole=line.heading)
    if len(text) <= 40 and _KEYS.fullmatch(text) and not _ASKS.search(text):
        return SectionHeading(text, named_type(text) or "", keys=True)
    return None


def _counted(text: str, rest: str, *, chapter: bool, whole: bool) -> SectionHeading | None:
    head = re.split(r"[（(:：。，,；;]", rest, maxsplit=1)[0][:24]
    kind = named_type(head)
    if kind is None and (match := re.match(r"[^（(]{0,24}[（(]([^）)]{0,24})", rest)):
        kind = named_type(match[1])
    keys = "答案" in head or _KEYS_AT_END.search(rest) is not None
    if kind is None and not keys and (_ASKS.search(rest) or len(rest) > 40):
        return None
    if kind is None and not keys and rest.endswith(("。", "；", "，")):
        return None
    if whole and kind is None and not keys and re.match(r"\d", text):
        return None
    return SectionHeading(_title(text), kind or "", keys=keys, chapter=chapter)


def _title(text: str) -> str:
    return re.split(r"[（(【\[:：。]", text, maxsplit=1)[0].strip()[:40] or text[:40]


_LEAD = (
    r"(?:[★☆▲△●◆■*]+\s*)?"
    r"(?:[（(\[【]\s*(?P<token>[A-Ha-hＡ-ＨTF√×✓✗✔✘对错正确误是否 　,，、]{0,16})[)）\]】]\s*)?"
)
_STYLES: Mapping[str, re.Pattern[str]] = {
    "dot": re.compile(_LEAD + r"(?P<n>\d{1,4})\s*[.．、:：,，。]\s*(?!\d+\s*(?:[%％]|分[\s）)]*$))"),
    "close": re.compile(_LEAD + r"(?P<n>\d{1,4})\s*[)）]\s*[.．、]?\s*"),
    "bracket": re.compile(_LEAD + r"[（(\[【〔]\s*(?P<n>\d{1,4})\s*[)）\]】〕]\s*[.．、:：]?\s*"),
    "word": re.compile(
        r"[【\[（(]?\s*(?:第\s*(?P<n>\d{1,4})\s*[题道]|(?:题目|试题|问题|题号|(?:单选|多选|判断|填空|简答)?题|Question|Q|No\.?)\s*[:：#]?\s*(?P<m>\d{1,4})题?)"
        r"\s*[】\])）]?\s*[.．、:：]?\s*",
        re.IGNORECASE,
    ),
    "tagged": re.compile(
        r"(?P<n>\d{1,4})\s*(?=[【\[（(]\s*(?:单|多|不定|判断|是非|填空|简答|问答))(?P<token>)"
    ),
    "alone": re.compile(r"(?P<n>\d{1,4})[.．、]?(?P<token>)$"),
    "space": re.compile(_LEAD + r"(?P<n>\d{1,4})\s+(?=\S)"),
    "glued": re.compile(r"(?P<n>\d{1,4})(?=[\u4e00-\u9fff“《（(【\[])(?P<token>)"),
}
_UNSURE = {"space": 2, "glued": 3, "alone": 2}
"""Ways that other lines have too: so many in a row make them numbers."""


@dataclass(frozen=True, slots=True)
class QuestionStart:
    """A line that may begin a question: its number, where its text begins, what a bracket before it holds."""

    number: int
    at: int
    token: str = ""
    led: bool = False


def start_of(text: str, style: str) -> QuestionStart | None:
    """Return how a line begins a question in one of the ways, or None."""
    match = _STYLES[style].match(text)
    groups = match.groupdict() if match else {}
    number = int(groups.get("n") or groups.get("m") or 0)
    if match is None or not number:
        return None
    token = groups.get("token")
    led = bool(token is not None and match.start("token"))
    return QuestionStart(number, match.end(), (token or "").strip(), led)


def style_of(lines: Sequence[Line], *, usual: str = "") -> str:
    """Return the way in which most questions of these lines are numbered, "" where none counts on."""
    last: dict[str, int] = defaultdict(int)
    score: dict[str, int] = defaultdict(int)
    begun: dict[str, list[int]] = defaultdict(list)
    texts = [line.text for line in lines if line.text]
    letters = [begins_choice(text) for text in texts]
    for place, text in enumerate(texts):
        choice = _among(letters, place)
        for style in _STYLES:
            start = start_of(text, style)
            if start is None or (start.led and choice):
                continue
            if start.number == last[style] + 1 or start.number == 1:
                score[style] += 1
            if start.number == 1:
                begun[style].append(place)
            if start.number <= last[style] + 20:
                last[style] = start.number
    fitting = {style: hits for style, hits in score.items() if hits >= _UNSURE.get(style, 1)}
    best = max(fitting, key=lambda style: fitting[style], default="")
    around = [  # what counts once through all of them, and began before: the others count steps within
        style
        for style, hits in fitting.items()
        if hits > 1 and len(begun[style]) == 1 and len(begun[best]) > 1 and begun[style] < begun[best]
    ]
    best = max(around, key=lambda style: fitting[style], default=best)
    first = sum("A" in {begins_choice(line.text), loose_letter(line.text)} for line in lines)
    if best and 3 * fitting[best] < first:
        return ""  # a few choices such as （C）1.5 look like numbers of a file that has none
    return usual if usual in fitting and not around and 2 * fitting[usual] >= fitting[best] else best


def _among(letters: Sequence[str], place: int) -> bool:
    """Say whether a line that begins with a letter stands among lines that go on with it."""
    letter = letters[place]
    before = letters[place - 1] if place else ""
    after = letters[place + 1] if place + 1 < len(letters) else ""
    return bool(letter) and (before == chr(ord(letter) - 1) or after == chr(ord(letter) + 1))


def begins_again(following: Iterable[int], last: int) -> bool:
    """Say whether a 1 begins a new count, and is not the first of a list inside question `last`.

    `following` are the numbers from that 1 on: a list within a question breaks off before the next question, a
    count goes past it.
    """
    expected = 1
    for number in following:
        if number == expected:
            if expected > last:
                return True
            expected += 1
        else:
            return number != last + 1
    return True


_WORDS = r"(?:不定项|单项|多项|单|多|判断|是非|填空|简答|问答|选择|选|论述|名词解释|计算)"
_TAG = re.compile(
    rf"[（(【\[]\s*(?P<word>{_WORDS}{{1,3}}(?:题|解释)?)\s*(?:[,，、;；|/\s]\s*[\d.]+\s*分?)?\s*[)）】\]]\s*[*＊]?\s*[:：.、]?\s*"
)
_PREFIX = re.compile(rf"(?P<word>{_WORDS}{{1,3}}题)(?:\s*[:：]\s*|\s+)")
_SCORE = re.compile(r"[（(【\[]\s*(?:本题)?\s*\d+(?:\.\d+)?\s*分\s*[)）】\]]\s*")


def without_tag(text: str) -> tuple[str, str]:
    """Return a stem without what names its type and points, and the type."""
    head, tail = _TAG.match(text) or _PREFIX.match(text), None
    kind = named_type(head["word"]) if head else None
    if head and kind:
        text = text[head.end() :]
    else:
        tail = next((one for one in _TAG.finditer(text[-40:]) if one.end() == len(text[-40:])), None)
        kind = named_type(tail["word"]) if tail else None
        if tail and kind:
            text = text[: len(text) - len(tail[0])].rstrip()
    score = _SCORE.match(text)
    text = text[score.end() :] if score else text
    last = next((one for one in _SCORE.finditer(text[-16:]) if one.end() == len(text[-16:])), None)
    return (text[: len(text) - len(last[0])].rstrip() if last else text), kind or ""


_MINE = r"(?P<mine{n}>(?:我|你|您|考生|学生|学员|本人)的?(?:答案|作答|选择)|已选(?:答案|选项)?|作答)"
_KEY = (
    r"(?P<key{n}>(?:参考|正确|标准|本题|试题|题目|考题|最佳|的)*答案(?:选项|是|为)?|正确选项|正确答案为"
    r"|Correct\s*Answer|Answer|Ans|Key)"
)
_EXPLANATION = (
    r"(?P<explanation{n}>(?:参考|答案|试题|题目|本题|整体|考点|答题)?(?:解析|详解|解释)|Explanation|Analysis)"
)
_DIFFICULTY = (
    r"(?P<difficulty{n}>(?:试题|题目)?(?:难度(?:系数|等级|程度|代码|级别)?|难易(?:程度|度)?)|Difficulty)"
)
_POINT = r"(?P<point{n}>(?:所属|考查)?(?:知识点|考点|考核点|鉴定点|认定点|考查点)(?:代码|名称)?)"
_FIRST = (
    r"|(?P<kind>题型(?:代码)?|试题类型|题目类型|题目类别|分类|题类)|(?P<stem>题干|题目内容|试题内容|题目|试题|问题|Question)"
    r"|(?P<answer>答)|(?P<choices>备选项|备选答案|选项)"
    r"|(?P<other>分值|分数|得分|本题得分|本题分数|章节|目录|标签|来源|出处|年份|依据|法规依据|编号|题号|序号|ID|教材|页码|答题时间|正确率|易错项"
    r"|一致性(?:代码)?|考试要求|认知层次|等级|Points?|Score|Category|Tags?)"
)
_ANY = "|".join((_MINE, _KEY, _EXPLANATION, _DIFFICULTY, _POINT))
_COLON = r"\s*[:：]\s*"
_FIELD = re.compile(
    rf"[【\[〖「](?:{_ANY.format(n='1')}|(?P<analysis>分析|点评|点拨|说明|评析|思路))[】\]〗」]\s*[:：]?\s*"
    rf"|(?P<key3>(?:正确|参考|标准)答案){_COLON}"
    rf"|(?:^|(?<=[\s　。；;，,、.)）(（】\]\|｜]))(?:{_ANY.format(n='2')}){_COLON}",
    re.IGNORECASE,
)
_LINE_FIRST = re.compile(
    rf"(?:[【\[〖「])?(?:{_FIRST[1:]})(?:[】\]〗」]\s*[:：]?|{_COLON})\s*", re.IGNORECASE
)
_BARE_KEY = re.compile(r"(?:参考|正确|标准)?答案(?:是|为|选)?[\s　]*(?P<rest>\S.{0,40})")
NOISE = re.compile(
    r"[\s（(]*\d+(?:\.\d+)?\s*分[\s）)]*|AI\s*讲解|纠错|收藏|查看解析|未作答|回答(?:正确|错误)|展开|收起|上一题|下一题|返回|提交"
    r"|答案解析[:：]?\s*(?:无|暂无|略)?|(?:正确|错误)率?\s*[:：]\s*\d.*"
)
"""What a saved page says between its questions."""


@dataclass(frozen=True, slots=True)
class NamedField:
    """A named value within a line."""

    name: str
    line: Line


def fields_of(line: Line) -> tuple[Line, list[NamedField]]:
    """Return what stands before the first field of a line, and its fields in order."""
    text = line.text
    if NOISE.fullmatch(text):
        return line.cut(0, 0), [NamedField("other", line)]
    marks = [(found.start(), found.end(), _name(found)) for found in _FIELD.finditer(text)]
    first = _LINE_FIRST.match(text)
    if first and not (marks and marks[0][0] == 0):
        marks = [(0, first.end(), _name(first)), *(one for one in marks if one[0] >= first.end())]
    if not marks:
        bare = _BARE_KEY.fullmatch(text)
        spaced = bare is not None and text[: bare.start("rest")].endswith((" ", "\u3000"))
        if bare and (spaced or letters(bare["rest"]) or verdict(bare["rest"]) is not None):
            return line.cut(0, 0), [NamedField("key", line.cut(bare.start("rest")))]
        return line, []
    ends = [*(start for start, _end, _name_of in marks[1:]), len(text)]
    fields = [
        NamedField(name, line.cut(end, stop)) for (_start, end, name), stop in zip(marks, ends, strict=True)
    ]
    before = line.cut(0, marks[0][0])
    if text[: marks[0][0]].endswith(("（", "(", "【", "[")) and fields[-1].line.text.endswith(
        ("）", ")", "】", "]")
    ):
        last = fields[-1].line
        fields[-1] = NamedField(fields[-1].name, last.cut(0, len(last.text) - 1))
    return before.cut(0, len(before.text.rstrip(" 　(（【[|｜"))), fields


def _name(match: re.Match[str]) -> str:
    name = next(name for name, value in match.groupdict().items() if value)
    name = name.rstrip("123")
    return {"answer": "key", "analysis": "explanation"}.get(name, name)
