"""The names a formula may use, and the signs they stand for."""

from __future__ import annotations

from collections.abc import Mapping


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
