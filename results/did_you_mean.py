"""The "did you mean" part of an error message about an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(name: str, valid_names: Iterable[str]) -> str:
    """` (did you mean X?)` for the most similar valid name, or "" if none is similar.

    Upper and lower case are the same, and `forgetting` means the metric `fm`.
    """
    folded = {each.casefold(): each for each in valid_names}
    wanted = name.casefold()
    if wanted == "forgetting" and "fm" in folded:
        wanted = "fm"
    close = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]}?)" if close else ""
