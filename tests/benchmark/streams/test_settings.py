"""The settings of a stream: what they may be, and that records and ids have the same."""

from __future__ import annotations

import dataclasses

import pytest
from cadbench.benchmark.streams.settings import DEFAULTS, SETTINGS, StreamSettings
from cadbench.benchmark.study.study import Study
from cadbench.results.errors import UsageError
from cadbench.results.records.schema import STREAM_OPTIONS, CellEntry


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"blend": 1.1}, "blend: .*from 0 to 1, not 1.1"),
        ({"blend": float("nan")}, "blend: .*from 0 to 1, not nan"),
        ({"holdout": 1}, "holdout: .*at least 0 and below 1, not 1"),
        ({"holdout": True}, "holdout: .*at least 0 and below 1, not True"),
        ({"contaminate": "0.1"}, "contaminate: it is the share of defective images"),
        ({"contaminate": -0.1}, "contaminate: .*at least 0 and below 1"),
        ({"holdout": 0.1, "threshold_quantile": 0}, "threshold_quantile: .*above 0 and below 1"),
        ({"threshold_quantile": 0.9}, "threshold_quantile: needs held-out images"),
        ({"drift": ("dark",)}, "drift: 'dark' is not a domain"),
        ({"routing": "oracel"}, "routing: expected one of oracle, inferred, got 'oracel'"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(values, said):
    with pytest.raises(UsageError, match=f"^{said}"):
        StreamSettings(**values)


def test_each_setting_is_a_field_of_the_study_and_an_entry_of_the_record():
    assert set(SETTINGS) <= {field.name for field in dataclasses.fields(Study)}
    assert set(SETTINGS) <= set(CellEntry.__annotations__)
    optional = {name for name, setting in SETTINGS.items() if setting.id_word}
    assert optional == set(STREAM_OPTIONS)
    assert StreamSettings(**DEFAULTS).optional_entries() == {}


def test_a_whole_number_is_stored_as_a_share():
    assert repr(StreamSettings(blend=1).blend) == "1.0"
