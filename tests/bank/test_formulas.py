"""Formulas: what exams use is drawn, everything else is refused by name, and no text gets through as markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.bank.lint.check import check_item
from cbt.items import markup
from cbt.items.formulas import LONGEST, FormulaFault, fault_of, mathml
from tests.bank import drafts
from tests.bank.drafts import TAXONOMY, draft


@pytest.mark.parametrize(
    ("source", "inner"),
    [
        (r"\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        (r"\sqrt[3]{8}", "<mroot><mrow><mn>8</mn></mrow><mrow><mn>3</mn></mrow></mroot>"),
        (r"x_1^2", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\sum_{i}^n", "<munderover><mo>∑</mo><mrow><mi>i</mi></mrow><mi>n</mi></munderover>"),
        (r"a\le b", "<mi>a</mi><mo>≤</mo><mi>b</mi>"),
        (r"\text{接通率}=86\%", "<mtext>接通率</mtext><mo>=</mo><mn>86</mn><mo>%</mo>"),
        (r"\text{a<b}", "<mtext>a&lt;b</mtext>"),
        ("3-1", "<mn>3</mn><mo>−</mo><mn>1</mn>"),
    ],
)
def test_a_formula_is_mathml(source: str, inner: str) -> None:
    assert mathml(source) == f'<math display="inline">{inner}</math>'


def test_a_system_of_cases_is_a_table_with_its_brace() -> None:
    drawn = mathml(r"f(x)=\begin{cases}1&x>0\\0&x\le 0\end{cases}", display=True)
    assert drawn.count("<mtr>") == 2
    assert drawn.count("<mtd>") == 4
    assert '<mo stretchy="true" fence="true">{</mo><mtable>' in drawn


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        (r"\foo{x}", "unknown", r"\foo"),
        (r"\href{javascript:alert(1)}{x}", "unknown", r"\href"),
        (r"\frac{a}", "argument", r"\frac"),
        ("{a", "brace", "}"),
        ("a}", "brace", "}"),
        ("x^", "argument", "^"),
        ("x_1_2", "script", "_"),
        ("100%", "escape", "%"),
        (r"\left( a", "brace", r"\right"),
        (r"\left< a\right>", "fence", "<"),
        (r"\begin{foo}x\end{foo}", "environment", "foo"),
        (r"\begin{matrix}x\end{cases}", "environment", "matrix"),
        (r"\text{\alpha}", "words", r"\alpha"),
        ("{" * 30 + "}" * 30, "depth", ""),
        ("x" * (LONGEST + 1), "length", ""),
    ],
)
def test_what_is_not_understood_is_named(source: str, code: str, words: str) -> None:
    fault = fault_of(source)
    assert fault is not None
    assert (fault.code, fault.words) == (code, words)
    other = drafts.truth(f"商品的价格是${source}$，客服员应当如实告知。")
    if code != "length":
        [found] = check_item(draft(other), TAXONOMY)
        assert (found.code, found.params["field"]) == (f"formula_{code}", "stem")


@given(st.text(alphabet=st.sampled_from(r"\{}[]^_&'$ab1<>=% " + "甲"), max_size=60))
def test_any_text_is_a_formula_or_a_fault(source: str) -> None:
    try:
        drawn = mathml(source)
    except FormulaFault:
        return
    ElementTree.fromstring(drawn)
    assert markup._clean(drawn, set()).count("<") == drawn.count("<"), "the cleaning takes nothing away"


@pytest.mark.parametrize(
    "source", [r"\sqrt" * 119 + "x", r"\bar" * 149 + "x", "a^" * 299 + "a", r"\frac" * 119, r"\left(" * 99]
)
def test_a_long_chain_ends_quietly(source: str) -> None:
    fault = fault_of(source)
    assert fault is None or re.fullmatch("[a-z]+", fault.code)
