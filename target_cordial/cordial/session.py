"""Transport: authentication, time-outs, retries, and one pace for all workers.

Nothing here logs, and no error holds a path: paths hold addresses.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Protocol

import requests
from requests.adapters import HTTPAdapter

from target_cordial.cordial.answers import Answer, Kind, kind_of, meaning_of
from target_cordial.cordial.retry import Failure, delay, retry_after, should_retry
from target_cordial.core.identifier import as_text
from target_cordial.errors import InterruptedRunError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

# urllib3 writes request lines, addresses included: at DEBUG always, at WARNING with bad headers.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

CONNECT_SECONDS: Final = 10.0

MOST_NESTED: Final = 50
"""Levels of a body that are read: Cordial's have five at most."""

FIRST_GAP_SECONDS: Final = 0.05
LONGEST_GAP_SECONDS: Final = 30.0
EASING: Final = 0.99
"""After some seventy answers the gap between calls is half of what it was."""


class Clock(Protocol):
    """Time, as the session needs it; replaceable so that no test has to sleep."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            InterruptedRunError: The run was told to stop.
        """


class StoppableClock:
    """The real time. Waiting ends at once when the run is told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now(self) -> float:
        """See :class:`Clock`."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """See :class:`Clock`."""
        if self._stop.wait(seconds):
            raise InterruptedRunError


class Pace:
    """How fast all workers together may send.

    A limit is of all calls, so one worker's 429 pauses every worker, and after the pause calls go
    out one by one with a gap between them: eight that were refused together would be refused
    together again. The gap doubles with every further limit and shrinks with every answer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = clock.now()
        self._next = self._not_before
        self._gap = 0.0

    def hold(self, seconds: float) -> None:
        """Nobody sends anything for so long."""
        with self._lock:
            now = self._clock.now()
            if now >= self._not_before:  # the calls that one limit refuses are told of it once
                self._gap = min(LONGEST_GAP_SECONDS, max(FIRST_GAP_SECONDS, 2 * self._gap))
            self._not_before = max(self._not_before, now + seconds)

    def ease(self) -> None:
        """Take note of an answer: the next may come a little sooner."""
        with self._lock:
            self._gap *= EASING
            if self._gap < FIRST_GAP_SECONDS / 10:
                self._gap = 0.0

    def wait(self) -> None:
        """Wait until sending is allowed.

        Raises:
            InterruptedRunError: The run was told to stop.
        """
        while True:
            with self._lock:
                now = self._clock.now()
                left = max(self._not_before, self._next) - now
                if left <= 0:
                    self._next = now + self._gap
                    return
            self._clock.wait(left)


