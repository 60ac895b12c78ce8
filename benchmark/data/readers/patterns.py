"""Path patterns such as `{category}/ok/*.png`, and the values they extract from matching paths.

A placeholder (`{category}`, `{defect}`, `{stem}`) matches one or more characters, `*` any number,
and `?` exactly one. None of them matches a slash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    _segments: tuple[_Segment, ...] = field(repr=False, compare=False)

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
        segments = tuple(_parsed(part, text, allowed, words) for part in text.split("/"))
        return cls(text, frozenset(words), segments)

    def match(self, path: str) -> Mapping[str, str] | None:
        """The values of the placeholders; None if the path does not match."""
        parts = path.split("/")
        if len(parts) != len(self._segments):
            return None
        values: dict[str, str] = {}
        for segment, part in zip(self._segments, parts, strict=True):
            if not segment.match(part, values):
                return None
        return values


@dataclass(frozen=True)
class _Wildcard:
    """Matches any characters, at least `least`; `word` is the placeholder, if it is one."""

    least: int
    word: str | None = None
    most: int | None = None


@dataclass(frozen=True)
class _Segment:
    """The part of a pattern between two slashes: literal texts and wildcards."""

    tokens: tuple[str | _Wildcard, ...]

    def match(self, text: str, values: dict[str, str]) -> bool:
        """Whether a text matches; adds the values of placeholders, each as long as possible.

        The time grows with the number of tokens times the length of the text. (Regular expressions
        try every combination of lengths if a text with many wildcards does not match.)
        """
        tokens = self.tokens
        if len(tokens) == 1 and tokens[0] == text:
            return True
        first, last = tokens[0], tokens[-1]
        if isinstance(first, str) and not text.startswith(first):
            return False
        if isinstance(last, str) and not text.endswith(last):
            return False
        if sum(not isinstance(token, str) for token in tokens) == 1:
            return self._match_one_wildcard(text, values)
        rest = self._matching_ends(text)
        if not rest[0][0]:
            return False
        position = 0
        for index, token in enumerate(tokens):
            if isinstance(token, str):
                position += len(token)
                continue
            longest = len(text) if token.most is None else min(len(text), position + token.most)
            after = rest[index + 1]
            end = next(e for e in range(longest, position + token.least - 1, -1) if after[e])
            if token.word is not None:
                values[token.word] = text[position:end]
            position = end
        return True

    def _match_one_wildcard(self, text: str, values: dict[str, str]) -> bool:
        """Match a text that begins and ends with the literal texts around the only wildcard."""
        literals = [len(token) if isinstance(token, str) else None for token in self.tokens]
        start, end = literals[0] or 0, len(text) - (literals[-1] or 0)
        wildcard = next(token for token in self.tokens if not isinstance(token, str))
        most = len(text) if wildcard.most is None else wildcard.most
        if not wildcard.least <= end - start <= most:
            return False
        if wildcard.word is not None:
            values[wildcard.word] = text[start:end]
        return True

    def _matching_ends(self, text: str) -> Sequence[Sequence[bool]]:
        """[i][j]: whether the tokens from the i-th on match the text from position j on."""
        size = len(text)
        after = [False] * size + [True]
        found = [after]
        for token in reversed(self.tokens):
            here = [False] * (size + 1)
            if isinstance(token, str):
                start = text.find(token)
                while start >= 0:
                    here[start] = after[start + len(token)]
                    start = text.find(token, start + 1)
            elif token.most is not None:
                for j in range(size):
                    here[j] = after[j + 1]
            else:
                any_later = False
                for j in range(size - token.least, -1, -1):
                    any_later = any_later or after[j + token.least]
                    here[j] = any_later
            found.append(here)
            after = here
        return found[::-1]


def _parsed(part: str, text: str, allowed: tuple[str, ...], words: set[str]) -> _Segment:
    """Parse the part of a pattern between two slashes, and add its placeholders to `words`."""
    tokens: list[str | _Wildcard] = []
    for match in _TOKEN.finditer(part):
        token, word = match[0], match[1]
        if word is not None:
            if word not in allowed:
                names = ", ".join(f"{{{name}}}" for name in allowed)
                raise UsageError(f"{text!r}: unknown placeholder {{{word}}}; use {names}")
            if word in words:
                raise UsageError(f"{text!r} has {{{word}}} twice; use it once")
            words.add(word)
            tokens.append(_Wildcard(1, word))
        elif token == "*":
            tokens.append(_Wildcard(0))
        elif token == "?":
            tokens.append(_Wildcard(1, most=1))
        elif token.startswith("*"):
            raise UsageError(f"{text!r}: ** is not supported; write one * per folder")
        elif token in "{}":
            raise UsageError(f"{text!r}: unmatched brace; write placeholders as {{category}}")
        else:
            tokens.append(token)
    return _Segment(tuple(tokens))
