"""Tables of what methods recorded."""

from __future__ import annotations

from cadbench.results.tables.recorded_events import events_tables, recorded_table

from tests.results.samples import make_losses


def test_each_kind_has_a_count_and_the_last_values(make_record):
    table = recorded_table(make_record(recorded=make_losses(2.0)))
    assert table is not None
    assert table.rows == (("epoch", 6, "epoch 2, loss 3"), ("check", 3, ""))
    assert recorded_table(make_record(seed=1)) is None


def test_all_events_are_listed_by_kind_with_their_own_columns(make_record):
    epoch, check = events_tables([make_record(recorded=make_losses(0.25))])
    assert epoch.title.startswith("Events epoch: mecad")
    assert [(c.name, c.digits) for c in epoch.columns] == [
        ("experience", 0),
        ("epoch", 0),
        ("loss", 4),
    ]
    assert epoch.rows[:2] == ((1, 1, 0.25), (1, 2, 0.125))
    assert check.rows == ((1, "fine"), (2, "fine"), (3, "fine"))
    assert events_tables([make_record(seed=1)]) == []


def test_seeds_share_a_table_with_mean_and_deviation(make_record):
    records = [
        make_record(seed=seed, recorded=make_losses(loss)) for seed, loss in ((0, 1), (1, 3))
    ]
    epoch, _ = events_tables(records)
    assert "seeds 0-1" in epoch.title
    assert (epoch.rows[0][2].mean, epoch.rows[0][2].n) == (2.0, 2)
