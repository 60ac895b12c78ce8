"""Which errors inside a method are the method's."""

from __future__ import annotations

import pytest
from cadbench.benchmark.system.cache import cache_root
from cadbench.benchmark.system.plugin_errors import attribute_errors_to
from cadbench.results.errors import CadbenchError


class Mine:
    pass


@pytest.mark.parametrize("file", ["coresets/x.npy", "libraries-0/numba/x.nbi"])
def test_a_cache_of_another_user_is_no_fault_of_the_method(cache, file):
    with (
        pytest.raises(CadbenchError, match=r"cannot read .*another user") as raised,
        attribute_errors_to("mine", Mine, "observe"),
    ):
        raise PermissionError(13, "Permission denied", str(cache_root() / file))
    assert "mine" not in str(raised.value).partition("cannot read")[0]


def test_a_file_of_its_own_is(cache, tmp_path):
    with (
        pytest.raises(CadbenchError, match=r"method mine: observe raised PermissionError"),
        attribute_errors_to("mine", Mine, "observe"),
    ):
        raise PermissionError(13, "Permission denied", str(tmp_path / "own"))
