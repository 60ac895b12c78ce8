"""What a process does, and does not do, before and after its work."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

import cadbench
from benchmark.cli import main


def test_torch_is_imported_without_looking_for_garbage() -> None:
    code = (
        "import gc, sys; from benchmark.startup import import_torch; begun = [];"
        "gc.callbacks.append(lambda phase, info: begun.append(phase)); import_torch();"
        "assert 'torch' in sys.modules; assert gc.isenabled(); assert gc.get_freeze_count();"
        "print(len(begun))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "0\n"


def test_who_has_switched_the_collector_off_finds_it_off() -> None:
    code = (
        "import gc, sys; from benchmark.startup import import_torch; gc.disable(); import_torch();"
        "print(gc.isenabled(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_command_ends_with_its_code_and_leaves_its_objects_alone(code, monkeypatch) -> None:
    frozen = []
    monkeypatch.setattr(main, "run", lambda: code)
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(code))
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    with pytest.raises(SystemExit) as end:
        cadbench.main()
    assert end.value.code == code
    assert frozen == [code]
