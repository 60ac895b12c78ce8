"""The command `cadbench`: loads a subcommand when it is called; reports each error as one line."""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError
from ...results.python_names import options_are_named
from ...results.sanitizing import printable
from ...results.storage import files
from .shared.messages import echo, usage_message
from .streams import output_error

# Name -> (module of this package, help line). The help lines are here so that `cadbench --help`
# does not import the subcommands.
COMMANDS = {
    "run": (".running.run", "Run methods on a stream and record their scores."),
    "methods": (".listing.methods", "List methods and their parameters."),
    "new-method": (".listing.new_method", "Create a package for your own method."),
    "check": (".running.check", "Check that a method follows the rules."),
    "protocols": (".listing.protocols", "List protocols, print one, or check a file."),
    "backbones": (".listing.backbones", "List backbones: training data, license, size."),
    "domains": (".listing.domains", "List the image changes available to --drift."),
    "data": (".data", "Download, verify and preview datasets."),
    "show": (".records.show", "Show one record: AUROC matrix, assignments, memory."),
    "score": (".records.score", "Score new images with the method of a record."),
    "audit": (".records.audit", "Compute a part of a record again, and compare."),
    "table": (".records.table", "Compare records in a table."),
    "compare": (".records.compare", "Test whether rows differ: intervals, p-values, ranks."),
    "figure": (".records.figure", "Draw figures from records: PDF, SVG, PNG."),
    "leaderboard": (".records.leaderboard", "Rank all records, grouped by protocol."),
    "report": (".records.report", "Write all records as one HTML file."),
    "export": (".records.export", "Write records to a folder or archive, to share them."),
    "import": (".records.import_records", "Check and add records that others exported."),
    "paper": (".running.paper", "Run a paper's configuration and compare with its numbers."),
    "runs": (".runs", "List, show and delete runs."),
    "cache": (".cache", "Show the size of the cache, and prune it."),
    "metrics": (".listing.metrics", "Define every metric: formula, range, sign."),
}


_READING = frozenset(
    {
        *("show", "table", "compare", "leaderboard", "methods", "protocols", "domains", "metrics"),
        *("data info", "runs ls", "runs show", "runs du", "cache size"),
    }
)
"""Commands whose only work is what they print."""

_COMPLETE = "_CADBENCH_COMPLETE"
"""The variable in which shells ask click for completion."""

_OUT_OF_MEMORY_PHRASES = (
    "can't allocate memory",  # torch
    "Cannot allocate memory",  # the dynamic linker, when it loads a library
    "failed to map segment from shared object",
)
_OUT_OF_MEMORY = "out of memory; try a smaller --image-size or fewer --categories"


_STRIPPED = "(Python removed the description: it runs with -OO or PYTHONOPTIMIZE=2.)"

_OWN_PROCESS = object()
"""Marks the context of a process that runs nothing but this command."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if ctx.find_root().obj is _OWN_PROCESS:
            from ..system.library_caches import set_library_caches, silence_libraries

            set_library_caches()
            silence_libraries()
        module = importlib.import_module(COMMANDS[cmd_name][0], __package__)
        command: click.Command = module.command
        _restore_help(command, COMMANDS[cmd_name][1])
        if os.environ.get(_COMPLETE):
            from .shared.completion import add_completion

            add_completion(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"unknown command {args[0]!r}{suggestion(args[0], COMMANDS)}; "
                f"available: {', '.join(COMMANDS)}"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _restore_help(command: click.Command, line: str) -> None:
    """Give commands without a docstring, as under `python -OO`, a line of help."""
    if command.help is None:
        command.help = " ".join(filter(None, (line, _STRIPPED)))
    for subcommand in getattr(command, "commands", {}).values():
        _restore_help(subcommand, subcommand.short_help or "")


def _print_version(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    if given and not ctx.resilient_parsing:
        click.echo(f"cadbench {importlib.metadata.version('cadbench')}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Benchmark harness for continual anomaly detection.

    \b
    cadbench run --method mecad --experts 1-8
    """


_restore_help(cli, "Benchmark harness for continual anomaly detection.")