class Http(requests.Session):
    """A connection that follows no redirect, nor looks where one leads."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  the library's signature
        """Say that there is none: the library ends in a ValueError on an address that is none."""
        return None


class Session:
    """A pooled connection to one service with one key.

    Args:
        base_url: Where paths start.
        api_key: The key; sent as Basic user name with an empty password (documented by Cordial).
        headers: Further headers of every call.
        connections: Connections that are kept open: at least as many as there are workers.
        timeout_seconds: How long to wait for an answer.
        clock: The time.
        session: Another transport, such as one with a mock adapter.
    """

    def __init__(  # noqa: PLR0913  a transport has this many independent parts
        self,
        base_url: str,
        api_key: str,
        *,
        headers: Mapping[str, str] | None = None,
        connections: int,
        timeout_seconds: float,
        clock: Clock,
        session: requests.Session | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._timeout = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._chance = random.Random()  # noqa: S311  spreads retries, guards nothing
        self._pace = Pace(clock)
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()
        self._http = session or Http()
        self._http.auth = (api_key, "")
        if self._base_url.lower().startswith("http:"):
            # To this machine itself, and without a lid: no proxy of the environment reads the key.
            self._http.trust_env = False
        self._http.headers.update(
            {
                "Accept": "application/json",
                "User-Agent": f"target-cordial/{version('target-cordial')}",
                **(headers or {}),
            }
        )
        if session is None:
            adapter = HTTPAdapter(pool_maxsize=connections)
            self._http.mount("https://", adapter)
            self._http.mount("http://", adapter)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        route: str | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Make one call, as often as it takes.

        Args:
            method: The HTTP method.
            path: The path below the base, its parts percent-encoded.
            body: Sent as JSON.
            route: The path as messages name it, where the path itself holds an address.
            repeatable: Twice is the same as once. Else a try that may have been carried out is
                the last.

        Returns:
            The first answer that another try would not change.

        Raises:
            RefusedError: 401 or 403.
            UnavailableError: All tries failed, or the one that must not be repeated.
            InterruptedRunError: The run was told to stop while waiting.
        """
        name = f"{method} {route or path}"
        tries = 0
        may_be_applied = False
        try:
            while True:
                self._pace.wait()
                result = self._try(method, path, body, name)
                if isinstance(result, Answer):
                    self._pace.ease()
                    return replace(result, in_doubt=may_be_applied)
                tries += 1
                may_be_applied = may_be_applied or result.may_be_applied
                if not should_retry(result, tries, repeatable=repeatable):
                    often = "once" if tries == 1 else f"{tries} times, at last"
                    message = f"{name} failed {often} because {result.problem}."
                    raise UnavailableError(message, may_be_applied=may_be_applied)
                pause = delay(result, tries, self._chance)
                if result.for_all:
                    self._pace.hold(pause)
                else:
                    self._clock.wait(pause)
        except InterruptedRunError:
            if may_be_applied:
                message = "The run was told to stop between two tries."
                raise UnavailableError(message, may_be_applied=True) from None
            raise
        except RefusedError as error:
            error.may_be_applied = may_be_applied
            raise

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _try(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        name: str,
    ) -> Answer | Failure:
        try:
            response = self._http.request(
                method,
                f"{self._base_url}{path}",
                data=None if body is None else json.dumps(body).encode(),
                headers=None if body is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The exception's own text holds the address; only its kind is kept.
            return self._lost(error)
        except OSError as error:
            if error.errno is not None:
                return self._lost(error)
            # Found before anything is sent; requests has no class of its own for it.
            return Failure(
                retryable=False,
                retry_after=None,
                for_all=False,
                may_be_applied=False,
                problem="REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that can't be read",
            )
        self._count(str(response.status_code))
        kind = kind_of(response.status_code)
        if kind is Kind.STOP:
            message = (
                f"Cordial answered {response.status_code} to {name}: "
                f"{meaning_of(response.status_code)}."
            )
            raise RefusedError(message)
        if kind is Kind.RETRY:
            limited = response.status_code == requests.codes.too_many_requests
            asked = retry_after(response.headers.get("Retry-After"))
            return Failure(
                retryable=True,
                retry_after=asked,
                for_all=limited or asked is not None,
                may_be_applied=not limited,
                problem=f"{meaning_of(response.status_code)} ({response.status_code})",
            )
        return Answer(response.status_code, _json(response), has_body=bool(response.content))

    def _lost(self, error: OSError) -> Failure:
        self._count("none")
        certain = isinstance(error, requests.exceptions.ConnectTimeout)
        permanent = isinstance(error, requests.exceptions.SSLError | requests.exceptions.InvalidURL)
        problem = f"the connection failed ({type(error).__name__})"
        if isinstance(error, requests.Timeout):
            problem = "the time was up"
        elif isinstance(error, requests.exceptions.SSLError):
            problem = (
                "the certificate or connection is not to be trusted (SSLError): check the address; "
                "for a company's own CA, let REQUESTS_CA_BUNDLE name its file"
            )
        return Failure(
            retryable=not permanent,
            retry_after=None,
            for_all=False,
            may_be_applied=not (certain or permanent),
            problem=problem,
        )

    def _count(self, status: str) -> None:
        with self._lock:
            self.statuses[status] += 1


def _json(response: requests.Response) -> Any:  # noqa: ANN401  JSON has any type
    """Decode a body; None for what is none, or is nested as no answer of Cordial's is."""
    try:
        return _writable(json.loads(response.content), MOST_NESTED)
    except (ValueError, RecursionError):
        return None


def _writable(value: Any, levels: int) -> Any:  # noqa: ANN401  JSON has any type
    """Copy a body, with a sign for what no ledger and no file can hold.

    Raises:
        ValueError: It is nested deeper than these levels.
    """
    if isinstance(value, str):
        return as_text(value)
    if not isinstance(value, dict | list):
        return value
    if not levels:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        return [_writable(part, levels - 1) for part in value]
    return {as_text(name): _writable(part, levels - 1) for name, part in value.items()}
