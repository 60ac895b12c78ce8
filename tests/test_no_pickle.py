"""Nothing that is read can run code: no pickle, no eval, weights and arrays only as plain data."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    ROOT / "__init__.py",
    ROOT / "__main__.py",
    *(file for layer in ("results", "benchmark", "methods", "mecad")
      for file in sorted((ROOT / layer).rglob("*.py"))),
]  # fmt: skip
PICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUNNING = {"eval", "exec", "compile", "__import__"}
SAFE_FLAG = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
    "np.save": ("allow_pickle", False),
}
"""What a call has to say in so many words, whatever its default is."""
UNSAFE = {"pd.read_pickle", "torch.hub.load", "torch.jit.load", "yaml.load", "yaml.unsafe_load",
          "os.system", "os.popen"}  # fmt: skip


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def unsafe(source: str) -> list[str]:
    """Every import or call of a source that could run what is read."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [name for name in names if name.split(".")[0] in PICKLING]
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        flags = {
            keyword.arg: keyword.value.value
            for keyword in node.keywords
            if isinstance(keyword.value, ast.Constant)
        }
        if name in RUNNING or name in UNSAFE or name.endswith(".extractall"):
            found.append(name)
        if flags.get("shell"):
            found.append(f"{name} with a shell")
        if flags.get("allow_pickle") or flags.get("weights_only") is False:
            found.append(name)
        if name in SAFE_FLAG:
            flag, value = SAFE_FLAG[name]
            if flag not in flags or flags[flag] is not value:
                found.append(f"{name} without {flag}={value}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_nothing_in_the_package_unpickles_or_evaluates(file):
    assert unsafe(file.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "numpy.load(f, mmap_mode='r')",
        "archive.extractall(to)",
        "subprocess.run(x, shell=True)",
        "pd.read_pickle(f)",
    ],
)
def test_the_search_finds_what_it_is_for(source):
    assert unsafe(source)


@pytest.mark.parametrize(
    "source",
    ["torch.load(f, weights_only=True)", "np.load(f, allow_pickle=False)", "model.eval()"],
)
def test_the_search_lets_the_safe_forms_pass(source):
    assert unsafe(source) == []
