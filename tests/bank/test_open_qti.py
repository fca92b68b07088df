"""QTI is read as the standard says, in all its versions; what has no place here is left out by name."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from PIL import Image

from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.interchange.qti.format import QTI
from cbt.interchange.qti.reader import gather
from cbt.interchange.raw_items import Gleaning
from cbt.rules.items.registry import parse_content
from tests.bank.open_samples import QTI_ITEM, package, qti_package

ID, PAIR = "identifier", "directedPair"


def key(*values: str, base: str = ID, many: str = "single", name: str = "RESPONSE", inner: str = "") -> str:
    right = "".join(f"<value>{value}</value>" for value in values)
    said = f"<correctResponse>{right}</correctResponse>" if values else ""
    head = f'<responseDeclaration identifier="{name}" cardinality="{many}" baseType="{base}">'
    return f"{head}{said}{inner}</responseDeclaration>"


def item(keys: str, body: str, after: str = "") -> bytes:
    head = '<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i" title="题"'
    head += ' adaptive="false" timeDependent="false">'
    return f"{head}{keys}<itemBody>{body}</itemBody>{after}</assessmentItem>".encode()


def choices(kind: str, *texts: str, more: str = "", prompt: str = "问？", inner: str = "simpleChoice") -> str:
    each = "".join(
        f'<{inner} identifier="{letter}">{text}</{inner}>'
        for letter, text in zip("ABCD", texts, strict=False)
    )
    asked = f"<prompt>{prompt}</prompt>" if prompt else ""
    return f'<{kind} responseIdentifier="RESPONSE" {more}>{asked}{each}</{kind}>'


MAPPED = (
    '<mapping defaultValue="-1"><mapEntry mapKey="A" mappedValue="1"/><mapEntry mapKey="B" mappedValue="-1"/>'
    '<mapEntry mapKey="C" mappedValue="1"/></mapping>'
)
SPELT = (
    '<mapping defaultValue="0"><mapEntry mapKey="北京" mappedValue="1"/>'
    '<mapEntry mapKey="北平" mappedValue="1"/></mapping>'
)
SETS = (
    '<matchInteraction responseIdentifier="RESPONSE" maxAssociations="4"><prompt>配对</prompt>'
    '<simpleMatchSet><simpleAssociableChoice identifier="a" matchMax="1">猫</simpleAssociableChoice>'
    '<simpleAssociableChoice identifier="b" matchMax="1">狗</simpleAssociableChoice></simpleMatchSet>'
    '<simpleMatchSet><simpleAssociableChoice identifier="x" matchMax="2">骨</simpleAssociableChoice>'
    '<simpleAssociableChoice identifier="y" matchMax="2">鱼</simpleAssociableChoice>'
    '<simpleAssociableChoice identifier="z" matchMax="2">草</simpleAssociableChoice></simpleMatchSet>'
    "</matchInteraction>"
)
GAPS = (
    '<gapMatchInteraction responseIdentifier="RESPONSE"><gapText identifier="w" matchMax="1">冬</gapText>'
    '<gapText identifier="s" matchMax="1">夏</gapText>'
    '<p>先<gap identifier="g1"/>后<gap identifier="g2"/></p></gapMatchInteraction>'
)
WITHIN = (
    '<responseProcessing><responseCondition><responseIf><equal toleranceMode="absolute" tolerance="0.1 0.1">'
    '<variable identifier="RESPONSE"/><correct identifier="RESPONSE"/></equal></responseIf>'
    "</responseCondition></responseProcessing>"
)
ENTRY = '<textEntryInteraction responseIdentifier="{}"/>'


def one(found: Gleaning) -> dict[str, Any]:
    assert found.notes == []
    (read,) = found.items
    return read.data


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        pytest.param(
            item(
                key("B"),
                "<p>材料。</p>" + choices("choiceInteraction", "一", "<b>二</b>", more='maxChoices="1"'),
            ),
            {"type": "single_choice", "stem": "材料。\n\n问？", "choices": ["一", "**二**"], "answer": "B"},
            id="choice",
        ),
        pytest.param(
            item(key(many="multiple", inner=MAPPED), choices("choiceInteraction", "一", "二", "三")),
            {"type": "multiple_choice", "answer": "AC"},
            id="several by mapping",
        ),
        pytest.param(
            item(key("B"), choices("choiceInteraction", "错误", "正确")),
            {"type": "true_false", "answer": True},
            id="true by the words of the choices",
        ),
        pytest.param(
            item(key("A"), choices("choiceInteraction", "一", "二", more='shuffle="false"')),
            {"fixed_order": True},
            id="choices that stay in order",
        ),
        pytest.param(
            item(key("北京", base="string", inner=SPELT), f"<p>首都是{ENTRY.format('RESPONSE')}。</p>"),
            {"type": "fill_blank", "stem": "首都是{{1}}。", "answer": [["北京", "北平"]]},
            id="text with its spellings",
        ),
        pytest.param(
            item(
                key("甲", base="string", name="R1") + key("乙", base="string", name="R2"),
                f"<p>一{ENTRY.format('R1')}</p><p>二{ENTRY.format('R2')}</p>",
            ),
            {"type": "fill_blank", "stem": "一{{1}}\n\n二{{2}}", "answer": [["甲"], ["乙"]]},
            id="several blanks are one item",
        ),
        pytest.param(
            item(key("3.14", base="float"), f"<p>π≈{ENTRY.format('RESPONSE')}</p>", WITHIN),
            {"type": "numeric", "answer": "3.14", "tolerance": "0.1", "decimals": 2},
            id="number with its tolerance",
        ),
        pytest.param(
            item(
                key("B"),
                f"<p>首都{choices('inlineChoiceInteraction', '甲', '乙', prompt='', inner='inlineChoice')}。</p>",
            ),
            {"type": "single_choice", "stem": "首都（　　）。", "choices": ["甲", "乙"]},
            id="choice within a line",
        ),
        pytest.param(
            item(key("C", "A", "B", many="ordered"), choices("orderInteraction", "二", "三", "一")),
            {"type": "ordering", "steps": ["一", "二", "三"]},
            id="order",
        ),
        pytest.param(
            item(key("a y", "b x", base=PAIR, many="multiple"), SETS),
            {"type": "matching", "pairs": [["猫", "鱼"], ["狗", "骨"]], "extra_options": ["草"]},
            id="match",
        ),
        pytest.param(
            item(key("w g1", "s g2", base=PAIR, many="multiple"), GAPS),
            {"stem": "先{{1}}后{{2}}", "answer": [["冬"], ["夏"]], "word_bank": ["冬", "夏"]},
            id="gaps and their words",
        ),
        pytest.param(
            item(
                key(base="string"),
                '<extendedTextInteraction responseIdentifier="RESPONSE" expectedLength="300">'
                "<prompt>谈谈。</prompt></extendedTextInteraction>"
                '<rubricBlock view="scorer"><p>要点</p></rubricBlock>',
            ),
            {"type": "short_answer", "stem": "谈谈。", "answer": "要点", "limit": 300},
            id="essay with what markers are told",
        ),
        pytest.param(
            item(
                key("A"),
                choices("choiceInteraction", "一<feedbackInline identifier='A'>对。</feedbackInline>", "二"),
                '<modalFeedback outcomeIdentifier="F" identifier="x" showHide="show"><p>因为。</p></modalFeedback>',
            ),
            {"choices": ["一", "二"], "explanation": "因为。\n\nA：对。"},
            id="feedback",
        ),
    ],
)
def test_an_item_is_read_as_the_standard_says(body: bytes, wanted: dict[str, Any]) -> None:
    data = one(gather(body))
    assert {name: data.get(name) for name in wanted} == wanted


TWO = key("A", name="R1") + key("甲", base="string", name="R2")


def test_two_answers_in_blocks_of_their_own_are_a_case() -> None:
    first = choices("choiceInteraction", "一", "二").replace("RESPONSE", "R1")
    body = item(TWO, f"<p>情境。</p><div>{first}</div><p>第二问{ENTRY.format('R2')}</p>")
    found = QTI.read(body, "a.xml", {"unit": "3"})
    data = found.items[0].data
    assert (data["type"], data["stimulus"], data["unit"]) == ("case", "情境。", 3)
    assert [part["stem"] for part in data["parts"]] == ["问？", "第二问{{1}}"]
    assert [(said.name, said.value, said.count) for said in found.inferred] == [
        ("unit", "3", 1),
        ("points", "1", 1),
    ]
    parse_content(data)


@pytest.mark.parametrize(
    ("body", "code", "value"),
    [
        pytest.param(
            item(TWO, f"<p>{choices('inlineChoiceInteraction', '一', '二', inner='inlineChoice')}"
                 f"{ENTRY.format('R2')}</p>"),
            "open_two", "题", id="two answers in one line",
        ),
        *(
            pytest.param(item(key("x"), f'<{kind} responseIdentifier="RESPONSE"/>'), "open_type", kind, id=kind)
            for kind in ("associateInteraction", "graphicGapMatchInteraction", "graphicOrderInteraction",
                         "selectPointInteraction", "sliderInteraction", "hottextInteraction", "uploadInteraction",
                         "drawingInteraction", "customInteraction", "mediaInteraction", "positionObjectInteraction")
        ),
        pytest.param(
            item(key("A"), choices("choiceInteraction", "一", "二")).replace(b'"false"', b'"true"', 1),
            "open_type", "adaptive", id="adaptive",
        ),
        pytest.param(
            item('<templateDeclaration identifier="t"/>' + key("A"), choices("choiceInteraction", "一", "二")),
            "open_type", "templateProcessing", id="drawn anew each time",
        ),
        pytest.param(item(key(), choices("choiceInteraction", "一", "二")), "open_no_key", "问？", id="no key"),
        pytest.param(
            item(key("Z"), choices("choiceInteraction", "一", "二")), "open_key_unknown", "Z", id="key lies"
        ),
    ],
)  # fmt: skip
def test_what_no_item_can_be_is_left_out_by_name(body: bytes, code: str, value: str) -> None:
    found = gather(body)
    assert found.items == []
    assert [(note.blocks, note.code, note.value) for note in found.notes] == [(True, code, value)]


def test_version_three_says_the_same_in_other_names() -> None:
    old = gather(QTI_ITEM.encode())
    new = QTI_ITEM
    for name in ("assessmentItem", "responseDeclaration", "correctResponse", "itemBody", "choiceInteraction",
                 "simpleChoice", "prompt", "value"):  # fmt: skip
        kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in name)
        new = new.replace(f"<{name}", f"<qti-{kebab}").replace(f"</{name}>", f"</qti-{kebab}>")
    for name in ("timeDependent", "baseType", "responseIdentifier", "maxChoices"):
        new = new.replace(name, "".join(f"-{c.lower()}" if c.isupper() else c for c in name))
    assert one(gather(new.encode())) == one(old)


def test_a_hotspot_brings_its_picture_and_a_spot_in_each_place() -> None:
    picture = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(picture, "PNG")
    places = "".join(
        f'<hotspotChoice identifier="{name}" shape="{shape}" coords="{coords}"/>'
        for name, shape, coords in (
            ("A", "rect", "0,0,10,10"),
            ("B", "circle", "30,20,5"),
            ("C", "poly", "50,30,59,30,55,39"),
        )
    )
    body = item(
        key("B"),
        '<hotspotInteraction responseIdentifier="RESPONSE" maxChoices="1"><prompt>哪一个？</prompt>'
        '<object type="image/png" data="a.png" width="60" height="40">线路图</object>'
        f"{places}</hotspotInteraction>",
    )
    manifest = "<manifest><resources/></manifest>"
    found = registry.read(
        package({"imsmanifest.xml": manifest, "i.xml": body, "a.png": picture.getvalue()}), "a"
    )
    content = parse_content(found.items[0].data)
    assert content.answer_key == (1,)
    assert found.items[0].data["picture"].startswith("data:image/jpeg;base64,")
    alone = gather(body)
    assert [(note.blocks, note.code) for note in alone.notes] == [(True, "open_missing")]


OLD = "<questestinterop><assessment><section>{}</section></assessment></questestinterop>"
EARNS = (
    "<respcondition><conditionvar>{}</conditionvar>"
    '<setvar action="Set" varname="SCORE">100</setvar></respcondition>'
)


def old_item(shown: str, earned: str, kind: str = "", after: str = "") -> str:
    about = (
        "<itemmetadata><qtimetadata><qtimetadatafield><fieldlabel>question_type</fieldlabel>"
        f"<fieldentry>{kind}</fieldentry></qtimetadatafield></qtimetadata></itemmetadata>"
    )
    return (
        f'<item ident="i" title="题">{about}<presentation>{shown}</presentation>'
        f"<resprocessing>{earned}</resprocessing>{after}</item>"
    )


def words(text: str, kind: str = "text/plain") -> str:
    return f'<material><mattext texttype="{kind}">{text}</mattext></material>'


def lid(*texts: str, name: str = "r", many: str = "Single", own: str = "") -> str:
    labels = "".join(
        f'<response_label ident="{place}">{words(text)}</response_label>'
        for place, text in enumerate(texts, 1)
    )
    head = f'<response_lid ident="{name}" rcardinality="{many}">'
    return f"{head}{own}<render_choice>{labels}</render_choice></response_lid>"


def equal(value: str, name: str = "r") -> str:
    return f'<varequal respident="{name}">{value}</varequal>'


STR = '<response_str ident="r"><render_fib{}><response_label ident="a"/></render_fib></response_str>'


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        pytest.param(
            old_item(words("&lt;p&gt;问&lt;/p&gt;", "text/html") + lid("一", "二"), EARNS.format(equal("2"))),
            {"type": "single_choice", "stem": "问", "choices": ["一", "二"], "answer": "B"},
            id="choice",
        ),
        pytest.param(
            old_item(
                words("问") + lid("一", "二", "三", many="Multiple"),
                EARNS.format(f"<and>{equal('1')}<not>{equal('2')}</not>{equal('3')}</and>"),
            ),
            {"type": "multiple_choice", "answer": "AC"},
            id="several, and those that must not be picked",
        ),
        pytest.param(
            old_item(words("问") + lid("True", "False"), EARNS.format(equal("2"))),
            {"type": "true_false", "answer": False},
            id="false",
        ),
        pytest.param(
            old_item(words("首都") + STR.format(""), EARNS.format(equal("北京") + equal("北平"))),
            {"type": "fill_blank", "stem": "首都{{1}}", "answer": [["北京", "北平"]]},
            id="text",
        ),
        pytest.param(
            old_item(
                words("几") + STR.format(' fibtype="Decimal"'),
                EARNS.format(
                    f'<or>{equal("3")}<and><vargte respident="r">2.5</vargte>'
                    '<varlte respident="r">3.5</varlte></and></or>'
                ),
            ),
            {"type": "numeric", "answer": "3", "tolerance": "0.5"},
            id="number in a range",
        ),
        pytest.param(
            old_item(words("谈") + STR.format(""), "", "essay_question"), {"type": "short_answer"}, id="essay"
        ),
        pytest.param(
            old_item(
                words("配")
                + lid("鱼", "骨", "草", name="a", own=words("猫"))
                + lid("鱼", "骨", "草", name="b", own=words("狗")),
                EARNS.format(equal("1", "a")) + EARNS.format(equal("2", "b")),
            ),
            {"type": "matching", "pairs": [["猫", "鱼"], ["狗", "骨"]], "extra_options": ["草"]},
            id="matching by lists",
        ),
        pytest.param(
            old_item(
                words("花是[a]，叶是[b]")
                + lid("红", name="ra", own=words("a"))
                + lid("绿", "青", name="rb", own=words("b")),
                EARNS.format(equal("1", "ra"))
                + EARNS.format(equal("1", "rb"))
                + EARNS.format(equal("2", "rb")),
            ),
            {"type": "fill_blank", "stem": "花是{{1}}，叶是{{2}}", "answer": [["红"], ["绿", "青"]]},
            id="blanks by names in the text",
        ),
        pytest.param(
            old_item(
                words("问") + lid("一", "二"),
                EARNS.format(equal("1")),
                after=f'<itemfeedback ident="general_fb">{words("因为")}</itemfeedback>'
                f'<itemfeedback ident="2_fb">{words("不对")}</itemfeedback>',
            ),
            {"explanation": "因为\n\nB：不对"},
            id="feedback",
        ),
    ],
)
def test_an_item_of_version_one_is_read_with_its_conditions(body: str, wanted: dict[str, Any]) -> None:
    data = one(gather(OLD.format(body).encode()))
    assert {name: data.get(name) for name in wanted} == wanted


def test_of_version_one_too_nothing_is_taken_by_half() -> None:
    mixed = old_item(
        words("问") + lid("一", "二") + STR.format("").replace('"r"', '"s"'), EARNS.format(equal("1"))
    )
    found = gather(OLD.format(mixed + old_item(words("说明"), "", "text_only_question")).encode())
    assert [(note.blocks, note.code) for note in found.notes] == [
        (True, "open_two"),
        (False, "open_no_question"),
    ]
    assert found.items == []


def test_a_package_is_read_in_the_order_of_its_manifest() -> None:
    found = registry.read(qti_package(**{"items/i0.xml": QTI_ITEM}), "包.zip")
    assert [str(item.place("")) for item in found.items] == ["包.zip/items/i1.xml:3", "包.zip/items/i0.xml:3"]
    assert found.findings == []


def manifest(inner: str, *, more: str = "") -> str:
    return (
        f'<manifest>\n<resources>\n<resource identifier="i1" {more}>{inner}</resource></resources></manifest>'
    )


SHARED = QTI_ITEM.replace("<itemBody>", '<assessmentStimulusRef identifier="s" href="shared.xml"/><itemBody>')


@pytest.mark.parametrize(
    ("files", "code", "place"),
    [
        pytest.param(
            {"imsmanifest.xml": manifest('<file href="items/i1.xml"/>\n<file href="gone.png"/>')},
            "package_missing",
            {"name": "gone.png", "file": "imsmanifest.xml", "line": 3, "count": 1},
            id="a file of the manifest",
        ),
        pytest.param(
            {"imsmanifest.xml": manifest('\n<dependency identifierref="r9"/>')},
            "package_missing",
            {"name": "r9", "file": "imsmanifest.xml", "line": 4, "count": 1},
            id="a resource another depends on",
        ),
        pytest.param(
            {"items/i2.xml": SHARED},
            "package_missing",
            {"name": "shared.xml", "file": "items/i2.xml", "line": 7, "count": 1},
            id="a text that an item shares",
        ),
        pytest.param(
            {"items/i2.xml": QTI_ITEM.replace("</itemBody>", "")},
            "package_file",
            {"name": "items/i2.xml", "line": 14},
            id="an item that is no XML",
        ),
        pytest.param(
            {"imsmanifest.xml": "<manifest>"},
            "package_file",
            {"name": "imsmanifest.xml", "line": 1},
            id="a manifest that is no XML",
        ),
        pytest.param(
            {
                "imsmanifest.xml": manifest("", more='type="imsqti_item_xmlv2p2" href="items/i2.xml"'),
                "items/i2.xml": "<html><body/></html>",
            },
            "package_file",
            {"name": "items/i2.xml", "line": 1},
            id="an item that is none",
        ),
    ],
)
def test_a_damaged_package_is_refused_whole_with_its_place(
    files: dict[str, str], code: str, place: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.read(qti_package(**files), "包.zip")
    assert (refused.value.code, refused.value.params) == (f"bank.{code}", place)


def test_a_damaged_file_of_a_package_refuses_it_by_name() -> None:
    body = package({"imsmanifest.xml": "<manifest/>", "items/i1.xml": QTI_ITEM}, zipfile.ZIP_STORED)
    with pytest.raises(InvalidInput) as refused:
        registry.read(body.replace(QTI_ITEM.encode(), QTI_ITEM.replace("询问", "询间").encode()), "a.zip")
    assert (refused.value.code, refused.value.params) == ("bank.package_entry", {"name": "items/i1.xml"})
