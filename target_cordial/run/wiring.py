"""What the settings are made into: sessions, clients, a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.rest import RestClient
from target_cordial.cordial.session import Session, StoppableClock
from target_cordial.delivery.contacts import ContactsDelivery
from target_cordial.delivery.endpoint import EndpointDelivery
from target_cordial.delivery.list_watch import ListWatch

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from target_cordial.delivery.base import Delivery
    from target_cordial.settings import Settings


class Wiring:
    """The connections of one run.

    Attributes:
        rest: The REST API: lists and counts in every delivery, contacts in one.
        protocol: The list protocol, where delivery goes by it.
        lists: What lists are called while the delivery goes on.
        sessions: All sessions, for counting and closing.
    """

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self.sessions: list[Session] = []
        self.rest = RestClient(self._session(settings.api_url))
        self.lists = ListWatch(lambda: {row.id: row.name for row in self.rest.lists()})
        self.protocol: ListProtocolClient | None = None
        if settings.delivery == "endpoint" and settings.endpoint is not None:
            headers = {"x-api-key": settings.api_key}
            self.protocol = ListProtocolClient(
                self._session(settings.endpoint, headers),
                settings.endpoint_requests,
                identifier_name=settings.mapping.name,
            )

    def delivery(self) -> Delivery:
        """Make the delivery that the settings ask for."""
        settings = self._settings
        if self.protocol is not None:
            return EndpointDelivery(self.protocol, batch_size=settings.endpoint_batch_size)
        return ContactsDelivery(
            self.rest,
            self.lists,
            identifier_name=settings.mapping.name,
            create_contacts=settings.create_contacts,
            suppress_triggers=settings.suppress_triggers,
        )

    def _session(self, url: str, headers: Mapping[str, str] | None = None) -> Session:
        session = Session(
            url,
            self._settings.api_key,
            headers=headers,
            connections=self._settings.max_concurrency,
            timeout_seconds=self._settings.request_timeout_seconds,
            clock=StoppableClock(self._stop),
        )
        self.sessions.append(session)
        return session
