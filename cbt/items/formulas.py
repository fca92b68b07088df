"""Formulas written as in LaTeX, as MathML that browsers draw by themselves: the part of LaTeX that exams use.

What is not understood is refused with the words at fault, never passed on. All that goes out is escaped
here, and cleaned once more with everything else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LETTERS: Mapping[str, str] = _pairs("""
    alpha α  beta β  gamma γ  delta δ  epsilon ϵ  varepsilon ε  zeta ζ  eta η  theta θ  vartheta ϑ
    iota ι  kappa κ  lambda λ  mu μ  nu ν  xi ξ  pi π  varpi ϖ  rho ρ  varrho ϱ  sigma σ
    varsigma ς  tau τ  upsilon υ  phi ϕ  varphi φ  chi χ  psi ψ  omega ω  Gamma Γ  Delta Δ  Theta Θ
    Lambda Λ  Xi Ξ  Pi Π  Sigma Σ  Upsilon Υ  Phi Φ  Psi Ψ  Omega Ω  infty ∞  partial ∂  nabla ∇
    ell ℓ  hbar ℏ  emptyset ∅  varnothing ∅  angle ∠  degree °  triangle △
""")
"""Letters and what stands as one."""

SIGNS: Mapping[str, str] = _pairs("""
    times ×  div ÷  cdot ⋅  pm ±  mp ∓  ast ∗  star ⋆  circ ∘  bullet ∙  leq ≤  le ≤  geq ≥  ge ≥
    neq ≠  ne ≠  equiv ≡  approx ≈  sim ∼  simeq ≃  cong ≅  propto ∝  ll ≪  gg ≫  parallel ∥
    perp ⊥  in ∈  notin ∉  ni ∋  subset ⊂  supset ⊃  subseteq ⊆  supseteq ⊇  cup ∪  cap ∩
    setminus ∖  forall ∀  exists ∃  neg ¬  land ∧  lor ∨  to →  rightarrow →  leftarrow ←
    leftrightarrow ↔  Rightarrow ⇒  Leftarrow ⇐  Leftrightarrow ⇔  iff ⟺  mapsto ↦  uparrow ↑
    downarrow ↓  cdots ⋯  ldots …  dots …  vdots ⋮  ddots ⋱  therefore ∴  because ∵  mid ∣  prime ′
    oplus ⊕  otimes ⊗
""")
"""Signs between and around letters."""

LARGE: Mapping[str, str] = _pairs("sum ∑  prod ∏  bigcup ⋃  bigcap ⋂")
"""Signs whose limits stand above and below them."""
INTEGRALS: Mapping[str, str] = _pairs("int ∫  iint ∬  oint ∮")
FUNCTIONS = _words("""
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp det dim deg gcd arg ker Pr
""")
LIMITS = _words("lim max min sup inf")
SPACES: Mapping[str, str] = {
    ",": "0.17em", ":": "0.22em", ";": "0.28em", "!": "-0.17em", " ": "0.25em", "quad": "1em", "qquad": "2em",
}  # fmt: skip
ACCENTS: Mapping[str, str] = _pairs(
    "bar ¯  overline ¯  hat ^  widehat ^  tilde ~  vec →  overrightarrow →  dot ˙  ddot ¨"
)
STRETCHED = frozenset({"overline", "widehat", "overrightarrow"})
FONTS: Mapping[str, str] = _pairs(
    "mathrm normal  operatorname normal  mathbf bold  boldsymbol bold  mathit italic"
)
FENCES: Mapping[str, str] = {
    "(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "/": "/", ".": "", r"\{": "{", r"\}": "}",
    r"\lbrace": "{", r"\rbrace": "}", r"\langle": "⟨", r"\rangle": "⟩", r"\lfloor": "⌊", r"\rfloor": "⌋",
    r"\lceil": "⌈", r"\rceil": "⌉", r"\|": "‖", r"\vert": "|",
}  # fmt: skip
GRIDS: Mapping[str, tuple[str, str]] = {
    "matrix": ("", ""), "pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "vmatrix": ("|", "|"),
    "cases": ("{", ""), "aligned": ("", ""), "array": ("", ""),
}  # fmt: skip
"""Environments of rows and cells, with the signs before and after them."""


LONGEST = 600
DEEPEST = 20
_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\d+(?:\.\d+)?|\s+|.", re.DOTALL)


class FormulaFault(Exception):
    """What is wrong with a formula: a code (`unknown`, `brace`, `argument`, …) and the words at fault."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(code)
        self.code, self.words = code, words


