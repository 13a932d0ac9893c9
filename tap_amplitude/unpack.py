"""Streaming gunzip that knows by itself whether there is anything to unpack."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from tap_amplitude.errors import IncompleteFileError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = zlib.MAX_WBITS | 16  # zlib's way to ask for the gzip format
_MOST_AT_ONCE = 1 << 20  # bytes unpacked in one step, whatever the compression ratio


class Unpacker:
    """Passes bytes on, unpacked if they are gzip.

    Cohort files come as gzip with and without the header that says so, or plain; the first two
    bytes tell them apart, since no CSV begins like that.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._start = b""
        self._packed: bool | None = None
        self._member: zlib._Decompress | None = None
        self._members = 0

    @property
    def is_packed(self) -> bool:
        """Whether it is gzip, which says itself where it ends."""
        return bool(self._packed)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as received.

        Raises:
            IncompleteFileError: The gzip stream is damaged.
        """
        if self._packed is None:
            self._start += chunk
            if len(self._start) < len(_MAGIC):
                return
            self._packed = self._start.startswith(_MAGIC)
            chunk, self._start = self._start, b""
        if not self._packed:
            self._write(chunk)
            return
        try:
            self._unpack(chunk)
        except zlib.error:
            message = "its compressed data is damaged"
            raise IncompleteFileError(message) from None

    def finish(self) -> None:
        """Take note that nothing more comes.

        Raises:
            IncompleteFileError: The gzip stream was cut off.
        """
        self._write(self._start)  # a body of one byte, too short to tell
        if self._member is not None:
            message = "its compressed data ends too early"
            raise IncompleteFileError(message)

    def _unpack(self, chunk: bytes) -> None:
        while chunk:
            if self._member is None:
                # Gzip may be several members in a row, with zeros as padding after one.
                chunk = chunk.lstrip(b"\0") if self._members else chunk
                if not chunk:
                    return
                self._member = zlib.decompressobj(_GZIP_WINDOW)
                self._members += 1
            self._write(self._member.decompress(chunk, _MOST_AT_ONCE))
            if self._member.eof:
                chunk, self._member = self._member.unused_data, None
            else:
                chunk = self._member.unconsumed_tail
