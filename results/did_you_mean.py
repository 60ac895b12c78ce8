"""The "did you mean" part of an error message about an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(name: str, valid_names: Iterable[str]) -> str:
    """` (did you mean X?)` for the most similar valid name, or "" if none is similar."""
    close = difflib.get_close_matches(name, list(valid_names), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
