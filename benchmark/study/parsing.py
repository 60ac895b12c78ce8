"""Parse lists that users write as one text, such as `0-2,5`: names, whole numbers, orders."""

from __future__ import annotations

from ..system.number_ranges import inclusive_range, parse_whole_number


def parse_names(text: str) -> tuple[str, ...]:
    """Return the distinct words of a comma-separated list.

    Raises:
        ValueError: the list is empty.
    """
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not found:
        raise ValueError("the list is empty; write names separated by commas")
    return found


def parse_numbers(text: str) -> tuple[int, ...]:
    """Return the distinct numbers of a list such as `0-2,5`.

    Raises:
        ValueError: the text is malformed, or a range is too large.
    """
    found: list[int] = []
    for piece in text.split(","):
        left, dash, right = piece.strip().partition("-")
        low, high = parse_whole_number(left), parse_whole_number(right if dash else left)
        if low is None or high is None or low > high:
            raise ValueError(f"expected whole numbers such as 0, 0-2 or 0,3,5, got {text!r}")
        found.extend(inclusive_range(low, high))
    return tuple(dict.fromkeys(found))


def parse_shares(text: str) -> tuple[float, ...]:
    """Return the distinct numbers of a list such as `0,0.05`.

    Raises:
        ValueError: the text is malformed.
    """
    try:
        return tuple(dict.fromkeys(float(piece) for piece in text.split(",")))
    except ValueError:
        raise ValueError(f"expected shares such as 0.05 or 0,0.02,0.05, got {text!r}") from None


def parse_orders(text: str) -> tuple[str, ...]:
    """Split orders such as `alphabetical,random:0-3` into one text per order.

    Raises:
        ValueError: there is no order, or the seeds of `random:` are malformed.
    """
    found: list[str] = []
    for piece in (part.strip() for part in text.split(",")):
        kind, colon, seeds = piece.partition(":")
        if kind == "random" and colon:
            found.extend(f"random:{seed}" for seed in parse_numbers(seeds))
        elif piece:
            found.append(piece)
    if not found:
        raise ValueError("there is no order; write alphabetical, random:SEED or a file")
    return tuple(dict.fromkeys(found))
