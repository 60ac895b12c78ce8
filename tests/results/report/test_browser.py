"""The report in headless Chromium: no error, no request, and what it shows are the records."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cadbench.results.analysis.quantities import stored_matrix
from cadbench.results.leaderboard.boards import board_table, boards
from cadbench.results.published.rows import load_published
from cadbench.results.records.record import Record
from cadbench.results.rendering.markdown import display
from cadbench.results.report.page import report_page
from cadbench.results.tables.comparison import main_tables

from tests.results.paper_runs import write_paper_run
from tests.results.report.conftest import HOSTILE, data_of

pytest.importorskip("selenium", reason="selenium is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None, reason="there is no chromium with its driver"
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    yield started
    started.quit()


Page = Callable[..., Any]


@pytest.fixture
def opened(driver: Any, tmp_path: Path) -> Iterator[Page]:
    """Open the report of these records `width` pixels wide; afterwards the console is empty."""

    def show(records: list[Record], width: int = 1280, **options: Any) -> Any:
        file = tmp_path / "report.html"
        file.write_text(report_page(records, **options), "utf-8")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get("about:blank")
        driver.get_log("performance")
        driver.get_log("browser")
        driver.get(file.as_uri())
        return driver

    yield show
    assert driver.get_log("browser") == []
    events = [json.loads(e["message"])["message"] for e in driver.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    assert sum(url.startswith("file:") for url in asked) == 1


def find(driver: Any, css: str) -> list[Any]:
    found: list[Any] = driver.find_elements("css selector", css)
    return found


def column(driver: Any, name: str, board: int = 0) -> list[str]:
    """The texts of a leaderboard's column, from top to bottom."""
    script = """
      const table = document.querySelector(`#board-${arguments[0]} table.ranked`);
      const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
      const place = heads.indexOf(arguments[1]);
      const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
      return rows.map((row) => row.cells[place].textContent);
    """
    texts: list[str] = driver.execute_script(script, board, name)
    return texts


def head(driver: Any, name: str, board: int = 0) -> Any:
    heads = find(driver, f"#board-{board} table.ranked thead th")
    return next(each for each in heads if each.text.split(" ▲")[0].split(" ▼")[0] == name)


def type_filter(driver: Any, words: str) -> None:
    from selenium.webdriver import Keys

    (box,) = find(driver, "#filter")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.BACKSPACE, words)


def test_the_leaderboard_shows_what_the_command_prints(opened: Page, tmp_path: Path) -> None:
    record = write_paper_run(tmp_path / "runs")
    page = opened([record], published=load_published())
    (board,) = boards([record], published=load_published())
    table = board_table(board, "acc")
    names = [each.name for each in table.columns]
    for name in ("AUROC", "bwt", "fm", "stored MB", "printed forgetting"):
        place = names.index(name)
        printed = [
            display(getattr(row[place], "value", row[place]), table.columns[place])
            for row in table.rows
        ]
        # A row with further numbers may be in a lower tier than in the command's table.
        assert sorted(column(page, name)) == sorted(printed), name
    assert column(page, "tier")[0] == table.rows[0][names.index("tier")]


def test_headers_sort_by_keyboard_both_ways_and_say_so(make_record, opened: Page) -> None:
    better = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.95, 0.9, 0.9]]
    records = [make_record(), make_record(method="joint", R=better)]
    records.append(make_record(method="worse", R=[[0.5] * 3] * 3, params={"size": 10}))
    page = opened(records)
    assert column(page, "method") == ["joint", "mecad", "worse"]
    assert column(page, "rank") == ["–", "1", "2"]
    assert head(page, "AUROC").get_attribute("aria-sort") == "descending"
    assert head(page, "bwt").get_attribute("aria-sort") is None
    (button,) = head(page, "bwt").find_elements("css selector", "button")
    button.send_keys("\n")
    assert page.switch_to.active_element == button
    assert head(page, "bwt").get_attribute("aria-sort") == "descending"
    assert head(page, "AUROC").get_attribute("aria-sort") is None
    descending = column(page, "method")
    assert descending[-1] == "mecad"
    button.send_keys(" ")
    assert head(page, "bwt").get_attribute("aria-sort") == "ascending"
    assert column(page, "method")[0] == "mecad"
    (gap,) = head(page, "gap_to_joint").find_elements("css selector", "button")
    gap.click()
    assert head(page, "gap_to_joint").get_attribute("aria-sort") == "ascending"
    assert column(page, "method")[0] == "joint"


def test_words_and_tiers_filter_rows_and_figures(opened: Page, tmp_path: Path, make_record) -> None:
    records = [write_paper_run(tmp_path / "runs"), make_record(params={"experts": 3})]
    page = opened(records, published=load_published())
    status = [each.text for each in find(page, ".count [role=status]")]
    rows = len(data_of(page.page_source)["boards"][0]["rows"])
    assert status == [f"{rows} of {rows} rows", "1 of 1 rows"]
    type_filter(page, "mecad EXPERTS")
    assert {text.split(",")[0] for text in column(page, "method")} == {"MECAD"}
    assert not find(page, "#board-0 svg.chart")
    type_filter(page, "")
    (tier,) = find(page, "#tier")
    tier.send_keys("leakage")
    assert column(page, "method") == ["UCAD"]
    status = [each.text for each in find(page, ".count [role=status]")]
    assert status == [f"1 of {rows} rows", "0 of 1 rows"]
    assert page.execute_script("return location.hash") == "#overview?tier=leakage-flagged"
    page.execute_script("location.hash = '#board-0?words=mecad+EXPERTS'")
    time.sleep(0.1)
    assert {text.split(",")[0] for text in column(page, "method")} == {"MECAD"}


