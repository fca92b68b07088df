"""A sound file of each open format, written here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

GIFT = """\
$CATEGORY: $course$/top/A-001 示例

// [id:A-001-T1] [tag:difficulty:2]
::先报姓名::接通电话后应当先报出单位和姓名。{T}

通话结束时，由（　　）先挂断。{
  =对方 # 对。
  ~接线员
  ~班长
}
""".encode()
AIKEN = """\
接到投诉电话，首先应当
A. 听完对方的话
B. 说明公司的规定
ANSWER: A
""".encode()
MOODLE = """\
<?xml version="1.0" encoding="UTF-8"?>
<quiz>
  <question type="category"><category><text>$course$/A-001 示例</text></category></question>
  <question type="truefalse">
    <name><text>先报姓名</text></name>
    <questiontext format="html"><text><![CDATA[<p>接通电话后应当先报出单位和姓名。</p>]]></text></questiontext>
    <answer fraction="100" format="moodle_auto_format"><text>true</text></answer>
    <answer fraction="0" format="moodle_auto_format"><text>false</text></answer>
  </question>
</quiz>
""".encode()
QTI_ITEM = """\
<?xml version="1.0" encoding="UTF-8"?>
<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p2" identifier="i1" title="A-001 先报姓名"
  adaptive="false" timeDependent="false">
  <responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">
    <correctResponse><value>B</value></correctResponse>
  </responseDeclaration>
  <itemBody>
    <choiceInteraction responseIdentifier="RESPONSE" shuffle="true" maxChoices="1">
      <prompt>接通电话后首先应当（　　）。</prompt>
      <simpleChoice identifier="A">询问来意</simpleChoice>
      <simpleChoice identifier="B">报出单位和姓名</simpleChoice>
    </choiceInteraction>
  </itemBody>
</assessmentItem>
"""
QTI_MANIFEST = """\
<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" identifier="m">
  <organizations/>
  <resources>
    <resource identifier="i1" type="imsqti_item_xmlv2p2" href="items/i1.xml"><file href="items/i1.xml"/></resource>
  </resources>
</manifest>
"""


def package(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of some files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body, compression)
    return buffer.getvalue()


def qti_package(**more: str | bytes) -> bytes:
    """Return a sound package of one item, with what else is asked for."""
    return package({"imsmanifest.xml": QTI_MANIFEST, "items/i1.xml": QTI_ITEM, **more})
