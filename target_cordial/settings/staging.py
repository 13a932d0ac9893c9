"""Checking the settings of bulk imports: which go together, and what they need."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from target_cordial.core.identifier import channel_of

if TYPE_CHECKING:
    from collections.abc import Mapping

STORES: Final = ("s3", "gs", "az")
"""Schemes of the stores that a file can be staged in."""

_STAGING: Final = re.compile(
    rf"(?:{'|'.join(STORES)})://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._=+-]+)*/?"
)
"""A bucket and a prefix of plain names: no credentials, query, fragment or percent sign."""


def staging_problems(values: Mapping[str, Any]) -> list[str]:
    """Hold the settings of bulk imports against each other.

    Args:
        values: All settings, defaults filled in.

    Returns:
        One line for each problem: the setting and the remedy, never the value.
    """
    url = values["import_staging_url"]
    problems = []
    if values["delivery"] == "imports":
        if url is None:
            problems.append("delivery is imports, but the setting import_staging_url is missing.")
        if channel_of(values["contact_identifier_name"].strip()) is None:
            problems.append(
                "delivery is imports, but contact_identifier_name is no channel address, such as "
                "email or channels.sms.address: set delivery to contacts."
            )
    if url is not None and not _is_staging(url):
        problems.append(
            "The setting import_staging_url must be a bucket and a prefix of letters, digits, "
            f"'.', '_', '-', '=' and '+', like {', '.join(f'{s}://bucket/prefix' for s in STORES)}:"
            " without credentials, query or fragment."
        )
    if url is None and values["import_staging_options"]:
        problems.append(
            "The setting import_staging_options is there, but import_staging_url is missing."
        )
    if (url is not None or values["delivery"] == "imports") and find_spec("obstore") is None:
        problems.append(
            f"{'The setting import_staging_url' if url is not None else 'delivery imports'} needs "
            "a package that is not installed: install target-cordial[imports]."
        )
    return problems


def _is_staging(url: str) -> bool:
    parts = url.split("/")
    return _STAGING.fullmatch(url) is not None and not {".", ".."} & set(parts)
