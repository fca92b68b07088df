"""A formula written as in LaTeX, as MathML that browsers draw by themselves: the part of LaTeX that exams use.

What is not understood is refused with the words at fault, never passed on. All that goes out is escaped here, and
cleaned once more with everything else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from cbt.bank.items import symbols

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
    """Return what is wrong with a formula, or None."""
    try:
        mathml(source)
    except FormulaFault as fault:
        return fault
    return None


def _tag(name: str, inner: str, **attributes: str) -> str:
    said = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<{name}{said}>{inner}</{name}>"


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
        above = token.removeprefix("\\") in symbols.LARGE or token.removeprefix("\\") in symbols.LIMITS
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
        if name in symbols.LETTERS:
            return _tag("mi", symbols.LETTERS[name])
        if name in symbols.SIGNS:
            return _operator(symbols.SIGNS[name])
        if name in symbols.LARGE or name in symbols.INTEGRALS:
            return _operator({**symbols.LARGE, **symbols.INTEGRALS}[name])
        if name in symbols.FUNCTIONS or name in symbols.LIMITS:
            return _tag("mi", name)
        if name in symbols.SPACES:
            return _tag("mspace", "", width=symbols.SPACES[name])
        if name in symbols.ACCENTS:
            stretchy = "true" if name in symbols.STRETCHED else "false"
            over = _operator(symbols.ACCENTS[name], stretchy=stretchy)
            return _tag("mover", self._argument(f"\\{name}") + over, accent="true")
        if name in symbols.FONTS:
            return _tag("mi", html.escape(self._words(f"\\{name}")), mathvariant=symbols.FONTS[name])
        if f"\\{name}" in symbols.FENCES:
            return _operator(symbols.FENCES[f"\\{name}"])
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
        if token not in symbols.FENCES:
            raise FormulaFault("fence", token)
        return (
            _operator(symbols.FENCES[token], stretchy="true", fence="true") if symbols.FENCES[token] else ""
        )

    def _read_begin(self, name: str) -> str:
        kind = self._words(f"\\{name}")
        if kind not in symbols.GRIDS:
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
        before, after = symbols.GRIDS[kind]
        table = _tag("mtable", "".join(_tag("mtr", "".join(cells)) for cells in rows))
        fences = [_operator(sign, stretchy="true", fence="true") if sign else "" for sign in (before, after)]
        return _tag("mrow", fences[0] + table + fences[1])
