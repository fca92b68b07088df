"""The columns of a list of people: those of Annex 2's roster, then what Annex 1 and the conditions ask."""

from __future__ import annotations

from collections.abc import Mapping

from cbt.personal.fields import DETAILS, IDENTITY
from cbt.personal.words import DOCUMENT_NAMES
from cbt.sheets.columns import Column, Columns

COLUMNS = Columns(
    Column("number", ("序号", "编号", "序", "No.", "number"), width=6),
    IDENTITY["name"].sheet_column(),
    IDENTITY["document_number"].sheet_column(title="身份证号码"),
    Column("department", ("任职部门", "部门", "所在部门", "工作部门", "department"), width=16),
    Column("post", ("任职岗位", "岗位", "工作岗位", "职务", "post"), width=16),
    Column(
        "years",
        ("从业年限", "工作年限", "从业年限（年）", "工作年限（年）", "本职业工作年限", "从事本职业年限",
         "从事本职业工作年限", "years"),
    ),
    Column("remark", ("备注", "说明", "备注说明", "note"), width=20),
    IDENTITY["document_type"].sheet_column(width=14),
    DETAILS["gender"].sheet_column(width=7),
    Column("education", ("学历", "文化程度", "最高学历", "学历层次", "education")),
    DETAILS["phone"].sheet_column(),
    Column("insured", ("社保缴纳", "社保", "社保缴纳情况", "是否缴纳社保", "insured")),
    Column(
        "certificate_occupation",
        ("证书职业名称", "职业名称", "技能等级证书职业名称", "原证书职业", "现有证书职业",
         "certificate occupation"),
        width=18,
    ),
    Column(
        "certificate_level",
        ("证书职业等级", "职业等级", "技能等级证书职业等级", "原证书等级", "现有证书等级", "现有等级",
         "certificate level"),
    ),
    Column("certificate_on", ("发证日期", "取证时间", "原发证日期", "证书发证日期", "certificate date")),
    Column("school", ("毕业院校", "毕业学校", "院校", "school"), width=20),
    Column("major", ("专业", "所学专业", "毕业专业", "major"), width=16),
    Column("diploma_number", ("毕业证书编号", "毕业证编号", "毕业证书号", "diploma number"), width=20),
    Column("graduated_on", ("毕业日期", "毕业时间", "graduation date")),
    Column("school_kind", ("院校类别", "学校类别", "院校类型", "school kind"), width=16),
    Column("senior_skills", ("以高级技能为培养目标", "高级技能培养目标", "senior skills"), width=22),
    Column("training_level", ("培训等级", "正规培训等级", "training level")),
    Column("training_on", ("结业日期", "培训结业日期", "training date")),
    Column("training_hours", ("培训学时", "学时", "课时", "training hours")),
    Column("kind", ("考试性质", "新考/补考", "是否补考", "申报性质", "考试类型", "first/retake")),
    Column("papers", ("考试科目", "科目", "申报科目", "补考科目", "报考科目", "papers"), width=20),
    Column(
        "level",
        ("申报认定等级", "申报等级", "申报级别", "认定等级", "级别", "level"),
    ),
    *(detail.sheet_column() for detail in DETAILS.values() if detail.applied),
)  # fmt: skip

TEMPLATE = tuple(name for name in COLUMNS.by_name if name != "level")
"""What the template has, in this order; the level is that of the application."""

EDUCATION: Mapping[str, tuple[str, ...]] = {
    "junior_secondary": ("初中", "初级中学", "初中毕业"),
    "secondary": ("高中、中专或技校", "高中", "中专", "技校", "职高", "职校", "中职", "高中毕业", "中技"),
    "junior_college": ("大学专科", "大专", "专科", "高职", "大专毕业"),
    "bachelor": ("大学本科", "本科", "学士", "本科毕业"),
    "master": ("硕士研究生", "硕士", "研究生"),
    "doctor": ("博士研究生", "博士"),
}
SCHOOLS: Mapping[str, tuple[str, ...]] = {
    "technical_school": ("技工学校", "技校"),
    "technician_college": ("技师学院",),
    "vocational_college": ("职业技术学院", "职业学院", "高职院校"),
    "university": ("普通高等学校", "大学", "高等学校", "高校", "本科院校"),
    "other": ("其他",),
}
YES_NO: Mapping[str, tuple[str, ...]] = {
    "yes": ("是", "有", "已缴", "已缴纳", "缴纳", "√", "yes"),
    "no": ("否", "无", "没有", "未缴", "未缴纳", "no"),
}
_LEVELS = ("五级", "四级", "三级", "二级", "一级")
OFFERED: Mapping[str, tuple[str, ...]] = {
    "document_type": tuple(names[0] for names in DOCUMENT_NAMES.values()),
    "gender": tuple(names[0] for names in DETAILS["gender"].names.values()),
    "education": tuple(names[0] for names in EDUCATION.values()),
    "insured": ("有", "无"),
    "certificate_level": _LEVELS,
    "school_kind": tuple(names[0] for names in SCHOOLS.values()),
    "senior_skills": ("是", "否"),
    "training_level": _LEVELS,
    "kind": ("新考", "补考"),
}
"""What can be chosen in the cells of a column."""
