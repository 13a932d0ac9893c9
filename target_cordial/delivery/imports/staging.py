"""Staging: files that Cordial fetches, in a bucket of the user's, under signed addresses.

The texts of the store's errors hold addresses, object names and what was configured. None of them
is let out: an error says in words of this module what went wrong, and what to do.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from target_cordial.delivery.imports.store import is_the_stores, open_store
from target_cordial.errors import StagingError
from target_cordial.settings.checks import is_secure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PART_BYTES: Final = 5 * 1024 * 1024
"""A part of an upload: the least that S3 takes; 10,000 of them, its most, are 52 GB."""

_PARTS_AT_ONCE: Final = 3
"""Parts in flight, which is also what an upload holds in memory."""

_NOT_SAID: Final = "AccessDenied"
"""S3's code, also of a file that is not there. It stands in answers with a body: so not to HEAD."""

_FILE: Final = {"Content-Type": "text/csv; charset=utf-8"}

_KEYS: Final = "import_staging_options or the store's environment variables"

_CAUSES: Final = {
    "RequestTimeTooSkewed": "this machine's clock is wrong. Set it.",
    "ExpiredToken": f"its credentials have run out. Renew them in {_KEYS}.",
    "InvalidAccessKeyId|SignatureDoesNotMatch|AuthenticationFailed|UnauthenticatedError": (
        f"it does not take the credentials. Correct the keys in {_KEYS}."
    ),
    "incorrectly configured region|AuthorizationHeaderMalformed|PermanentRedirect": (
        "the bucket is in another region. Set region in import_staging_options."
    ),
    "delegation key|sign ?blob|SASforSAS|SASwithSkip|NotSupportedError": (
        "its credentials can't sign addresses. Give a key that can in import_staging_options: "
        "an account's key for Azure, a service account's key for Google."
    ),
    "Missing(?:Access|Secret)|latest/api/token|latest/meta-data|computeMetadata"
    "|metadata/identity|performing token request": (
        f"there are no credentials that can be used. Give them in {_KEYS}."
    ),
    "FileNotFoundError": (
        "there is no such bucket or container. Make it, or correct import_staging_url."
    ),
    "PermissionDeniedError": (
        "its credentials may not do this. Allow them to put, get and delete objects under the "
        "prefix of import_staging_url."
    ),
    "builder error|Unable to parse url": (
        f"its address is no https address. Correct the endpoint in {_KEYS}."
    ),
    "error sending request|operation timed out": (
        f"it can't be reached. Look at the network, and at endpoint and region in {_KEYS}."
    ),
    "status code: 5[0-9][0-9]": "it fails on its side. Run again later.",
    "": (
        "its answer is not understood. Look at import_staging_url and import_staging_options, "
        "and whether the store is well."
    ),
}
"""What went wrong and what to do, by marks in the kind and text of obstore's errors; the first
that is found counts. The marks are error codes of the stores and words of obstore."""


class Staging:
    """Files that Cordial fetches: in a bucket of yours, under a signed address.

    Nothing is sent before a file is put. All methods may be called from any thread. Needs the
    extra ``imports``; it is first loaded here, so that a run without imports can do without it.

    Args:
        url: The setting ``import_staging_url``: scheme, bucket or container, and a prefix.
        options: The setting ``import_staging_options``; what is missing there comes from the
            store's own environment variables.
        lifetime_seconds: How long a signed address can be used.

    Raises:
        SettingsError: The URL, an option or an environment variable is wrong.
    """

    def __init__(self, url: str, options: Mapping[str, str], *, lifetime_seconds: int) -> None:
        import obstore  # noqa: PLC0415  see above

        store = open_store(url, options)
        self._put = partial(
            obstore.put,
            store,
            attributes=_FILE,
            chunk_size=_PART_BYTES,
            max_concurrency=_PARTS_AT_ONCE,
        )
        lifetime = timedelta(seconds=lifetime_seconds)
        self._sign = partial(obstore.sign, store, "GET", expires_in=lifetime)
        self._delete = partial(obstore.delete, store)
        self._get = partial(obstore.get, store)

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        """Put a file into the bucket: whole or not at all, and streamed.

        Args:
            name: The object's name below the prefix.
            chunks: What the file holds; what it raises comes through.

        Returns:
            The file's size in bytes.

        Raises:
            StagingError: The store did not take it.
        """
        given = _Given(chunks)
        with _in_words("The file for an import could not be put into the store", given):
            self._put(name, given)
        return given.size

    def address(self, name: str) -> str:
        """Sign an address under which a file can be fetched with GET.

        Raises:
            StagingError: It could not be signed, or would send the file in the clear.
        """
        with _in_words("The address of a file for an import could not be signed for the store"):
            address = self._sign(paths=name)
        if not is_secure(address.partition("?")[0]):
            raise StagingError(
                "The address of a file for an import is no https address. Correct the endpoint in "
                f"{_KEYS}."
            )
        return address

    def has_no(self, name: str) -> bool:
        """Sign a file's address, and ask whether the file is there: nothing is written.

        Returns:
            Whether the store says that it is not. S3 does not, where the credentials may put
            files and not list them: it says that they may not do this.

        Raises:
            StagingError: The store does not answer, or does not take the credentials.
        """
        self.address(name)
        with _in_words("A file could not be looked for in the store"):
            try:
                self._get(name)
            except FileNotFoundError:
                return True
            except Exception as error:
                if _NOT_SAID not in str(error):
                    raise
        return False

    def delete(self, name: str) -> None:
        """Delete a file; it need not be there.

        Raises:
            StagingError: The store did not delete it.
        """
        with _in_words("The file of an import could not be deleted from the store"):
            try:
                self._delete(name)
            except FileNotFoundError:
                return  # Google and Azure say so; S3 does not


class _Given:
    """What a file is made of, on its way.

    Attributes:
        size: The bytes so far.
        error: What it raised.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.size = 0
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self.size += len(chunk)
                yield chunk
        except Exception as error:
            self.error = error
            raise


@contextmanager
def _in_words(what: str, given: _Given | None = None) -> Iterator[None]:
    """Turn an error of the store into one without its text."""
    try:
        yield
    except BaseException as error:
        if given is not None and given.error is not None:
            raise given.error from None
        if not is_the_stores(error):
            raise
        text = f"{type(error).__name__} {error}"
        cause = next(said for mark, said in _CAUSES.items() if re.search(mark, text, re.IGNORECASE))
        raise StagingError(f"{what} of import_staging_url: {cause}") from None
