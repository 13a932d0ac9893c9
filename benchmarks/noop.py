"""Baseline (a): a target of the SDK with default settings that does nothing with its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import BatchSink, Target

if TYPE_CHECKING:
    from collections.abc import Mapping


class NoOpSink(BatchSink):
    """Takes batches, and drops them."""

    max_size = 10_000  # the SDK's own default, said here since it is part of what is measured

    def process_batch(self, context: Mapping[str, Any]) -> None:
        """Drop a batch."""


class NoOpTarget(Target):
    """Reads and validates what it is given, as every target of the SDK does."""

    name = "target-noop"
    default_sink_class = NoOpSink


if __name__ == "__main__":
    NoOpTarget.cli()
