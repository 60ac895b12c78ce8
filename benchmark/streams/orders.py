"""Orders: the sequence of the categories, alphabetical, shuffled with a seed, or from a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..system.number_ranges import parse_whole_number
from ..system.rng import generator

BY_DIFFICULTY = ("easy_to_hard", "hard_to_easy")
"""Orders that need results; `benchmark.study.difficulty` resolves them."""


@dataclass(frozen=True)
class Order:
    """An order of the categories, and its name in records and keys."""

    name: str
    categories: tuple[str, ...]


def resolve_order(text: str, categories: tuple[str, ...]) -> Order:
    """Turn the text of `--order` into an order.

    Args:
        text: `alphabetical`, `random:SEED`, or the path of a file with one category per line.
        categories: all categories of the dataset.

    Returns:
        The order. An order from a file is named `file-` and a hash of its content, so that no path
        enters a record.

    Raises:
        UsageError: the text is none of these, or the file does not list each category once.
    """
    alphabetical = tuple(sorted(categories))
    if text == "alphabetical":
        return Order(text, alphabetical)
    kind, colon, seed = text.partition(":")
    if kind == "random" and colon:
        number = parse_whole_number(seed)
        if number is None:
            raise UsageError(
                f"--order {text}: write random:SEED with a whole number, or random:0-3"
            )
        permutation = generator(number, "order").permutation(len(alphabetical))
        # The name is normalized because it enters keys: `random:07` is the order `random:7`.
        return Order(f"random:{number}", tuple(alphabetical[index] for index in permutation))
    return _read_order(text, categories)


def listed_order(kind: str, categories: tuple[str, ...]) -> Order:
    """Create the order of an explicit list of categories.

    Args:
        kind: `file`, or the name of the list in its protocol; the first part of the order's name.
        categories: the categories in this order. A hash of them is the second part of the name, so
            that two lists of the same kind have different names.
    """
    digest = hashlib.sha256("\n".join(categories).encode()).hexdigest()[:8]
    return Order(f"{kind}-{digest}", categories)


def _read_order(text: str, categories: tuple[str, ...]) -> Order:
    path = Path(text)
    if not path.is_file():
        raise UsageError(
            f"--order {text!r} is neither alphabetical, random:SEED nor a file with one category "
            f"per line{suggestion(text, ['alphabetical', 'random:0', *BY_DIFFICULTY])}"
        )
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--order {text}: the file cannot be read as text ({error})") from error
    listed = tuple(line.strip() for line in lines if line.strip())
    if sorted(listed) != sorted(categories):
        wrong = sorted(set(listed) ^ set(categories)) or ["a category listed twice"]
        raise UsageError(
            f"--order {text}: the file must list each category of the dataset once; check "
            f"{', '.join(wrong)}"
        )
    return listed_order("file", listed)
