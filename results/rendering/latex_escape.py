"""Escape any text for LaTeX, so that every engine prints it and runs nothing; write notes.

pandas' `Styler` escapes nine characters only; pdfLaTeX stops at others, such as Greek letters.
"""

from __future__ import annotations

import re
import unicodedata

UNKNOWN = r"\providecommand{\anychar}[2]{\ifdefined\Umathchar #1\else\texttt{U+#2}\fi}"
"""Definition of `\\anychar`, which escaped text may use: XeLaTeX and LuaLaTeX print the character,
pdfLaTeX, which has no glyph for it, prints its number."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\`{}",
    '"': "{''}",
    **{character: f"\\{character}" for character in "&%_#${}"},
}
_OTHER = {
    "–": "--",
    "—": "---",
    "‘": "{`}",
    "’": "{'}",
    "“": "{``}",
    "”": "{''}",
    "…": r"\dots{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
}
_MATH = {
    "†": r"\dagger",
    "±": r"\pm",
    "×": r"\times",
    "·": r"\cdot",
    "−": "-",
    "°": r"^\circ",
    "²": "^2",
    "³": "^3",
    "≤": r"\leq",
    "≥": r"\geq",
    "≈": r"\approx",
    "≠": r"\neq",
    "→": r"\rightarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "∞": r"\infty",
    "µ": r"\mu",
    **dict(
        zip(
            "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ",
            (
                *(r"\alpha", r"\beta", r"\gamma", r"\delta", r"\epsilon", r"\zeta", r"\eta"),
                *(r"\theta", r"\iota", r"\kappa", r"\lambda", r"\mu", r"\nu", r"\xi", r"\pi"),
                *(r"\rho", r"\sigma", r"\tau", r"\upsilon", r"\phi", r"\chi", r"\psi", r"\omega"),
                *(r"\Gamma", r"\Delta", r"\Theta", r"\Lambda", r"\Xi", r"\Pi", r"\Sigma"),
                *(r"\Upsilon", r"\Phi", r"\Psi", r"\Omega"),
            ),
            strict=True,
        )
    ),
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
METRICS = {"acc": "ACC", "bwt": "BWT", "fm": "FM", "fwt": "FWT"}
"""Names of metrics as papers print them; other names lose their underscores."""

_OPERAND = r"(?:R\[[-A-Za-z0-9(), ]*\]|s\(c\)|\bT\b)"
_FORMULA = re.compile(
    rf"({_OPERAND}(?: (?:-|<=|<) (?:{_OPERAND}|t\b))*"
    r"|\b10\^-?\d+|(?<=\bover )[ct]\b|(?<=\bexperience )[Tt]\b)"
)
_LIGATURES = ("--", ",,", "''")


def escape_latex(text: str) -> str:
    """Escape text for LaTeX and join it into one line; see also `UNKNOWN`."""
    joined = " ".join(unicodedata.normalize("NFC", text).split())
    pieces = [
        _character(character) + "{}" * (joined[place : place + 2] in _LIGATURES)
        for place, character in enumerate(joined)
    ]
    if joined.startswith(("*", "[")):
        pieces[0] = f"{{{joined[0]}}}"  # or a preceding line break would read it as its argument
    return "".join(pieces)


def write_note(note: str) -> str:
    """Write a footnote: its mark in superscript, formulas as math, options as code."""
    match = re.match(r"\[(\d+)\] |(†) ", note)
    raised = rf"\textsuperscript{{{escape_latex(match[1] or match[2])}}}\," if match else ""
    text = note[match.end() :] if match else note
    name, colon, rest = text.partition(":")
    text = (name.replace("_", " ") if name.isidentifier() else name) + colon + rest
    parts = _FORMULA.split(text.rstrip(". "))
    return raised + "".join(
        _formula(part) if number % 2 else _words(part) for number, part in enumerate(parts)
    )


def _words(text: str) -> str:
    text = re.sub(r"(?<![\w.`-])(bwt|fm|fwt)(?![\w.`-])", lambda name: METRICS[name[1]], text)
    padded = escape_latex(f"|{text.replace(' - ', ' − ').replace(' <= ', ' ≤ ')}|")
    bar = escape_latex("|")
    escaped = padded[len(bar) : len(padded) - len(bar)]  # keep the spaces at the ends
    return re.sub(r"\\`{}([-{}\w ]+?)\\`{}", r"\\texttt{\1}", escaped)


def _formula(text: str) -> str:
    """Write a formula such as `R[T, c] - R[s(c), c]` as math."""
    text = re.sub(r"R\[([^\]]*)\]", r"R_{\1}", text)
    text = re.sub(r"\^(-?\d+)", r"^{\1}", text)
    return f"${text.replace('<=', chr(92) + 'leq')}$"


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if " " <= character <= "~":
        return character
    if character in _OTHER:
        return _OTHER[character]
    if character in _MATH:
        return rf"\ensuremath{{{_MATH[character]}}}"
    letter, *accents = list(unicodedata.normalize("NFD", character))
    if letter.isascii() and letter.isalpha() and len(accents) == 1 and accents[0] in _ACCENTS:
        return rf"\{_ACCENTS[accents[0]]}{{{letter}}}"
    number = f"{ord(character):04X}"
    if not character.isprintable():
        return rf"\texttt{{U+{number}}}"
    return rf"\anychar{{{character}}}{{{number}}}"
