"""The keys of a blueprint file: what each is called there, what it becomes, what it may hold."""

from __future__ import annotations

from collections.abc import Mapping

from cbt.blueprints.toml_file import SCHEMA, Field, KeyKind, needed
from cbt.rules.enrolment.conditions import EducationLevel, SchoolKind
from cbt.rules.exam import TOOLS
from cbt.rules.items.content import ItemType, PartialCredit

_CREDITS = tuple(credit.value for credit in PartialCredit)

TOP = (
    needed("ref", KeyKind.TEXT, "考核方案编号，小写字母、数字和连字符"),
    SCHEMA,
    needed("bank", KeyKind.TEXT, "抽题所用题库的编号"),
)
OCCUPATION = (
    needed("code", KeyKind.TEXT, "职业编码（职业分类大典）", name="occupation_code"),
    needed("name", KeyKind.TEXT, "职业名称", name="occupation_name"),
    Field("aliases", KeyKind.TEXTS, "导入名册时同样接受的名称"),
)
LEVEL = (
    needed("code", KeyKind.TEXT, "级别代码，如 3", name="level_code"),
    needed("name", KeyKind.TEXT, "级别名称，如 三级", name="level_name"),
)
ADMISSION = (
    Field("check_in_opens", KeyKind.MINUTES, "计划开考前多少分钟开始签到"),
    Field("report", KeyKind.MINUTES, "计划开考前多少分钟为报到时间"),
    Field("sign_in_opens", KeyKind.MINUTES, "计划开考前多少分钟开放登录"),
    Field("late_limit", KeyKind.MINUTES, "迟到多少分钟及以上不得入场"),
    Field("late_from", KeyKind.TEXT, "迟到从报到时间还是从开考起算", allowed=("report_at", "start")),
    Field("sign_in_needs_check_in", KeyKind.SWITCH, "签到后才能登录"),
    Field("leave_allowed", KeyKind.SWITCH, "主考可以批准临时离场"),
)
RETAKE = (
    Field("years", KeyKind.WHOLE, "补考期限（年）"),
    Field("window_from", KeyKind.TEXT, "期限从成绩发布还是考试日起算", allowed=("release", "exam")),
    Field("absent_may_retake", KeyKind.SWITCH, "缺考者可以补考"),
)
ENROLMENT = (
    Field("days_ahead", KeyKind.DAYS, "单位至少提前多少个工作日申请"),
    Field(
        "counted_to", KeyKind.TEXT, "年限算到申请日（application）还是考试日（exam）",
        allowed=("application", "exam"),
    ),
    Field("gap_days", KeyKind.DAYS, "两段工作之间相隔多少天以内仍算连续"),
)  # fmt: skip
MAJORS = (
    Field("own", KeyKind.TEXTS, "本专业"),
    Field("related", KeyKind.TEXTS, "相关专业"),
    Field("other", KeyKind.TEXTS, "其他专业（已认定不相关的）"),
)
FEES = (
    Field("first", KeyKind.MONEY, "评价考核费（元），首次报考全部科目合计"),
    Field("retake", KeyKind.MONEY, "补考费（元），每科"),
    Field("materials", KeyKind.MONEY, "场地能源材料费（元），每考一次"),
    Field("materials_papers", KeyKind.TEXTS, "收取场地能源材料费的科目代码"),
    Field("refund_withdrawn", KeyKind.SWITCH, "考前撤回申报的退费"),
    Field("unpaid_may_sit", KeyKind.SWITCH, "费用没有付清的申请也可以进入批次"),
)
_LEVELS = (
    "junior_secondary 初中，secondary 高中（中专、技校），junior_college 大专，"
    "bachelor 本科，master 硕士，doctor 博士"
)
_SCHOOLS = (
    "technical_school 技工学校，technician_college 技师学院，vocational_college 职业技术学院，"
    "university 普通高等学校，other 其他"
)
ELIGIBILITY = (
    needed("number", KeyKind.WHOLE, "条件的序号，从 1 起"),
    needed("text", KeyKind.TEXT, "公告中的原文"),
    Field("years", KeyKind.WHOLE, "连续从事本职业工作多少年以上"),
    Field("education", KeyKind.TEXT, f"至少什么学历：{_LEVELS}", allowed=tuple(EducationLevel)),
    Field(
        "major", KeyKind.TEXT, "专业：related 本专业或相关专业，other 其他专业", allowed=("related", "other")
    ),
    Field("schools", KeyKind.TEXTS, f"什么学校的毕业证书：{_SCHOOLS}", allowed=tuple(SchoolKind)),
    Field("senior_skills", KeyKind.SWITCH, "学校以高级技能为培养目标"),
    Field("certificate", KeyKind.TEXT, "本职业几级（代码）以上的证书"),
    Field("training", KeyKind.TEXT, "完成几级（代码）正规培训并取得结业证书"),
    Field("training_hours", KeyKind.WHOLE, "培训的标准学时数"),
    Field(
        "after", KeyKind.TEXT, "年限和培训从何时起算：certificate 取得证书后，degree 取得学历后",
        allowed=("certificate", "degree"),
    ),
)  # fmt: skip
PAPER = (
    needed("name", KeyKind.TEXT, "科目名称"),
    needed("minutes", KeyKind.MINUTES, "考试时长（分钟）", name="duration"),
    needed("points", KeyKind.POINTS, "满分"),
    needed("pass_points", KeyKind.POINTS, "合格线，含本数"),
    Field("score_step", KeyKind.POINTS, "得分保留到的最小单位"),
    Field("void_points", KeyKind.TEXT, "作废试题的分值归谁", allowed=("group", "paper", "dropped")),
    Field("modes", KeyKind.TEXTS, "考试方式：machine 机考，paper 闭卷笔试", allowed=("machine", "paper")),
    Field("warnings", KeyKind.MINUTES_LIST, "全卷剩余多少分钟时提醒"),
    Field("unit_warnings", KeyKind.MINUTES_LIST, "单元剩余多少分钟时提醒"),
    Field("calculator", KeyKind.SWITCH, "提供计算器"),
    Field("tools", KeyKind.TEXTS, "向全体考生提供的工具", allowed=TOOLS),
    Field("lock_down", KeyKind.SWITCH, "显示水印，关闭选择、复制和打印"),
    Field("release", KeyKind.TEXT, "向考生发布的内容", allowed=("score", "verdict", "none")),
    Field("difficulty", KeyKind.WHOLES, "难度 1 至 5 的题量之比"),
    Field("one_per_point", KeyKind.SWITCH, "一份试卷中每个鉴定点至多一题（案例单元除外）"),
)
SUBMIT = (
    Field("earliest", KeyKind.MINUTES, "开考多少分钟后方可交卷"),
    Field("closed_before_end", KeyKind.MINUTES, "结束前多少分钟内不得交卷"),
)
CLOCK = (
    Field("unit_timing", KeyKind.TEXT, "单元计时：strict 严格，pooled 合并", allowed=("strict", "pooled")),
    Field("unused_time", KeyKind.TEXT, "单元剩余时间：carried 顺延，lost 作废", allowed=("carried", "lost")),
    Field("late_start", KeyKind.TEXT, "晚开始：scale 各单元按比例，cut 截短末单元", allowed=("scale", "cut")),
    Field("grace", KeyKind.SECONDS, "传输宽限（秒）"),
)
SECTION = (
    needed("name", KeyKind.TEXT, "大题名称"),
    needed("type", KeyKind.TEXT, "题型", allowed=tuple(kind.value for kind in ItemType)),
    needed("count", KeyKind.WHOLE, "题量"),
    needed("points_each", KeyKind.POINTS, "每题分值"),
    Field("minutes", KeyKind.MINUTES, "本大题的时长（分钟）"),
    Field("shuffle_items", KeyKind.SWITCH, "题目乱序"),
    Field("shuffle_choices", KeyKind.SWITCH, "选项乱序"),
    Field("credit", KeyKind.TEXT, "部分给分规则", allowed=_CREDITS),
)
UNIT = (
    needed("number", KeyKind.WHOLE, "单元编号"),
    needed("name", KeyKind.TEXT, "单元内容"),
    needed("project", KeyKind.TEXT, "项目名称"),
    needed("minutes", KeyKind.MINUTES, "考核时间（分钟）"),
    needed("points", KeyKind.POINTS, "配分"),
    Field("credit", KeyKind.CREDITS, "各题型的部分给分规则", allowed=_CREDITS),
    Field("shuffle_choices", KeyKind.SWITCH, "选项乱序"),
    Field("select", KeyKind.TEXT, "选考方法：required 必考", allowed=("required",)),
)

TABLES: Mapping[str, tuple[Field, ...]] = {
    "occupation": OCCUPATION,
    "level": LEVEL,
    "admission": ADMISSION,
    "retake": RETAKE,
    "enrolment": ENROLMENT,
    "majors": MAJORS,
    "fees": FEES,
}
LISTS: Mapping[str, tuple[Field, ...]] = {"eligibility": ELIGIBILITY}
PAPER_TABLES: Mapping[str, tuple[Field, ...]] = {"submit": SUBMIT, "clock": CLOCK}
PAPER_LISTS: Mapping[str, tuple[Field, ...]] = {"sections": SECTION, "units": UNIT}
REQUIRED_TABLES = frozenset({"occupation", "level"})
