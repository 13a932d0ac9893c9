"""From numbers to the figures of the page: points and bars in a box of fixed size.

Pure. The page stretches the box to the width that there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 600.0
HEIGHT: Final = 120.0

MARGIN: Final = 6.0
"""Above and below, so that a line at the edge is whole."""

BAR: Final = 0.7
"""Of the room of a run that its bars take up."""

WIDEST_BAR: Final = 24.0


@dataclass(frozen=True)
class Sizes:
    """How a list grew and shrank, as a line with the area below it.

    Attributes:
        line: The points of the line, for SVG's ``points``.
        area: Those of the area.
        least: The smallest size, at the bottom.
        most: The largest one, at the top.
    """

    line: str
    area: str
    least: int
    most: int


@dataclass(frozen=True)
class Bar:
    """One bar of a figure: its left upper corner, its width and its height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Moves:
    """Who joined and who left, run by run: up and down from a line in between.

    Attributes:
        joined: The bars above the line.
        left: Those below it.
        middle: Where the line is.
        most: What the longest bar stands for.
    """

    joined: list[Bar]
    left: list[Bar]
    middle: float
    most: int


def sizes(numbers: Sequence[int]) -> Sizes:
    """Draw how a list grew and shrank.

    Args:
        numbers: Its sizes, in the order of the runs; at least one.
    """
    least, most = min(numbers), max(numbers)
    span = max(most - least, 1)
    height = HEIGHT - 2 * MARGIN
    steps = [*numbers, numbers[0]] if len(numbers) == 1 else list(numbers)  # one is a line, too
    across = WIDTH / (len(steps) - 1)
    points = [
        (at * across, HEIGHT - MARGIN - height * (number - least) / span)
        for at, number in enumerate(steps)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Sizes(line, f"0,{HEIGHT:g} {line} {WIDTH:g},{HEIGHT:g}", least, most)


def moves(joined: Sequence[int], left: Sequence[int]) -> Moves:
    """Draw who joined and who left.

    Args:
        joined: How many, in the order of the runs; at least one.
        left: The same of who left, as many numbers.
    """
    most = max(*joined, *left, 1)
    up = max(*joined, 0)
    down = max(*left, 0)
    total = max(up + down, 1)
    height = HEIGHT - 2 * MARGIN
    middle = MARGIN + height * up / total
    room = WIDTH / len(joined)
    width = min(WIDEST_BAR, BAR * room)

    def bar(at: int, number: int, *, above: bool) -> Bar:
        long = height * number / total
        return Bar(
            round((at + 0.5) * room - width / 2, 1),
            round(middle - long if above else middle, 1),
            round(width, 1),
            round(long, 1),
        )

    return Moves(
        [bar(at, number, above=True) for at, number in enumerate(joined) if number],
        [bar(at, number, above=False) for at, number in enumerate(left) if number],
        round(middle, 1),
        most,
    )