def test_charts_hold_the_numbers_of_the_tables(make_record, opened: Page) -> None:
    R = [[[0.8, 0.5, 0.5], [0.9, 0.8, 0.4], [a, 0.85, 0.95]] for a in (0.6, 0.7, 0.8)]
    records = [make_record(R=r, params={"experts": e}) for e, r in enumerate(R, 1)]
    page = opened(records)
    points = page.execute_script(
        "return [...document.querySelectorAll('#board-0 figure.charted')].map((f) =>"
        "[...f.querySelectorAll('[data-x]')].map((c) => [+c.dataset.x, +c.dataset.y]))"
    )
    swept, curves, memory = points
    means = [pytest.approx((a + 0.85 + 0.95) / 3) for a in (0.6, 0.7, 0.8)]
    assert swept == [[e, mean] for e, mean in enumerate(means, 1)]
    assert curves[:3] == [[1, 0.8], [2, pytest.approx(0.85)], [3, means[0]]]
    (table,) = main_tables(records)
    assert len(memory) == len(table.rows) == 3
    assert memory[0][0] == pytest.approx(1440 * 608e-6)
    key = find(page, "#board-0 .legend button")[1]
    key.click()
    assert key.get_attribute("aria-pressed") == "true"


def test_a_run_has_a_page_of_its_own_and_the_way_back_works(make_record, opened: Page) -> None:
    record = make_record(owner={"apple": 0, "bolt": 0, "cork": 1})
    page = opened([record])
    find(page, f"#runs a[href='#run-{record.key}']")[0].click()
    assert find(page, "#run h1")[0].text == "mecad, order alphabetical, seed 0"
    assert not find(page, "#overview")[0].is_displayed()
    assert page.switch_to.active_element.get_attribute("id") == "run"
    for base in ("auroc", "f1_max"):
        (choice,) = find(page, f"#matrix option[value={base}]")
        choice.click()
        R, _ = stored_matrix(record, base=base)
        shown = [cell.text for cell in find(page, "#run td.heat")]
        assert shown == ["" if value != value else f"{value:.2f}" for value in R.ravel()]
    text = find(page, "#run")[0].text
    for said in ("Assignments", "Memory", "Metrics", "threshold", record.key, "similar"):
        assert said in text
    page.back()
    assert find(page, "#overview")[0].is_displayed()
    assert not find(page, "#run")[0].is_displayed()


def test_two_rows_are_compared_on_a_page_of_their_own(make_record, opened: Page) -> None:
    better = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.95, 0.9, 0.9]]
    one, other = make_record(), make_record(method="joint", R=better)
    page = opened([one, other])
    for box in find(page, "#board-0 .chooser input"):
        box.click()
    find(page, "#chosen button")[0].click()
    time.sleep(0.1)
    assert find(page, "#compare h1")[0].text == "joint against mecad"
    shown = [cell.text for cell in find(page, "#compare td.heat")][-3:]
    assert shown == ["0.35", "0.05", "-0.05"]
    cells = [cell.text for cell in find(page, "#compare section[aria-label='Kinds of defects'] td")]
    assert cells[:5] == ["scratch", "20", "0.950", "0.600", "0.350"]
    folded = find(page, ".count")
    assert any(
        "In all rows: tier reproduced here" in each.get_attribute("textContent") for each in folded
    )


def test_hovering_a_cell_tells_its_category_and_exact_number(make_record, opened: Page) -> None:
    from selenium.webdriver import ActionChains

    page = opened([make_record()])
    cell = find(page, "#board-0 td.heat")[1]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
    time.sleep(0.1)
    ActionChains(page).move_to_element(cell).perform()
    assert find(page, "#tip")[0].text.split("\n") == ["mecad", "bolt", "AUROC 0.8500"]


@pytest.mark.parametrize("width", [400, 1280])
def test_no_name_breaks_the_page_or_its_width(hostile, opened: Page, width: int) -> None:
    page = opened(hostile, width)
    assert page.execute_script("return window.broken === undefined")
    assert page.execute_script("return document.images.length") == 0
    assert set(column(page, "method")) == {"<i>m</i>", "joint"}
    names = page.execute_script(
        "return [...document.querySelectorAll('#board-0 .turned')].map((e) => e.textContent)"
    )
    assert HOSTILE in names
    for key in (hostile[0].key, hostile[-1].key):
        page.execute_script("location.hash = arguments[0]", f"run-{key}")
        time.sleep(0.1)
        wide = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.execute_script(wide)
    assert page.execute_script("return window.broken === undefined")


def test_numbers_round_as_python_does(make_record, opened: Page) -> None:
    page = opened([make_record()])
    values = [0.8125, 0.8135, 0.0625, 0.5, 1.5, 2.5, -0.0004, 1440.0, 0.3125, 2.675, -0.125, 1 / 3]
    for digits in (0, 1, 2, 3, 4):
        shown = page.execute_script(
            "return arguments[0].map((x) => fixed(x, arguments[1]))", values, digits
        )
        expected = [f"{value:.{digits}f}" for value in values]
        assert shown == [e.removeprefix("-") if float(e) == 0 else e for e in expected]


def test_the_theme_follows_the_system_until_the_button_is_used(make_record, opened: Page) -> None:
    page = opened([make_record()])

    def background(scheme: str) -> str:
        feature = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
        value: str = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        return value

    light, dark = background("light"), background("dark")
    assert light != dark
    (button,) = find(page, "#theme")
    button.click()
    assert button.text == "Theme: light"
    assert background("dark") == light
    button.click()
    assert background("light") == dark
    button.click()
    assert (background("light"), background("dark")) == (light, dark)
