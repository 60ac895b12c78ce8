"""The mock stream of the tests of trained methods."""

from __future__ import annotations

import pytest
from cadbench.benchmark.conformance.mock_stream import mock_stream


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=3, train=4, test=4, side=4, dim=8)
