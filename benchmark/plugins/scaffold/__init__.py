"""A new method's package: what `cadbench new-method` writes."""

from __future__ import annotations

import importlib.resources
import importlib.util
import keyword
import os
import re
import secrets
import shutil
import string
import sys
from pathlib import Path

from ....results.errors import CadbenchError, UsageError
from ...system.entry_points import offered, package_of

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


def write_method(name: str, where: Path) -> Path:
    """Write the package of a method called `name` into a new folder of `where`, or nothing.

    `UsageError` where the name is none for a method, is taken, or the folder exists.
    """
    module = name.replace("-", "_")
    _refuse_name(name, module)
    folder = where / name
    if os.path.lexists(folder):
        raise UsageError(f"new-method {name}: {folder} exists already; choose another name")
    if importlib.util.find_spec(module) is not None:
        raise UsageError(
            f"new-method {name}: a Python module {module!r} is installed, which its own would "
            "hide or be hidden by; choose another name"
        )
    words = {
        "name": name,
        "package": f"cadbench-{module.replace('_', '-')}",
        "module": module,
        "class_name": "".join(part.capitalize() for part in module.split("_")),
    }
    begun = where / f".{name}.{secrets.token_hex(4)}.partial"
    try:
        for target, template in _files(module).items():
            text = importlib.resources.files(__name__).joinpath(template).read_text("utf-8")
            file = begun / target
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(string.Template(text).substitute(words), "utf-8")
        begun.rename(folder)
    except OSError as error:
        raise CadbenchError(
            f"new-method {name}: cannot write {folder} ({error.strerror}); go to a folder that can "
            "be written to"
        ) from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    return folder


def _files(module: str) -> dict[str, str]:
    return {
        "pyproject.toml": "pyproject.toml.in",
        "README.md": "README.md.in",
        f"src/{module}.py": "method.py.in",
        f"tests/test_{module}.py": "test_method.py.in",
    }


def _refuse_name(name: str, module: str) -> None:
    if not _NAME.fullmatch(name):
        better = "-".join(re.findall("[a-z0-9]+", name.lower())).lstrip("0123456789-")
        raise UsageError(
            f"new-method {name!r}: a name is of lower-case letters, digits, _ and -, and begins "
            f"with a letter{f'; how about {better}?' if len(better) > 1 else ''}"
        )
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise UsageError(f"new-method {name}: Python has the word {module!r}; choose another name")
    for known, points in offered().items():
        if known.replace("-", "_") == module:
            raise UsageError(
                f"new-method {name}: {package_of(points[0])} has a method {known!r}; choose "
                "another name"
            )
