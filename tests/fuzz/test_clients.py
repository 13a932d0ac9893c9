"""Every call to Cordial with whatever may be answered: a result, or an error of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from target_cordial.cordial.answers import Answer
from target_cordial.cordial.imports import Import, ImportsClient, Job
from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.rest import CordialList, RestClient
from target_cordial.cordial.session import Session
from target_cordial.core.identifier import is_text
from target_cordial.core.import_counts import Kind
from target_cordial.core.plan import Operation
from target_cordial.errors import CordialError
from tests.fuzz.answers import BODIES, HEADERS, STATUSES, dumped, values
from tests.fuzz.mutations import scalars
from tests.fuzz.people import KEY, MARK
from tests.fuzz.settings import examples
from tests.target_cordial.cordial.transport import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

ADDRESS: Final = f"ana.{MARK}@shop.example"
SIGNED: Final = f"https://bucket.example/{MARK}.csv?X-Amz-Signature={MARK}"
LISTED: Final = CordialList("7", "activeusers")
VALUES: Final = {"list_name": "activeusers", "list_id": "7", "cohort_id": "c", "cohort_name": "c"}


def _asked(kind: Kind) -> Import:
    return Import("name", kind, "activeusers", SIGNED, suppress_triggers=True)


CALLS: Final[dict[str, Callable[[Session], Any]]] = {
    "lists": lambda s: RestClient(s).lists(),
    "create_list": lambda s: RestClient(s).create_list("activeusers"),
    "count": lambda s: RestClient(s).count("7"),
    "upsert": lambda s: RestClient(s).upsert_contact({"email": ADDRESS}),
    "update": lambda s: RestClient(s).update_contact("email", ADDRESS, {}),
    "read": lambda s: _held(RestClient(s)),
    "list_id": lambda s: ListProtocolClient(s).list_id(VALUES),
    "add": lambda s: ListProtocolClient(s).change(VALUES, Operation.ADD, [ADDRESS]),
    "remove": lambda s: ListProtocolClient(s).change(VALUES, Operation.REMOVE, [ADDRESS]),
    "start": lambda s: ImportsClient(s).start(_asked(Kind.ADD)),
    "job": lambda s: ImportsClient(s).job("7"),
    "find": lambda s: ImportsClient(s).find("name", 1_795_000_000),
}


def _held(rest: RestClient) -> bool | None:
    shown = rest.contact_lists("email", ADDRESS)
    return None if shown is None else shown.hold(LISTED)


class OneAnswer(requests.adapters.BaseAdapter):
    """Gives one answer to everything."""

    def __init__(self, status: int, header: tuple[str, str] | None, content: bytes) -> None:
        super().__init__()
        self._answer = status, header, content

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]  # none of its options means anything here
        response = requests.Response()
        response.status_code, header, response._content = self._answer  # noqa: SLF001  how an adapter fills it
        if header is not None:
            response.headers[header[0]] = header[1]
        response.request = request
        return response

    def close(self) -> None:
        """There is nothing to close."""


deep: SearchStrategy[Any] = st.recursive(
    values,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "errors"]), inner, max_size=2)
    ),
    max_leaves=6,
)
towers = st.tuples(st.sampled_from([10, 200, 600, 940]), scalars).map(lambda t: _tower(*t))
bodies = st.sampled_from(BODIES) | (deep | towers).map(dumped)


def _tower(height: int, top: Any) -> Any:
    for _ in range(height):
        top = {"error": True, "message": top}
    return top


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # some bodies are meant to be
@examples(short=200, long=50_000)
@given(
    st.sampled_from(sorted(CALLS)),
    st.sampled_from(STATUSES),
    st.none() | st.sampled_from(HEADERS),
    bodies,
)
def test_every_answer_is_understood_or_is_an_error_of_ours(
    name: str, status: int, header: tuple[str, str] | None, content: bytes
) -> None:
    http = requests.Session()
    http.mount("https://", OneAnswer(status, header, content))
    session = Session(
        "https://api.cordial.example/v2",
        KEY,
        connections=1,
        timeout_seconds=1,
        clock=FakeClock(),
        session=http,
    )
    result: Any = None
    refused: CordialError | None = None
    try:
        result = CALLS[name](session)
    except CordialError as error:
        refused = error
    if refused is not None:
        said = f"{refused} {refused!r}"
        assert MARK not in said
        assert KEY not in said
        assert is_text(said)
    elif isinstance(result, Answer):
        assert is_text(result.prose)
        assert result.kind is not None
        assert result.refused_keys(["activeusers"]) <= {"activeusers"}
        assert result.says_absent in (True, False)
    elif isinstance(result, Job):
        assert result.ended in (True, False)
        assert is_text(result.status)
        assert result.counts.refused(Kind.ADD, 3) is None or status < 300
    else:
        assert is_text(str(result))
