"""The stream: how a schedule divides an order into experiences."""

from __future__ import annotations

from cadbench.benchmark.streams.stream import Stream

from tests.benchmark.samples import a_manifest, an_order


def test_the_schedule_divides_the_order_into_experiences():
    stream = Stream(a_manifest(), an_order("random:3"), "2-1x*")
    order = stream.order.categories
    assert [(e.index, e.categories) for e in stream.train_stream] == [
        (1, order[:2]),
        (2, order[2:3]),
        (3, order[3:]),
    ]
    assert stream.test_stream == stream.train_stream
    assert [stream.seen(index) for index in range(4)] == [(), order[:2], order[:3], order]
    assert stream.resolved_schedule == "2-1x2"
