"""Command lines: options of every command with values of `option_values`, and changed ones.

Nothing here names a file outside of `judging.World`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import click
from cadbench.benchmark.cli.main import COMMANDS, cli
from hypothesis import strategies as st

from tests.faults.option_values import (
    BASES,
    NAMED,
    NAMES,
    NEW_FILES,
    NUMBERS,
    OF_RECORDS,
    PLACES,
    PLATES,
    RUNS,
    STRANGE,
    UP,
    WITH,
    WITHOUT,
)
from tests.faults.parameter_words import settings


@cache
def commands() -> dict[str, click.Command]:
    """Every command, those of groups as `data info`."""
    found: dict[str, click.Command] = {}
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": each for inner, each in command.commands.items()}
        else:
            found[name] = command
    return found


def lines(name: str, most: int = 4) -> st.SearchStrategy[list[str]]:
    """Command lines of a command with up to `most` options drawn."""
    return _lines(name, commands()[name], most)


@st.composite
def _lines(draw: st.DrawFn, name: str, command: click.Command, most: int) -> list[str]:
    """Half of the lines have nothing wrong by itself, some one thing, some anything at all."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    chosen = draw(st.lists(st.sampled_from(options), max_size=most)) if options else []
    wrong = draw(st.sampled_from(["none", "none", "none", "one", "one", "any"]))
    place = draw(st.integers(0, max(0, len(chosen) + len(arguments) - 1)))
    words: list[str] = []
    for number, option in enumerate(chosen):
        odd = wrong == "any" or (wrong == "one" and number == place)
        words += draw(_option(option, name, odd))
    given = {option.opts[0] for option in chosen}
    bases = BASES.get(name, (("--out", RUNS),) if name in OF_RECORDS else ())
    for base in bases:
        if base[0] not in given and not given & WITHOUT.get(base[0], set()):
            words += base
    for option in sorted(given & WITH.keys()):
        words += WITH[option]
    for number, argument in enumerate(arguments, start=len(chosen)):
        odd = wrong == "any" or (wrong == "one" and number == place)
        least = 2 if name == "compare" and not odd else 1 if argument.required else 0
        count = draw(st.integers(least, 3 if argument.nargs == -1 else 1))
        values = st.lists(
            _value(argument, name, odd), min_size=count, max_size=count, unique=not odd
        )
        words += draw(values)
    if name == "run" and "--dry-run" not in given and draw(st.booleans()):
        words.append("--dry-run")
    if wrong == "any" and draw(st.integers(0, 5)) == 0:
        words.insert(draw(st.integers(0, len(words))), draw(strange()))
    return [*name.split(), *words]


def _option(option: click.Option, command: str, odd: bool) -> st.SearchStrategy[list[str]]:
    flags = st.sampled_from([*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return flags.map(lambda flag: [flag])
    return st.tuples(flags, _value(option, command, odd), st.booleans()).map(
        lambda drawn: _spelled(drawn[0], drawn[1], glued=drawn[2])
    )


def _spelled(flag: str, value: str, *, glued: bool) -> list[str]:
    return [f"{flag}={value}"] if glued and flag.startswith("--") else [flag, value]


def _value(param: click.Parameter, command: str, odd: bool) -> st.SearchStrategy[str]:
    known = tuple(_known(param, command))
    if param.name == "settings":
        usual = settings() if odd else st.sampled_from(known)
    elif not known:
        return strange()
    else:
        usual = st.sampled_from(known if odd else known[:3])
    return st.one_of(usual, usual, mutated(usual), strange()).map(tame) if odd else usual


def _known(param: click.Parameter, command: str) -> Iterator[str]:
    if param.name in ("name", "kind") and command in NAMES:
        yield from NAMES[command]
    elif param.name == "settings":
        yield from ("mecad.experts=1-3", "mecad.threshold=0.8,0.9", "mecad.replay=random")
    elif param.name == "out" and command not in ("run", "paper", "import"):
        yield from (RUNS, *PLACES)
    elif param.name in ("out", "folder"):
        yield from ("new", "new/deep", "./new", *PLACES)
    elif param.name == "output" and "auto" in param.type.choices:
        yield from ("auto", "csv", "latex", "html", "markdown", "x")
    elif param.name == "root":
        yield from (f"{UP}/data", PLATES, f"{UP}/data", *PLACES)
    elif param.name == "to" and command == "export":
        yield from ("new.zip", "new.tar.gz", "new", *NEW_FILES)
    elif param.name in ("to", "target") and command == "table":
        yield from ("new.tex", "new.html", "new.csv", *NEW_FILES)
    elif param.name == "target":
        yield from ("new.html", "a b.html", "new/new.html", *NEW_FILES)
    elif param.name == "diagram":
        yield from ("new.pdf", "new.png", "new.svg", *NEW_FILES)
    elif param.name in NAMED:
        yield from NAMED[param.name]
    elif isinstance(param.type, click.Choice):
        yield from map(str, param.type.choices)
    elif isinstance(param.type, click.types.IntParamType | click.types.FloatParamType):
        yield from NUMBERS
        yield from _bounds(param.type)
    elif isinstance(param.type, click.Path):
        yield from PLACES


def _bounds(kind: Any) -> Iterator[str]:
    for bound in (getattr(kind, "min", None), getattr(kind, "max", None)):
        if bound is not None:
            yield from (str(bound), str(bound - 1), str(bound + 1), f"{float(bound)}")


def strange() -> st.SearchStrategy[str]:
    """Texts that no option is made for."""
    letters = st.sampled_from("abz01 .,:;=-_+*/@%~'\"\\()[]{}<>|#&é\u0301日\u202e\n\t\x1b\udc80😀")
    anything = st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
    )
    return st.one_of(st.sampled_from(STRANGE), st.text(letters, max_size=12), anything).map(tame)


@st.composite
def mutated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A usual text with one place cut, doubled, or filled with something else."""
    text = draw(texts)
    place = draw(st.integers(0, len(text)))
    match draw(st.sampled_from(["cut", "drop", "insert", "double", "swap case"])):
        case "cut":
            return text[:place]
        case "drop":
            return text[:place] + text[place + 1 :]
        case "double":
            return text[:place] + text[max(0, place - 3) :]
        case "swap case":
            return text.swapcase()
        case _:
            return text[:place] + draw(st.sampled_from(STRANGE)) + text[place:]


def tame(text: str) -> str:
    """The text, made a path inside the world where it is one that leads out of it."""
    for start in ("", *(text[: place + 1] for place, c in enumerate(text[:80]) if c == "=")):
        rest = text[len(start) :]
        if rest.startswith("/") and not rest.startswith(("/dev/null/", "/proc/nope/")):
            return tame(f"{start}.{rest}")
    steps = 0
    for part in PurePosixPath(text.rpartition("=")[2]).parts:
        steps += 1 if part == ".." else 0 if part == "." else -1
        if steps > UP.count(".."):
            return text.replace("..", "._")
    return text