def mathml(source: str, *, display: bool = False) -> str:
    """Return the MathML of a formula, of one on a line of its own with `display`; raise FormulaFault."""
    if len(source) > LONGEST:
        raise FormulaFault("length")
    reader = _Reader(_TOKEN.findall(source))
    inner = reader.row(ends=())
    if not inner:
        raise FormulaFault("empty")
    return f'<math display="{"block" if display else "inline"}">{inner}</math>'


def fault_of(source: str) -> FormulaFault | None:
    try:
        mathml(source)
    except FormulaFault as fault:
        return fault
    return None


def _tag(name: str, inner: str, **attributes: str) -> str:
    text = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<{name}{text}>{inner}</{name}>"


def _operator(sign: str, **attributes: str) -> str:
    return _tag("mo", html.escape(sign), **attributes)


class _Reader:
    """Reads the tokens of one formula from the left, one look ahead."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def _peek(self) -> str:
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def row(self, ends: tuple[str, ...]) -> str:
        """Read up to one of `ends`, which stays, or to the end where that may be."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise FormulaFault("depth")
        parts = []
        while (token := self._peek()) and token not in ends:
            if token in {"}", "&", r"\\", r"\right", r"\end"}:
                raise FormulaFault("brace", token)
            parts.append(self._scripted())
        if not token and ends:
            raise FormulaFault("brace", ends[0])
        self._depth -= 1
        return "".join(parts)

    def _scripted(self) -> str:
        token = self._peek()
        if token in {"^", "_"}:
            raise FormulaFault("script", token)
        base = self._atom()
        scripts: dict[str, str] = {}
        while (sign := self._peek()) in {"^", "_", "'"}:
            self._take()
            place = "^" if sign == "'" else sign
            if place in scripts:
                raise FormulaFault("script", sign)
            scripts[place] = _operator("′") if sign == "'" else self._argument(sign)
        if not scripts:
            return base
        above = token.removeprefix("\\") in LARGE or token.removeprefix("\\") in LIMITS
        names = ("munder", "mover", "munderover") if above else ("msub", "msup", "msubsup")
        if len(scripts) == 2:
            return _tag(names[2], base + scripts["_"] + scripts["^"])
        place, script = next(iter(scripts.items()))
        return _tag(names[place == "^"], base + script)

    def _argument(self, asker: str) -> str:
        token = self._peek()
        if token == "{":
            return self._group()
        if not token or token in {"}", "^", "_", "&"}:
            raise FormulaFault("argument", asker)
        return self._atom()

    def _group(self) -> str:
        self._take()
        inner = self.row(("}",))
        self._take()
        return _tag("mrow", inner)

    def _words(self, asker: str) -> str:
        """Return the words of `\\text{…}` as they stand."""
        if self._take() != "{":
            raise FormulaFault("argument", asker)
        end = next((n for n in range(self._at, len(self._tokens)) if self._tokens[n] == "}"), -1)
        if end < 0:
            raise FormulaFault("brace", "}")
        words = "".join(self._tokens[self._at : end])
        self._at = end + 1
        if "{" in words or "\\" in words.replace(r"\%", "").replace(r"\ ", ""):
            raise FormulaFault("words", words)
        return words.replace(r"\%", "%").replace(r"\ ", " ")

    def _atom(self) -> str:
        token = self._peek()
        if token == "{":
            return self._group()
        self._take()
        if token.startswith("\\"):
            return self._command(token[1:])
        if token[0].isdigit():
            return _tag("mn", token)
        if token in {"$", "#", "%", "~"}:
            raise FormulaFault("escape", token)
        if token.isalpha():
            return _tag("mi", html.escape(token)) if token.isascii() else _tag("mtext", html.escape(token))
        return _operator({"-": "−", "*": "∗"}.get(token, token))

    def _command(self, name: str) -> str:
        own: Callable[[str], str] | None = getattr(self, f"_read_{name}", None) if name.isalpha() else None
        if own is not None:
            return own(name)
        if name in LETTERS:
            return _tag("mi", LETTERS[name])
        if name in SIGNS:
            return _operator(SIGNS[name])
        if name in LARGE or name in INTEGRALS:
            return _operator({**LARGE, **INTEGRALS}[name])
        if name in FUNCTIONS or name in LIMITS:
            return _tag("mi", name)
        if name in SPACES:
            return _tag("mspace", "", width=SPACES[name])
        if name in ACCENTS:
            stretchy = "true" if name in STRETCHED else "false"
            over = _operator(ACCENTS[name], stretchy=stretchy)
            return _tag("mover", self._argument(f"\\{name}") + over, accent="true")
        if name in FONTS:
            return _tag("mi", html.escape(self._words(f"\\{name}")), mathvariant=FONTS[name])
        if f"\\{name}" in FENCES:
            return _operator(FENCES[f"\\{name}"])
        if name in {"%", "$", "#", "&", "_"}:
            return _operator(name)
        raise FormulaFault("unknown", f"\\{name}")

    def _read_frac(self, name: str) -> str:
        over = self._argument(f"\\{name}")
        return _tag("mfrac", over + self._argument(f"\\{name}"))

    _read_dfrac = _read_tfrac = _read_frac

    def _read_binom(self, name: str) -> str:
        over = self._argument(f"\\{name}")
        inner = _tag("mfrac", over + self._argument(f"\\{name}"), linethickness="0")
        return _tag("mrow", _operator("(") + inner + _operator(")"))

    def _read_sqrt(self, name: str) -> str:
        if self._peek() != "[":
            return _tag("msqrt", self._argument(f"\\{name}"))
        self._take()
        degree = self.row(("]",))
        self._take()
        return _tag("mroot", self._argument(f"\\{name}") + _tag("mrow", degree))

    def _read_underline(self, name: str) -> str:
        return _tag("munder", self._argument(f"\\{name}") + _operator("_", stretchy="true"))

    def _read_text(self, name: str) -> str:
        return _tag("mtext", html.escape(self._words(f"\\{name}")))

    _read_mbox = _read_text

    def _read_left(self, name: str) -> str:
        before = self._fence()
        inner = self.row((r"\right",))
        self._take()
        return _tag("mrow", before + inner + self._fence())

    def _fence(self) -> str:
        token = self._take()
        if token not in FENCES:
            raise FormulaFault("fence", token)
        return _operator(FENCES[token], stretchy="true", fence="true") if FENCES[token] else ""

    def _read_begin(self, name: str) -> str:
        kind = self._words(f"\\{name}")
        if kind not in GRIDS:
            raise FormulaFault("environment", kind)
        if kind == "array":
            self._words(r"\begin{array}")
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(_tag("mtd", self.row(("&", r"\\", r"\end"))))
            token = self._take()
            if token == r"\\" and self._peek() != r"\end":
                rows.append([])
            elif token != "&":
                if token == r"\\":
                    self._take()
                break
        if self._words(r"\end") != kind:
            raise FormulaFault("environment", kind)
        before, after = GRIDS[kind]
        table = _tag("mtable", "".join(_tag("mtr", "".join(cells)) for cells in rows))
        fences = [_operator(sign, stretchy="true", fence="true") if sign else "" for sign in (before, after)]
        return _tag("mrow", fences[0] + table + fences[1])
