"""What a piece of work costs: peak memory of the process, and energy where it is told."""

from __future__ import annotations

import mmap

import torch
from cadbench.benchmark.system import costs
from cadbench.benchmark.system.costs import CostMeter, spent

CPU = torch.device("cpu")


def test_the_peak_is_that_of_the_block():
    with CostMeter(CPU) as large, mmap.mmap(-1, 64 * 2**20) as block:  # unlike malloc's, given back
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1
    with CostMeter(CPU) as small:
        pass
    assert large.gpu_bytes is None
    if large.process_bytes is not None:  # Linux
        assert large.process_bytes - small.process_bytes > 32 * 2**20


def test_energy_is_read_from_all_packages_and_none_without_a_counter(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "POWERCAP", tmp_path)
    with CostMeter(CPU) as unknown:
        pass
    assert unknown.joules is None

    def write(number, microjoules):
        folder = tmp_path / f"intel-rapl:{number}"
        folder.mkdir(exist_ok=True)
        (folder / "energy_uj").write_text(f"{microjoules}\n")
        (folder / "max_energy_range_uj").write_text("10000000\n")

    write(0, 1_000_000)
    write(1, 9_000_000)
    with CostMeter(CPU) as meter:
        write(0, 3_500_000)
        write(1, 1_000_000)  # 10 J, then it began again from 0
    assert meter.joules == 2.5 + 2.0


def test_a_counter_that_vanishes_gives_no_energy():
    assert spent({"a": (1.0, 0.0)}, {}) is None
