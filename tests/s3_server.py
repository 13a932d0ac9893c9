"""An S3 server for the tests: moto's, behind the checks of signatures that moto leaves out.

Runs in ``.venv-taps``, where moto is: ``python s3_server.py``. Says its address, and serves until
its input ends. The checks are those that AWS documents for Signature Version 4, in a header and in
a query: who signed, what was signed, and until when that counts. Below ``/_open/`` nothing is
checked, and what is sent to ``/_clock`` puts the clock forward, in seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import moto.moto_server.threaded_moto_server as moto  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEY = "AKIASTAGINGFORTESTS"
POWERLESS_KEY = "AKIAPOWERLESSINTEST"
"""A key that exists and has no permission."""
SECRETS = {KEY: "secret/of+staging", POWERLESS_KEY: "secret/of+staging"}

_OPEN = "/_open"
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)"
)
_TIME = "%Y%m%dT%H%M%SZ"

Environ = dict[str, Any]


class Checked:
    """moto's application, and who may use it."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._ahead = timedelta()

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/_clock":
            given = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            self._ahead = timedelta(seconds=int(given))
            start("204 No Content", [])
            return []
        if path.startswith(f"{_OPEN}/"):
            for name in ("PATH_INFO", "RAW_URI", "REQUEST_URI"):
                environ[name] = environ[name].removeprefix(_OPEN)
            return self._application(environ, start)
        code = self._refused(environ)
        if code is None:
            return self._application(environ, start)
        text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{path}</Message></Error>'
        start("403 Forbidden", [("Content-Type", "application/xml")])
        return [text.encode()]

    def _refused(self, environ: Environ) -> str | None:
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        header = _HEADER.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
        if "X-Amz-Signature" in query:
            signature = query.pop("X-Amz-Signature")
            credential, names = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"]
            time, payload = query["X-Amz-Date"], "UNSIGNED-PAYLOAD"
            signed_at = datetime.strptime(time, _TIME).replace(tzinfo=timezone.utc)
            now = datetime.now(timezone.utc) + self._ahead
            if now >= signed_at + timedelta(seconds=int(query["X-Amz-Expires"])):
                return "AccessDenied"
        elif header is not None:
            credential, names, signature = header.groups()
            time, payload = environ["HTTP_X_AMZ_DATE"], environ["HTTP_X_AMZ_CONTENT_SHA256"]
        else:
            return "AccessDenied"
        key, *scope = credential.split("/")
        if key not in SECRETS:
            return "InvalidAccessKeyId"
        request = [
            environ["REQUEST_METHOD"],
            environ["RAW_URI"].partition("?")[0],
            "&".join(f"{_quoted(n)}={_quoted(v)}" for n, v in sorted(query.items())),
            *(f"{name}:{_header(environ, name)}" for name in names.split(";")),
            "",
            names,
            payload,
        ]
        hashed = hashlib.sha256("\n".join(request).encode()).hexdigest()
        signing = f"AWS4{SECRETS[key]}".encode()
        for part in scope:
            signing = _hmac(signing, part)
        said = "\n".join(["AWS4-HMAC-SHA256", time, "/".join(scope), hashed])
        if _hmac(signing, said).hex() != signature:
            return "SignatureDoesNotMatch"
        return "AccessDenied" if key == POWERLESS_KEY else None


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _header(environ: Environ, name: str) -> str:
    variable = name.upper().replace("-", "_")
    plain = variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
    value: str = environ[variable if plain else f"HTTP_{variable}"]
    return " ".join(value.split())


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def main() -> None:
    application = moto.DomainDispatcherApplication
    moto.DomainDispatcherApplication = lambda create: Checked(application(create))
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    sys.stdout.write("http://{}:{}\n".format(*server.get_host_and_port()))
    sys.stdout.flush()
    sys.stdin.read()  # until the tests close it, or die
    server.stop()


if __name__ == "__main__":
    main()
