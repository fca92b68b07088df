"""A sound file of each open format, written here."""

from __future__ import annotations

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