def run(arguments: Sequence[str] | None = None, *, own_process: bool = False) -> int:
    """Run the command line.

    Args:
        arguments: the words after `cadbench`; None for those of this process.
        own_process: this process does nothing else, so that its environment and warnings may be
            set.

    Returns:
        The exit code: 0 for success, 1 for a failure, 2 for incorrect usage.
    """
    words = [expand_home(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    if unknown := _unknown_home(words):
        return _fail("", f"there is no user {unknown[1:]!r} for {unknown}; write ./{unknown} for a "
                     "folder of that name", 2)  # fmt: skip
    if instruction := os.environ.get(_COMPLETE):
        return _complete(instruction)
    _escape_unprintable()
    files.name_options = _options_of
    code = _invoke(words, own_process)
    error = output_error()
    if error is None or code:
        return code
    if isinstance(error, BrokenPipeError) and _only_prints(words):
        return 0  # the reader (head, less) had enough
    kept = "" if _only_prints(words) else " (finished work is kept)"
    if isinstance(error, BrokenPipeError):
        return _fail("", f"standard output was closed before all of it was printed{kept}", 1)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _fail("", f"no space left while writing to standard output{kept}", 1)
    return _fail("", f"cannot write to standard output ({error.strerror}){kept}", 1)


def expand_home(word: str) -> str:
    """Expand `~` where a shell leaves it: in `--out=~/runs`, `mvtec=~/data`, and in quotes."""
    return re.sub(
        r"(^|[=,])(~[^/\\\s=,]*)(?=[/\\]|$)",
        lambda match: match[1] + os.path.expanduser(match[2]),
        word,
    )


def _unknown_home(words: Sequence[str]) -> str | None:
    """`~name` of a path in which `name` is no user, or None."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") else word
        if match := re.match(r"~[\w.-]+(?=/)", value):
            return match[0]
    return None


def _complete(instruction: str) -> int:
    """Print what a shell asks for, or nothing: shells execute the output."""
    from click.shell_completion import shell_complete

    try:
        return shell_complete(cli, {}, "cadbench", _COMPLETE, instruction)
    except Exception:  # words that are not finished can fail anywhere
        return 1


def _only_prints(words: Sequence[str]) -> bool:
    """Whether the command leaves nothing undone if nobody reads its output."""
    if {"-h", "--help", "--version", "--dry-run"} & {*words}:
        return True
    if any(word.startswith("--publish") for word in words):
        return False
    return not words or words[0] in _READING or " ".join(words[:2]) in _READING


def _options_of(path: Path) -> str | None:
    """Name the option of the running command that chose the folder of a path, if one did."""
    from ..system.cache import cache_root

    context = click.get_current_context(silent=True)
    for option in context.command.params if context is not None else ():
        chosen = context.params.get(option.name or "") if context is not None else None
        if isinstance(chosen, Path) and path.absolute().is_relative_to(chosen.absolute()):
            return max(option.opts, key=len)
    return "CADBENCH_CACHE" if path.absolute().is_relative_to(cache_root()) else None


def _invoke(words: list[str], own_process: bool) -> int:
    """Run a command and report its errors; return the exit code."""
    token = options_are_named.set(True)
    try:
        # Not `cli.main`, which handles interrupts and broken pipes differently.
        with cli.make_context(
            "cadbench", words, obj=_OWN_PROCESS if own_process else None
        ) as context:
            cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        return _fail(_prefix(error), usage_message(error), error.exit_code)
    except CadbenchError as error:
        if os.environ.get("CADBENCH_DEBUG") and error.__cause__ is not None:
            raise
        if error.__cause__ is not None and _is_out_of_memory(error.__cause__):
            return _fail("", _OUT_OF_MEMORY, 1)
        return _fail("", str(error), error.exit_code, error.listed)
    except (KeyboardInterrupt, click.Abort):
        newline = "\n" if sys.stderr.isatty() else ""  # the terminal has printed ^C
        return _fail(
            newline, "interrupted; finished work is kept: run the same command again to continue", 1
        )
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return _fail("", f"the file name {error.filename} is too long", 2)
        if os.environ.get("CADBENCH_DEBUG"):
            raise
        if _is_out_of_memory(error):
            return _fail("", _OUT_OF_MEMORY, 1)
        if isinstance(error, OSError) and (known := _describe_system_error(error)):
            return _fail("", known, 1)
        first = str(error).strip().split("\n")[0]
        return _fail(
            "",
            f"internal error: {type(error).__name__}: {first} (set CADBENCH_DEBUG=1 for the "
            "traceback)",
            1,
        )
    finally:
        options_are_named.reset(token)
    return 0


def _escape_unprintable() -> None:
    """Escape characters that standard output cannot encode, such as in names that are not UTF-8."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _describe_system_error(error: OSError) -> str | None:
    """What the system refused, or None if that says nothing to a user."""
    if isinstance(error, ConnectionError):  # among them BrokenPipeError
        return (
            "a helper process of cadbench ended unexpectedly (killed, or out of memory?); finished "
            "work is kept: run the same command again"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return str(files.storage_error(error, Path(error.filename or "a temporary file")))
    if error.errno is None or not isinstance(error.filename, str | os.PathLike):
        return None
    path = Path(error.filename)
    option = _options_of(path)
    advice = f"; choose another place with {option}" if option else ""
    return f"cannot use {path}: {error.strerror}{advice}"


def _prefix(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path}: " if context is not None else ""


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, the system or torch (own class on CUDA, RuntimeError on CPU) lacks memory."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or type(error).__name__ == "OutOfMemoryError"
        or any(phrase in str(error) for phrase in _OUT_OF_MEMORY_PHRASES)
    )


def _fail(prefix: str, message: str, code: int, listed: Sequence[str] = ()) -> int:
    for line in (f"error: {printable(message)}", *map(printable, listed)):
        echo(f"{prefix}{line}", err=True)
        prefix = ""
    return code
