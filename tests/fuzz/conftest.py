"""Knows the profiles in time for ``--hypothesis-profile``, also where only this folder is run."""

from __future__ import annotations

from tests.machine.conftest import SHORT

__all__ = ["SHORT"]
