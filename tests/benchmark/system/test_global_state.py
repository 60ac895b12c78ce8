"""Global settings that a method changed are restored; the others are left alone."""

from __future__ import annotations

import torch
from cadbench.benchmark.system.global_state import restored_global_state


def test_deterministic_algorithms_are_restored_only_if_a_method_changed_them(monkeypatch):
    """The call imports torch's compiler, which takes 1.4 s and 150 MB."""
    calls = []
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda mode, *, warn_only: calls.append(mode)
    )
    with restored_global_state():
        pass
    assert calls == []
    with restored_global_state():
        monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    assert calls == [False]
