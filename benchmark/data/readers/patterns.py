"""Path patterns such as `{category}/ok/*.png`, and the values they extract from matching paths.

A placeholder (`{category}`, `{defect}`, `{stem}`) matches one or more characters, `*` any number,
and `?` exactly one. None of them matches a slash.
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
    """A parsed pattern.

    Attributes:
        text: the pattern as the user wrote it.
        words: its placeholders.
    """

    text: str
    words: frozenset[str]
    _regex: re.Pattern[str] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, allowed: tuple[str, ...]) -> Pattern:
        """Parse a pattern.

        Args:
            text: the pattern.
            allowed: the placeholders that it may have.

        Raises:
            UsageError: a placeholder is unknown or repeated, or the path is not below the root.
        """
        if text.startswith("/") or "\\" in text or {"", ".", ".."} & set(text.split("/")):
            raise UsageError(f"{text!r} must be a relative path without `..`, with forward slashes")
        words: set[str] = set()
        regex = ""
        for match in _TOKEN.finditer(text):
            token, word = match[0], match[1]
            if word is not None:
                if word not in allowed:
                    names = ", ".join(f"{{{name}}}" for name in allowed)
                    raise UsageError(f"{text!r}: unknown placeholder {{{word}}}; use {names}")
                if word in words:
                    raise UsageError(f"{text!r} has {{{word}}} twice; use it once")
                words.add(word)
                regex += f"(?P<{word}>[^/]+)"
            elif token == "**":
                raise UsageError(f"{text!r}: ** is not supported; write one * per folder")
            elif token in "{}":
                raise UsageError(f"{text!r}: unmatched brace; write placeholders as {{category}}")
            else:
                regex += {"*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token))
        return cls(text, frozenset(words), re.compile(regex))

    def match(self, path: str) -> Mapping[str, str] | None:
        """The values of the placeholders; None if the path does not match."""
        found = self._regex.fullmatch(path)
        return None if found is None else found.groupdict()
