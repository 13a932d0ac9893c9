"""Transport: authentication, time-outs, retries, and one pace for all workers.

Nothing here logs, and no error holds a path: paths hold addresses.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from target_cordial.cordial.answers import Answer, Kind, kind_of, meaning_of
from target_cordial.cordial.pace import Pace
from target_cordial.cordial.retry import TRIES, Failure, delay, retry_after, should_retry
from target_cordial.cordial.transport import Transport
from target_cordial.core.identifier import as_text
from target_cordial.errors import InterruptedRunError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_cordial.cordial.pace import Clock

# urllib3 writes request lines, addresses included: at DEBUG always, at WARNING with bad headers.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

CONNECT_SECONDS: Final = 10.0

MOST_NESTED: Final = 50
"""Levels of a body that are read: Cordial's have five at most."""


class Session:
    """A pooled connection to one service with one key.

    Args:
        base_url: Where paths start.
        api_key: The key; sent as Basic user name with an empty password (documented by Cordial).
        headers: Further headers of every call.
        connections: The most calls at a time, each on a connection that is kept open.
        timeout_seconds: How long to wait for an answer.
        clock: The time.
        tries: The most tries of one call.
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
        tries: int = TRIES,
        session: requests.Session | None = None,
    ) -> None:
        base_url = base_url.rstrip("/")
        self._clock = clock
        self._tries = tries
        self._chance = random.Random()  # noqa: S311  spreads retries, guards nothing
        self._pace = Pace(clock, connections)
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()
        http = session or requests.Session()
        http.auth = (api_key, "")
        if base_url.lower().startswith("http:"):
            # To this machine itself, and without a lid: no proxy of the environment reads the key.
            http.trust_env = False
        http.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # they are short
                "User-Agent": f"target-cordial/{version('target-cordial')}",
                **(headers or {}),
            }
        )

        def adapter() -> BaseAdapter:
            return HTTPAdapter(pool_maxsize=1) if session is None else session.get_adapter(base_url)

        self._timeout = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._transport = Transport(base_url, http, adapter)

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
            path: The path below the base, its parts percent-encoded. Method and first part name
                the budget that Cordial takes the call from.
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
        budget = f"{method} {path.lstrip('/').partition('/')[0]}"
        content = None if body is None else json.dumps(body).encode()
        tries = 0
        may_be_applied = False
        try:
            while True:
                with self._pace.turn(budget) as turn:
                    result = self._try(method, path, content, name)
                    if isinstance(result, Answer):
                        turn.answered = True
                        return replace(result, in_doubt=True) if may_be_applied else result
                    tries += 1
                    may_be_applied = may_be_applied or result.may_be_applied
                    if not should_retry(result, tries, repeatable=repeatable, most=self._tries):
                        often = "once" if tries == 1 else f"{tries} times, at last"
                        message = f"{name} failed {often} because {result.problem}."
                        raise UnavailableError(message, may_be_applied=may_be_applied)
                    pause = delay(result, tries, self._chance)
                    if result.for_all:
                        turn.refused = True
                        self._pace.hold(pause)
                if not result.for_all:
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
        self._transport.close()

    def _try(self, method: str, path: str, content: bytes | None, name: str) -> Answer | Failure:
        try:
            reply = self._transport.send(method, path, content, self._timeout)
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
        self._count(str(reply.status))
        kind = kind_of(reply.status)
        if kind is Kind.STOP:
            message = f"Cordial answered {reply.status} to {name}: {meaning_of(reply.status)}."
            raise RefusedError(message)
        if kind is Kind.RETRY:
            limited = reply.status == requests.codes.too_many_requests
            asked = retry_after(reply.headers.get("retry-after"))
            return Failure(
                retryable=True,
                retry_after=asked,
                for_all=limited or asked is not None,
                may_be_applied=not limited,
                problem=f"{meaning_of(reply.status)} ({reply.status})",
            )
        return Answer(reply.status, _json(reply.content), has_body=bool(reply.content))

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


def _json(content: bytes) -> Any:  # noqa: ANN401  JSON has any type
    """Decode a body; None for what is none, or is nested as no answer of Cordial's is."""
    try:
        return _writable(json.loads(content), MOST_NESTED)
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
