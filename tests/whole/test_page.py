"""The history page in a real browser: on a phone and on a desk, light and dark, and in print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import CHROMIUM, browser
from tests.target_cordial.command.conftest import Commands
from tests.target_cordial.command.messages import people, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cordial_sandbox.server import Running
    from tests.browser import Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on PATH")

LONG = {
    "cohort_id": "7khm89c",
    "cohort_name": "everybodywhoboughtanythingatallinthelasttwelvemonths_" * 2,
    "snapshot_id": "Vw3",
}


@pytest.fixture
def file(sandbox: Running, tmp_path: Path) -> Path:
    """A page of a few days, with a name that is long."""
    commands = Commands(sandbox, tmp_path)
    for count in (20, 24, 22, 60, 10):
        commands.target(*snapshot(*people(count)), *snapshot(*people(count // 2), **LONG))
    made = tmp_path / "page.html"
    answer = commands.ledger_command("report", "--html", str(made))
    assert answer.code == 0, answer.stderr
    return made


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path / "profile") as opened:
        yield opened


def test_it_fits_whatever_shows_it_and_asks_nobody(file: Path, page: Page) -> None:
    for width in (390, 1280):
        for dark in (False, True):
            page.open(file, width=width, dark=dark)
            assert page.value("document.documentElement.scrollWidth") <= width
            assert page.requested == [file.as_uri()]
            paper = page.value("getComputedStyle(document.body).backgroundColor")
            assert paper == ("rgb(17, 21, 27)" if dark else "rgb(250, 249, 247)")
            assert page.screenshot().startswith(b"\x89PNG")


def test_cards_stand_side_by_side_where_there_is_room(file: Path, page: Page) -> None:
    tops = "[...document.querySelectorAll('.card')].map(card => card.offsetTop)"
    page.open(file, width=1280, dark=False)
    assert len(set(page.value(tops))) == 1
    page.open(file, width=390, dark=False)
    assert len(set(page.value(tops))) == 2


def test_the_figures_are_drawn(file: Path, page: Page) -> None:
    page.open(file, width=390, dark=False)
    boxes = "[...document.querySelectorAll('polyline, rect')].map(part => part.getBBox().width)"
    widths = page.value(boxes)
    assert len(widths) > 6
    assert min(widths) > 0


def test_print_is_on_white_whatever_the_screen_is(file: Path, page: Page) -> None:
    page.open(file, width=800, dark=True, media="print")
    paper = page.value("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
