"""What the catalog says is checked: nothing unknown, no address but https, no guessed hash."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from cadbench.benchmark.data.catalog import Official, entry_names, load_entry, parse_entry
from cadbench.benchmark.data.opening.registry import load_reader
from cadbench.results.errors import CadbenchError, UsageError

TOTALS = {
    "mvtec": (15, 3629, 467, 1258, 1258),
    "visa": (12, 8659, 962, 1200, 1200),
    "btad": (3, 1799, 451, 290, 290),
    "mpdd": (6, 888, 176, 282, 282),
    "mvtec_loco": (5, 1778, 575, 993, 993),
}
"""Categories, training, good and defective test images, masks."""


def text_of(name: str) -> str:
    return (resources.files("cadbench.benchmark.data.catalog") / f"{name}.toml").read_text("utf-8")


def test_every_data_set_of_the_catalog_is_read():
    assert entry_names() == ("btad", "mpdd", "mvtec", "mvtec_loco", "real_iad", "visa")
    for name in entry_names():
        entry = load_entry(name)
        assert (entry.access == "download") == (name not in ("mpdd", "real_iad"))
        assert entry.license.url.startswith("https://creativecommons.org/licenses/by")
        assert entry.citation.bibtex().count("{") == entry.citation.bibtex().count("}")


@pytest.mark.parametrize("name", TOTALS)
def test_the_counts_add_up_to_the_published_totals(name):
    official = load_entry(name).counts.values()
    sums = [sum(column) for column in zip(*(each.images for each in official), strict=True)]
    assert (len(official), *sums, sum(each.masks for each in official)) == TOTALS[name]


@pytest.mark.parametrize("name", entry_names())
def test_a_reader_has_its_facts_from_the_catalog(name):
    entry, reader = load_entry(name), load_reader(name)
    assert reader.categories == entry.categories
    assert reader.counts == {name: each.images for name, each in entry.counts.items()}
    assert entry.home.endswith(reader.source.split(" ")[0])


def test_a_category_has_the_counts_that_were_published():
    assert load_entry("mvtec").counts["screw"] == Official(320, 41, 119, 119)


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(UsageError, match="did you mean visa"):
        load_entry("vissa")


@pytest.mark.parametrize("name", entry_names())
def test_addresses_hashes_and_counts_are_plausible(name):
    entry = load_entry(name)
    assert (entry.access == "download") == bool(entry.archives)
    urls = [entry.home, entry.license.url, *(url for each in entry.archives for url in each.urls)]
    assert all(re.fullmatch(r"https://[!-~]+", url) for url in urls)
    for archive in entry.archives:
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", archive.file)
        assert archive.bytes > 0
        assert archive.urls
    for official in entry.counts.values():
        assert min(official.images) > 0
        assert 0 <= official.masks <= official.test_defective


def test_an_unknown_key_is_refused():
    with pytest.raises(
        CadbenchError, match=r"^visa\.toml: unknown key 'titel' .did you mean title"
    ):
        parse_entry(text_of("visa").replace("title =", "titel =", 1), "visa")
