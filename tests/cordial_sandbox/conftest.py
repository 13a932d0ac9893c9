from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cordial_sandbox.server import Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


class Http:
    """A session whose paths are relative to one base address."""

    def __init__(self, base: str, auth: tuple[str, str] | None) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.auth = auth
        self._session.trust_env = False

    def __call__(self, method: str, path: str, **given: Any) -> requests.Response:
        return self._session.request(method, self._base + path, timeout=30, **given)

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Running) -> Running:
    running.control.reset()
    return running


@pytest.fixture
def cordial(sandbox: Running) -> Iterator[Http]:
    http = Http(f"{sandbox.url}/v2", ("sandbox-key", ""))
    yield http
    http.close()


@pytest.fixture
def lists(sandbox: Running) -> Iterator[Http]:
    http = Http(sandbox.url, ("sandbox-key", ""))
    yield http
    http.close()


@pytest.fixture
def amplitude(sandbox: Running) -> Iterator[Http]:
    http = Http(sandbox.url, ("sandbox-key", "sandbox-secret"))
    yield http
    http.close()


class Files:
    """A store on loopback that hands out what was put there to who has the right signature."""

    SIGNATURE = "X-Signature=a-secret"

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.redirect_to: str | None = None
        self.promised_more = 0
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                store.asked.append(self.path)
                path, _, query = self.path.partition("?")
                content = store.contents.get(path)
                if store.redirect_to is not None:
                    self.send_response(302)
                    self.send_header("Location", store.redirect_to)
                    content = b""
                elif query != store.SIGNATURE:
                    self.send_response(403)
                    content = b"expired"
                else:
                    self.send_response(404 if content is None else 200)
                content = content or b""
                self.send_header("Content-Length", str(len(content) + store.promised_more))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, content: str | bytes) -> str:
        """Store a file and return its signed address."""
        path = f"/staged/{len(self.contents) + 1}.csv"
        self.contents[path] = content if isinstance(content, bytes) else content.encode()
        return f"{self.url}{path}?{self.SIGNATURE}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def files() -> Iterator[Files]:
    store = Files()
    yield store
    store.close()


class Imports:
    """Starts imports as a careful client does, and looks at their jobs."""

    def __init__(self, cordial: Http, files: Files) -> None:
        self._cordial = cordial
        self._files = files

    def post(self, content: str | bytes = "", **body: Any) -> requests.Response:
        given = {
            "importName": "an import",
            "source": {"transport": "HTTP", "url": self._files.put(content)},
            "hasHeader": True,
            "suppressTriggers": True,
            "subscribe": False,
            **body,
        }
        given = {key: value for key, value in given.items() if value is not None}
        return self._cordial("POST", "/contactimports", json=given)

    def start(self, content: str | bytes, **body: Any) -> str:
        answer = self.post(content, **body)
        assert answer.status_code == 201, answer.text
        job_id = answer.json()["jobId"]
        assert isinstance(job_id, str), job_id
        return job_id

    def look(self, job_id: str) -> dict[str, Any]:
        return dict(self._cordial("GET", f"/jobs/{job_id}").json())

    def run(self, content: str | bytes, **body: Any) -> dict[str, int]:
        """Run an import to its end and return the counts that are not 0."""
        job = self.look(self.start(content, **body))
        assert job["status"] == "Done", job
        return {name: count for name, count in job["result"].items() if count}


@pytest.fixture
def imports(cordial: Http, files: Files) -> Imports:
    return Imports(cordial, files)
