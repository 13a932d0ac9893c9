from __future__ import annotations

import io
import sys

import pytest

from tap_amplitude.writer import AT_ONCE, Writer


class Pipe(io.RawIOBase):
    """Keeps what each call to the system would be given."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.writes.append(bytes(data))  # type: ignore[call-overload]  # any buffer
        return len(self.writes[-1])


@pytest.mark.parametrize("length", [1, 100, 406, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_lines_are_written_whole(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(pipe)))
    lines = [b"x" * (length - 1) + b"\n", b"short\n"] * 50
    Writer().write_lines(b"".join(lines))
    assert b"".join(pipe.writes) == b"".join(lines)
    assert all(write.endswith(b"\n") for write in pipe.writes)
    assert all(len(write) <= AT_ONCE or write.count(b"\n") == 1 for write in pipe.writes)
