"""Patterns of paths: `{category}/ok/*.png` and the words that a matching path gives.

`{category}`, `{defect}` and `{stem}` stand for a word each, `*` for any part of a name and `?` for
one character; none of them reaches over a slash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ....results.errors import UsageError

PLACEHOLDERS = ("category", "defect", "stem")
_TOKEN = re.compile(r"\{([^{}]*)\}|\*+|\?|[{}]|[^{}*?]+")


@dataclass(frozen=True)
class Pattern:
    """text: as it was written; words: the placeholders that it has."""

    text: str
    words: frozenset[str]
    _regex: re.Pattern[str] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, allowed: tuple[str, ...]) -> Pattern:
        """`UsageError` for an unknown or repeated placeholder, or a path that leaves the root."""
        if text.startswith("/") or "\\" in text or {"", ".", ".."} & set(text.split("/")):
            raise UsageError(f"{text!r} is no path below the root, with forward slashes")
        words: set[str] = set()
        regex = ""
        for match in _TOKEN.finditer(text):
            token, word = match[0], match[1]
            if word is not None:
                if word not in allowed:
                    may = ", ".join(f"{{{name}}}" for name in allowed)
                    raise UsageError(f"{text!r}: {{{word}}} means nothing here; there are {may}")
                if word in words:
                    raise UsageError(f"{text!r} has {{{word}}} twice")
                words.add(word)
                regex += f"(?P<{word}>[^/]+)"
            elif token == "**":
                raise UsageError(f"{text!r}: ** means nothing here; write a * for each folder")
            elif token in "{}":
                raise UsageError(f"{text!r}: a brace begins or ends {{category}} and the like")
            else:
                regex += {"*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token))
        return cls(text, frozenset(words), re.compile(regex))

    def match(self, path: str) -> Mapping[str, str] | None:
        """The words of a path; None where it does not match."""
        found = self._regex.fullmatch(path)
        return None if found is None else found.groupdict()
