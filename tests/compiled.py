"""SQL that is compiled once in a process: every run has an engine of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine
from sqlalchemy.util import LRUCache

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Engine

COMPILED: LRUCache[Any, Any] = LRUCache(2000)

DIALECTS: dict[str, Dialect] = {}
"""By name. A dialect is part of the cache's keys, so all engines have the first one."""


def engine_of(*arguments: Any, **options: Any) -> Engine:
    """Stand in for ``create_engine``."""
    engine = create_engine(*arguments, **options)
    engine._compiled_cache = COMPILED  # noqa: SLF001  for speed alone
    engine.dialect = DIALECTS.setdefault(engine.dialect.name, engine.dialect)
    return engine
