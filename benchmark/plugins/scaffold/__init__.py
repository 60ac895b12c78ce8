"""The package of a new method that `cadbench new-method` writes."""

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
from typing import Literal, TypeAlias

from ....results.errors import CadbenchError, UsageError
from ...system.entry_points import METHODS, package_of, providers

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


Kind: TypeAlias = Literal["bank", "trained"]
"""`bank`: a memory bank of patch embeddings; `trained`: a network that is trained on images."""

_TEMPLATES: dict[Kind, tuple[str, str, str]] = {
    "bank": ("method.py.in", "test_method.py.in", "size=100,200"),
    "trained": ("trained_method.py.in", "test_trained_method.py.in", "width=8,16"),
}
"""By kind: the method, its test, and a sweep for the README."""


def write_method(name: str, parent: Path, kind: Kind = "bank") -> Path:
    """Write the package of a new method, completely or not at all.

    Args:
        name: name of the method and of the package's folder.
        parent: folder in which the package's folder is created.
        kind: which method to write.

    Returns:
        The package's folder.

    Raises:
        UsageError: the name is invalid or already used, or the folder exists.
        CadbenchError: the files cannot be written.
    """
    module = name.replace("-", "_")
    _check_name(name, module)
    folder = parent / name
    if os.path.lexists(folder):
        raise UsageError(f"new-method {name}: {folder} already exists; choose another name")
    if importlib.util.find_spec(module) is not None:
        raise UsageError(
            f"new-method {name}: a Python module {module!r} is already installed, and one would "
            "hide the other; choose another name"
        )
    words = {
        "name": name,
        "package": f"cadbench-{module.replace('_', '-')}",
        "module": module,
        "class_name": "".join(part.capitalize() for part in module.split("_")),
        "sweep": _TEMPLATES[kind][2],
    }
    partial = parent / f".{name}.{secrets.token_hex(4)}.partial"
    try:
        for target, template in _files(module, kind).items():
            text = importlib.resources.files(__name__).joinpath(template).read_text("utf-8")
            file = partial / target
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(string.Template(text).substitute(words), "utf-8")
        partial.rename(folder)
    except OSError as error:
        raise CadbenchError(
            f"new-method {name}: cannot write {folder} ({error.strerror}); change to a writable "
            "folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _files(module: str, kind: Kind) -> dict[str, str]:
    method, test, _ = _TEMPLATES[kind]
    return {
        "pyproject.toml": "pyproject.toml.in",
        "README.md": "README.md.in",
        f"src/{module}.py": method,
        f"tests/test_{module}.py": test,
    }


def _check_name(name: str, module: str) -> None:
    if not _NAME.fullmatch(name):
        better = "-".join(re.findall("[a-z0-9]+", name.lower())).lstrip("0123456789-")
        raise UsageError(
            f"new-method {name!r}: a name has lower-case letters, digits, _ and -, and starts "
            f"with a letter{f'; how about {better}?' if len(better) > 1 else ''}"
        )
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise UsageError(
            f"new-method {name}: {module!r} is a Python keyword or module; choose another name"
        )
    for existing, points in providers(METHODS).items():
        if existing.replace("-", "_") == module:
            raise UsageError(
                f"new-method {name}: {package_of(points[0])} already has a method {existing!r}; "
                "choose another name"
            )
