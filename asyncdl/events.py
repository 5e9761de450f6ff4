"""What happened, as frozen values, and the hub that hands them to whoever watches.

Events are nudges: rows are the truth, and everything would still be right if every event were lost.
A watcher is any callable that takes an event; it must not block. Texts in events are as received from
outside and must be escaped before they reach a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Watcher = Callable[["Event"], None]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at `at_ms`."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class ImageSaved(Event):
    """The file of an image is on disk and its row is committed."""

    external_id: int | str
    number: int
    host: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RequestFailed(Event):
    """A request failed; `verdict` says what follows from it, in a few words."""

    external_id: int | str
    number: int
    host: str
    error: str
    detail: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ImageClosed(Event):
    """An image ended without a file: `status` is `failed` or `exhausted`."""

    external_id: int | str
    number: int
    host: str
    status: str
    error: str


@dataclass(frozen=True, slots=True)
class ImagesAdded(Event):
    """Canvases of manifests became images nobody knew of; negative when images turned out to be the same."""

    images: int


@dataclass(frozen=True, slots=True)
class ImagesEnded(Event):
    """Images ended without a file because the manifest they waited for did."""

    images: int


@dataclass(frozen=True, slots=True)
class ManifestExpanded(Event):
    """A IIIF manifest was read and held `canvases` pictures."""

    external_id: int | str
    canvases: int


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something a person should know: a repair after a crash, a local pause, a command from the inbox."""

    text: str


@dataclass(frozen=True, slots=True)
class OwnTrouble(Event):
    """Everything waits for our own machine or line: `text` says why; empty when that is over."""

    text: str


class EventHub:
    """Hands each event to every watcher, in order."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Add a watcher."""
        self._watchers.append(watcher)

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        for watcher in self._watchers:
            watcher(event)
