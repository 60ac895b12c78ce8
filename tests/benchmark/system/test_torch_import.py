"""How a process imports torch and how it ends."""

from __future__ import annotations

import gc
import subprocess
import sys

import cadbench.__main__
import pytest
from cadbench.benchmark.cli import main


@pytest.mark.parametrize("switched", ["enable", "disable"])
def test_torch_is_imported_with_the_collector_paused_and_its_state_restored(
    switched: str,
) -> None:
    code = (
        "import gc, sys;"
        "from cadbench.benchmark.system.torch_import import import_torch; phases = [];"
        f"gc.collect(); gc.{switched}();"
        "gc.callbacks.append(lambda phase, info: phases.append(phase)); import_torch();"
        "print('torch' in sys.modules, gc.isenabled(), gc.get_freeze_count() > 0, len(phases))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (
        done.stdout == {"enable": "True True True 0\n", "disable": "True False False 0\n"}[switched]
    )


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_command_ends_with_its_code_and_leaves_its_objects_alone(code, monkeypatch) -> None:
    frozen = []
    monkeypatch.setattr(main, "run", lambda **_: code)
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(code))
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    with pytest.raises(SystemExit) as end:
        cadbench.__main__.main()
    assert end.value.code == code
    assert frozen == [code]
