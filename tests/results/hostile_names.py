"""Text that a name may hold and that every format has to print as it is."""

from __future__ import annotations

from cadbench.results.sanitizing import printable
from hypothesis import strategies as st

PIECES = (
    *(
        "&",
        "%",
        "_",
        "#",
        "$",
        "{",
        "}",
        "~",
        "^",
        "\\",
        "<",
        ">",
        "|",
        '"',
        "'",
        "`",
        "*",
        "[",
        "]",
    ),
    *("--", "---", "''", ",,", "?`", "\\\\", "\\end{tabular}", "\\input{x}", "^^M", "%%", "$x$"),
    *("<script>", "</td>", "&amp;", "&#60;", "<!--", "](x)", "![a](b)", "**b**", "_i_", "~~s~~"),
    *(
        "\n",
        "\t",
        " ",
        "\r\n",
        "é",
        "ß",
        "ł",
        "ı",
        "Ω",
        "µ",
        "±",
        "−",
        "中",
        "😀",
        "\u202e",
        "\x07",
    ),
    *("+", "-", "=", "1. ", "- [ ] ", "> ", "# ", "a", "B", "0", "(", ")", "!", ":", "@", "/"),
)

names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join) | st.text(
    max_size=12
)
"""Pieces that do something somewhere, and any text."""


def visible(text: str) -> str:
    """The text as a reader of a table sees it: what acts is written out, white space joined."""
    joined = " ".join(printable(text).split())
    return "".join(c if c.isprintable() else "\ufffd" for c in joined)
