"""Asking for a person: what the commands that are about somebody take, and how they read it."""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from target_cordial.errors import InputError
from target_cordial.ledger.person import By

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


def about_somebody(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command a person's ``word``, and ``by`` what kind of word it is, if that is said.

    With ``-`` the word is read from standard input, and so stays out of the shell's history and out
    of the list of processes.
    """

    @click.argument("identifier", nargs=-1, required=True, metavar="IDENTIFIER")
    @click.option(
        "--by",
        type=click.Choice([kind.value for kind in By]),
        help="What IDENTIFIER is, where it could be more than one of them.",
    )
    @wraps(command)
    def call(*args: Any, identifier: tuple[str, ...], by: str | None, **options: Any) -> R:
        return command(*args, word=_word(identifier), by=By(by) if by else None, **options)

    return call


def _word(identifier: tuple[str, ...]) -> str:
    """Read whom a command is about.

    Raises:
        UsageError: More than one was given; click's own error would repeat the second one.
        InputError: There is nobody.
    """
    if len(identifier) != 1:
        message = "This takes one IDENTIFIER. Quote it if it holds blanks."
        raise click.UsageError(message)
    word = sys.stdin.readline() if identifier[0] == "-" else identifier[0]
    if not word.strip():
        raise InputError("There is no IDENTIFIER: nothing was done.")
    return word
