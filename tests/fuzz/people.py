"""Who is there before every example, and how they are written. All that is theirs holds MARK."""

from __future__ import annotations

from typing import Any, Final

from tests.target_cordial.command.messages import member

MARK: Final = "zqmark"
KEY: Final = "sandbox-key"
LIST: Final = "activeusers"
STRANGER: Final = f"stranger.{MARK}@shop.example"
HERE: Final = (1, 2, 3, 4)
"""Who is a member before every example, by number."""


def address(number: int) -> str:
    return f"user{number}.{MARK}@shop.example"


def person(number: int, **values: Any) -> dict[str, Any]:
    """One's row, as ``tap-amplitude`` writes it."""
    marked = {"user_id": f"u-{number}-{MARK}", "amplitude_id": f"{number}{MARK}"}
    return member(number, address(number), **{**marked, **values})
