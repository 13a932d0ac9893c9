"""What the settings are made into: sessions, clients, a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cordial.cordial.imports import ImportsClient
from target_cordial.cordial.list_protocol import ListProtocolClient
from target_cordial.cordial.pace import StoppableClock
from target_cordial.cordial.rest import RestClient
from target_cordial.cordial.retry import TRIES
from target_cordial.cordial.session import Session
from target_cordial.core.identifier import channel_of
from target_cordial.delivery.base import suppresses
from target_cordial.delivery.contacts import ContactsDelivery
from target_cordial.delivery.endpoint import EndpointDelivery
from target_cordial.delivery.engine import Engine
from target_cordial.delivery.imports.background import Background
from target_cordial.delivery.imports.carrying import Carrier
from target_cordial.delivery.imports.course import Means
from target_cordial.delivery.imports.importer import Importer
from target_cordial.delivery.list_watch import ListWatch

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from target_cordial.delivery.base import Delivery
    from target_cordial.delivery.engine import Recorder
    from target_cordial.delivery.imports.carrying import Files
    from target_cordial.delivery.imports.carrying import Recorder as ImportRecorder
    from target_cordial.delivery.imports.staging import Staging
    from target_cordial.ledger.jobs import Jobs
    from target_cordial.settings import Settings


class Wiring:
    """The connections of one run.

    Args:
        settings: The settings.
        stop: Set when the run is told to stop.
        tries: The most tries of one call.

    Attributes:
        rest: The REST API: lists and counts in every delivery, contacts in one.
        protocol: The list protocol, where delivery goes by it.
        lists: What lists are called while the delivery goes on.
        sessions: All sessions, for counting and closing.
    """

    def __init__(self, settings: Settings, stop: threading.Event, *, tries: int = TRIES) -> None:
        self._settings = settings
        self._tries = tries
        self._stop = stop
        self.sessions: list[Session] = []
        self.rest = RestClient(self._session(settings.api_url))
        self.lists = ListWatch(lambda: {row.id: row.name for row in self.rest.lists()})
        self._files: Files | None = None
        self.protocol: ListProtocolClient | None = None
        if settings.delivery == "endpoint" and settings.endpoint is not None:
            headers = {"x-api-key": settings.api_key}
            self.protocol = ListProtocolClient(
                self._session(settings.endpoint, headers),
                settings.endpoint_requests,
                identifier_name=settings.mapping.name,
            )

    def open_store(self) -> None:
        """Know where files of imports are staged. Asks nothing of the store yet.

        Raises:
            SettingsError: A setting of the store, or an environment variable, is wrong.
        """
        if self._settings.import_staging_url is not None:
            self._files = self._staging(self._settings.import_staging_url)

    def look_at_store(self, url: str) -> bool:
        """Ask a store for a file that is not there.

        Args:
            url: The setting ``import_staging_url``.

        Returns:
            Whether the store says that there is none.

        Raises:
            SettingsError: A setting of the store, or an environment variable, is wrong.
            StagingError: It does not answer, or does not take the credentials.
        """
        return self._staging(url).has_no("target-cordial-test.csv")

    def _staging(self, url: str) -> Staging:
        from target_cordial.delivery.imports.staging import Staging  # noqa: PLC0415  an extra

        return Staging(
            url,
            self._settings.import_staging_options,
            lifetime_seconds=self._settings.import_timeout_seconds,
        )

    def delivery(self) -> Delivery:
        """Make the delivery that makes calls: to the endpoint where it is set, else by contact."""
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

    def engine(self, recorder: Recorder) -> Engine:
        """Make the engine that carries a delivery by calls out."""
        workers = self._settings.max_concurrency
        return Engine(self.delivery(), recorder, workers=workers, stop=self._stop)

    def carrier(self, jobs: Jobs, tell: Callable[[str], None]) -> Carrier:
        """Make what carries imports.

        Args:
            jobs: The ledger's imports.
            tell: Told of files that could not be deleted.
        """
        return Carrier(
            ImportsClient(self.rest.session),
            self._files,
            jobs,
            clock=StoppableClock(self._stop),
            background=Background(self._stop),
            timeout_seconds=self._settings.import_timeout_seconds,
            tell=tell,
        )

    def importer(self, carrier: Carrier, recorder: ImportRecorder) -> Importer:
        """Make the delivery by imports."""
        settings = self._settings
        means = Means(
            carrier=carrier,
            singly=self.engine,
            recorder=recorder,
            list_name=self.lists.look,
            channel=channel_of(settings.mapping.name) or "",
            create_contacts=settings.create_contacts,
            suppress_triggers=lambda target: suppresses(
                settings.suppress_triggers, first_sync=target.first_sync
            ),
            max_rejected_percent=settings.max_rejected_percent,
        )
        return Importer(means, self._stop)

    def _session(self, url: str, headers: Mapping[str, str] | None = None) -> Session:
        session = Session(
            url,
            self._settings.api_key,
            headers=headers,
            connections=self._settings.max_concurrency,
            timeout_seconds=self._settings.request_timeout_seconds,
            clock=StoppableClock(self._stop),
            tries=self._tries,
        )
        self.sessions.append(session)
        return session
