"""The command `cadbench`: loads a subcommand when it is called; reports each error as one line."""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence

import click

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError
from ...results.sanitizing import printable
from .shared.messages import echo

# Name -> (module of this package, help line). The help lines are here so that `cadbench --help`
# does not import the subcommands.
COMMANDS = {
    "run": (".running.run", "Run methods on a stream and record their scores."),
    "methods": (".listing.methods", "List methods and their parameters."),
    "new-method": (".listing.new_method", "Create a package for your own method."),
    "check": (".running.check", "Check that a method follows the rules."),
    "protocols": (".listing.protocols", "List protocols, print one, or check a file."),
    "domains": (".listing.domains", "List the image changes available to --drift."),
    "data": (".data", "Download, verify and preview datasets."),
    "show": (".records.show", "Show one record: AUROC matrix, assignments, memory."),
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


_OUT_OF_MEMORY_PHRASES = (
    "can't allocate memory",  # torch
    "Cannot allocate memory",  # the dynamic linker, when it loads a library
    "failed to map segment from shared object",
)
_OUT_OF_MEMORY = "out of memory; try a smaller --image-size or fewer --categories"


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0], __package__)
        command: click.Command = module.command
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


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after `cadbench`; None for those of this process.

    Returns:
        The exit code: 0 for success, 1 for a failure, 2 for incorrect usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _escape_unprintable()
    try:
        # Not `cli.main`, which handles interrupts and broken pipes differently.
        with cli.make_context("cadbench", words) as context:
            cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        return _fail(_prefix(error), error.format_message(), error.exit_code)
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
    except BrokenPipeError:
        # The reader of the pipe (head, less) has ended.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return _fail("", f"the file name {error.filename} is too long", 2)
        if os.environ.get("CADBENCH_DEBUG"):
            raise
        if _is_out_of_memory(error):
            return _fail("", _OUT_OF_MEMORY, 1)
        first = str(error).strip().split("\n")[0]
        return _fail(
            "",
            f"internal error: {type(error).__name__}: {first} (set CADBENCH_DEBUG=1 for the "
            "traceback)",
            1,
        )
    return 0


def _escape_unprintable() -> None:
    """Escape characters that standard output cannot encode, such as in names that are not UTF-8."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


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
