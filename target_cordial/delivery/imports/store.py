"""The store that files for imports are staged in: built out of its settings, by obstore."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from target_cordial.errors import SettingsError
from target_cordial.settings.checks import is_secure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

    Store = S3Store | GCSStore | AzureStore

_CLIENT: Final[ClientConfig] = {
    "connect_timeout": timedelta(seconds=10),
    "timeout": timedelta(seconds=90),
}
_EVERYWHERE: Final = "*,0.0.0.0/0,::/0"
"""All names and all addresses."""

_RETRIES: Final[RetryConfig] = {"max_retries": 8, "retry_timeout": timedelta(seconds=120)}
"""obstore waits between tries, from 0.1 s, twice as long each time, up to 15 s."""


class _Kind(NamedTuple):
    """A kind of store.

    Attributes:
        store: Its class in obstore.
        prefix: What its options may begin with, and its environment variables do.
        endpoints: Its options that say where it is, without the prefix.
        always: Options that it is always given.
    """

    store: str
    prefix: str
    endpoints: set[str]
    always: dict[str, str]


_KINDS: Final = {
    # Every store that speaks S3 can delete one object; not every one can delete them in bulk.
    "s3": _Kind(
        "S3Store",
        "aws_",
        {"endpoint", "endpoint_url", "endpoint_url_s3"},
        {"disable_bulk_delete": "true"},
    ),
    "gs": _Kind("GCSStore", "google_", {"base_url"}, {}),
    "az": _Kind("AzureStore", "azure_", {"endpoint", "storage_endpoint"}, {}),
}

_URL: Final = re.compile(
    r"(?P<scheme>s3|gs|az)://(?P<bucket>[\w.-]+)(?:/(?P<prefix>[^/?#\s]+(?:/[^/?#\s]+)*))?/?"
)

_TRANSPORT: Final = re.compile("allow_|certificate|content_type|http|pool_|proxy|randomize|timeout")
"""Options of the HTTP client. obstore panics where they stand among those of a store."""


def open_store(url: str, options: Mapping[str, str]) -> Store:
    """Build the store. Does no I/O, but for a key file that an option or the environment names."""
    from obstore import store  # noqa: PLC0415  see Staging

    place = _URL.fullmatch(url)
    if place is None:
        raise SettingsError(["The setting import_staging_url must be like s3://bucket/prefix."])
    kind = _KINDS[place["scheme"]]
    endpoints = _endpoints(kind, options)
    problems = [
        f"There is no setting import_staging_options.{key}: time-outs, proxies and certificates "
        "can't be set there."
        for key in options
        if _TRANSPORT.search(key.lower())
    ]
    problems += [
        f"The {where} must be an https URL (http only on loopback), without credentials or query."
        for where, endpoint in endpoints.items()
        if not is_secure(endpoint)
    ]
    if problems:
        raise SettingsError(problems)
    # Given at all, these stand instead of what the environment says of the HTTP client.
    in_the_clear = any(endpoint.startswith("http:") for endpoint in endpoints.values())
    client: ClientConfig = {**_CLIENT, "allow_http": in_the_clear}
    if in_the_clear:
        # A store on this machine: no proxy of the environment reads the files. Where one is given,
        # the environment's does not count, and this one is for no host.
        client = {**client, "proxy_url": "http://127.0.0.1:1", "proxy_excludes": _EVERYWHERE}

    def build(some: Mapping[str, str]) -> Store | None:
        try:
            built: Store = getattr(store, kind.store)(
                place["bucket"],
                prefix=place["prefix"],
                config={**kind.always, **some},
                client_options=client,
                retry_config=_RETRIES,
            )
        except BaseException as error:
            if not is_the_stores(error):
                raise
            return None
        return built

    built = build(options)
    if built is None:
        raise SettingsError([_wrong(options, build)])
    return built


def _endpoints(kind: _Kind, options: Mapping[str, str]) -> dict[str, str]:
    """Find where the store is said to be, by the place that says so."""
    found = {
        f"setting import_staging_options.{key}": value
        for key, value in options.items()
        if key.lower().removeprefix(kind.prefix) in kind.endpoints
    }
    prefix = kind.prefix.upper()
    for variable, value in os.environ.items():
        if variable.startswith(prefix) and variable[len(prefix) :].lower() in kind.endpoints:
            found[f"environment variable {variable}"] = value
    return found


def _wrong(options: Mapping[str, str], build: Callable[[Mapping[str, str]], Store | None]) -> str:
    """Find what a store can't be built of, by leaving it out: the error's text may hold a key."""
    for key in options:
        if build({name: value for name, value in options.items() if name != key}):
            return (
                f"The setting import_staging_options.{key} is wrong: the store does not know it, "
                "does not take its value, needs another beside it, or is told the same twice."
            )
    return (
        "Settings import_staging_url and import_staging_options, with the environment variables "
        "of that store, do not make a store. az:// needs account_name; look for what is misspelt."
    )


def is_the_stores(error: BaseException) -> bool:
    """Say whether an error may be obstore's: a panic in it is no ``Exception``."""
    # Its class can't be imported.
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
