"""The transport: authentication, time-outs, retries. It knows nothing about cohorts."""

from __future__ import annotations

import email.utils
import logging
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

from tap_amplitude.errors import CallError, CredentialsError, TransferError
from tap_amplitude.settings import Settings, is_loopback

if TYPE_CHECKING:
    from tap_amplitude.clock import Clock

MAX_TRIES = 6
_FIRST_WAIT = 1.0  # seconds, doubled from try to try
_LONGEST_WAIT = 60.0
_LONGEST_RETRY_AFTER = 600.0  # seconds; Amplitude's longest window but the month is ten minutes
_TIMEOUTS = (10.0, 60.0)  # seconds to connect, and between two bytes
_MOST_REDIRECTS = 5
_UNAUTHORIZED = (401, 403)
_TOO_MANY = 429
_SERVER_ERRORS = range(500, 600)

_NO_BUNDLE = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that can't be read"

Params = Sequence[tuple[str, str]]


def hold_http_loggers() -> None:
    """Keep the HTTP library from logging addresses, at whatever level the root logger is.

    It logs every request line at DEBUG, and at WARNING the whole address when an answer has odd
    headers; addresses of files are signed, so that whoever has one can read the file.
    """
    for name in ("urllib3", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)


def retry_after(header: str | None, now: float) -> float | None:
    """Return the seconds a `Retry-After` header asks to wait; None when it says nothing.

    Args:
        header: A number of seconds or an HTTP date.
        now: Time of day, epoch seconds.
    """
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    return max(0.0, float(moment.timestamp()) - now)


def wait_before_retry(
    attempt: int, tries: int, status: int | None, asked: float | None, jitter: float
) -> float | None:
    """Decide whether a failed call is tried again: the one place that does.

    Args:
        attempt: Number of the try that failed, from 1.
        tries: Tries there are.
        status: HTTP status of the answer; None for a time-out or a lost connection.
        asked: Seconds the answer asks to wait; None when it does not.
        jitter: Share of the back-off to wait, at most 1.

    Returns:
        Seconds to wait, never less than asked for; None to give up.
    """
    if status is not None and status != _TOO_MANY and status not in _SERVER_ERRORS:
        return None
    if attempt >= tries or (asked or 0) > _LONGEST_RETRY_AFTER:
        return None
    return max(asked or 0.0, min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_WAIT) * jitter)


def _is_success(answer: requests.Response) -> bool:
    return 200 <= answer.status_code < 300  # noqa: PLR2004 - the successful HTTP statuses


class _Anonymous(requests.auth.AuthBase):
    """No credentials, not even those a .netrc file may have for the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Http(requests.Session):
    """A connection that follows no redirect, nor looks where one leads: `open_file` does."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the library's signature
        """Say that there is none: the library ends in a ValueError on an address that is none."""
        return None


class Session:
    """Calls to one API address with one pair of keys."""

    def __init__(
        self, settings: Settings, clock: Clock, http: requests.Session | None = None
    ) -> None:
        self._base_url = settings.base_url
        self._credentials = requests.auth.HTTPBasicAuth(settings.api_key, settings.secret_key)
        self._clock = clock
        self._http = http or Http()
        if is_loopback(self._host):
            self._http.trust_env = False  # no proxy stands between this machine and itself
        self._http.headers["User-Agent"] = f"tap-amplitude/{metadata.version('target-cordial')}"
        hold_http_loggers()

    def get(
        self, path: str, *, what: str, params: Params = (), tries: int = MAX_TRIES
    ) -> requests.Response:
        """Return the successful answer to a call, its body read.

        Args:
            path: Path with its parts percent-encoded.
            what: What the call is for, in messages.
            params: The query; a name may come several times.
            tries: Tries before giving up.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            CallError: Everything else that is not a 2xx answer.
        """
        return self._call(path, what=what, params=params, tries=tries, stream=False)

    def open_file(self, path: str, *, what: str) -> requests.Response:
        """Return the successful answer whose body is a file, not yet read.

        A redirect is followed by hand: another host is never shown the keys, and storage services
        refuse requests with two kinds of authentication.

        Raises:
            CredentialsError: Amplitude refuses the keys.
            TransferError: The address it redirects to does not hand out the file.
            CallError: Everything else that is not a 2xx answer.
        """
        answer = self._call(path, what=what, params=(), tries=MAX_TRIES, stream=True)
        for _ in range(_MOST_REDIRECTS):
            if not answer.is_redirect:
                break
            answer.close()
            answer = self._follow(answer, what=what)
        if not _is_success(answer):
            answer.close()
            message = f"{what} could not be fetched from its storage (HTTP {answer.status_code})"
            raise TransferError(message)
        return answer

    def back_off(self, attempt: int) -> None:
        """Wait before something other than a single call is tried again."""
        wait = wait_before_retry(attempt, attempt + 1, None, None, self._clock.jitter())
        self._clock.sleep(wait or 0.0)

    def _call(
        self, path: str, *, what: str, params: Params, tries: int, stream: bool
    ) -> requests.Response:
        attempt = 0
        while True:
            attempt += 1
            asked = status = None
            try:
                answer = self._http.get(
                    self._base_url + path,
                    params=list(params),
                    auth=self._credentials,
                    headers={"Accept-Encoding": "gzip"},
                    timeout=_TIMEOUTS,
                    stream=stream,
                    allow_redirects=False,
                )
            except requests.exceptions.SSLError:
                message = f"{what}: no trusted connection to {self._host} (TLS)"
                raise CallError(message, status=None) from None
            except requests.RequestException as error:
                failure = type(error).__name__
            except OSError:  # not of the connection: requests has no class of its own for this
                raise CallError(f"{what}: {_NO_BUNDLE}", status=None) from None
            else:
                status = answer.status_code
                if _is_success(answer) or (stream and answer.is_redirect):
                    return answer
                answer.close()
                if status in _UNAUTHORIZED:
                    raise self._refused(status)
                failure = f"HTTP {status}"
                asked = retry_after(answer.headers.get("Retry-After"), self._clock.now())
            wait = wait_before_retry(attempt, tries, status, asked, self._clock.jitter())
            if wait is None:
                message = f"{what} failed: {failure} from {self._host} (tries: {attempt})"
                raise CallError(message, status=status)
            self._clock.sleep(wait)

    def _follow(self, answer: requests.Response, *, what: str) -> requests.Response:
        base = urlsplit(self._base_url)
        try:
            url = urljoin(answer.url, answer.headers["Location"])
            parts = urlsplit(url)
        except ValueError:
            raise TransferError(f"{what} is redirected to an address that is none") from None
        local = is_loopback(parts.hostname or "") and is_loopback(base.hostname or "")
        if parts.scheme != "https" and not local:
            message = f"{what} is redirected to an address that is not https"
            raise TransferError(message)
        same = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
        try:
            return self._http.get(
                url,
                auth=self._credentials if same else _Anonymous(),
                headers={"Accept-Encoding": "gzip"},
                timeout=_TIMEOUTS,
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            message = f"{what} could not be fetched from its storage ({type(error).__name__})"
            raise TransferError(message) from None

    @property
    def _host(self) -> str:
        return urlsplit(self._base_url).hostname or "the API"

    def _refused(self, status: int) -> CredentialsError:
        return CredentialsError(
            f"{self._host} refuses the credentials (HTTP {status}). Check api_key and secret_key "
            "(both of the project that owns the cohorts), region (the other region's host answers "
            "the same way), and that the plan includes the Behavioral Cohorts API."
        )
