"""What the rows say: the reading half of the store, for reports, upkeep and the queue.

Nothing here changes a row. Every method is one short query (or a page of one) on the connection's thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from asyncdl.lane_records import LaneLoad, LaneRecord, RobotsRecord
from asyncdl.model import Counts, HostDue, Work, WorkKind
from asyncdl.store import (
    adopting,
    figures,
    holding,
    hostlog,
    hosts,
    integrity,
    lanes,
    loads,
    queue,
    robots,
    selection,
    sources,
    stories,
)
from asyncdl.store.adopting import OwnedImage
from asyncdl.store.database import Database
from asyncdl.store.histories import HostAnswer, HostLogPage, HostStory, RecordRow, RecordStory
from asyncdl.store.holding import HeldRecord
from asyncdl.store.rows import (
    Discrepancies,
    ErrorCount,
    HostCounts,
    ImageState,
    RetryFilter,
    RetryPage,
    RunRecord,
    SourceState,
    StoredEvent,
    StoredFile,
)


class Reader:
    """All questions that can be put to a collection's database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ---- queue

    async def hosts_due(self, after_host_id: int, limit: int) -> list[HostDue]:
        """Hosts with work that has a due time, by ascending row, after `after_host_id` (0 to begin)."""
        return await self._db.read(queue.hosts_due, after_host_id, limit)

    async def images_left(self, host_ids: Sequence[int]) -> dict[int, int]:
        """How many images of each of these hosts have not ended yet, from the counters; hosts without any are left out."""
        return await self._db.read(queue.images_left, host_ids)

    async def due_work(self, host_id: int, kind: WorkKind, after: tuple[int, int], due_before_ms: int, limit: int) -> list[Work]:
        """Rows of a host due at or before `due_before_ms`, in the order (due, id), after that pair (`QUEUE_START`).

        `Work.candidate` and `Candidate.position` are labels, not indexes: positions ascend in the order of
        trial, but may be negative or have gaps. A manifest has one candidate, its URL, at position 0.
        """
        return await self._db.read(queue.due_work, host_id, kind, after, due_before_ms, limit)

    async def next_due_ms(self) -> int | None:
        """When something may next be asked: the earliest due time, pauses of lanes included, held lanes left out."""
        return await self._db.read(queue.next_due_ms)

    # ---- figures

    async def counts(self) -> Counts:
        """Images by status label (every label is there), from the counters: fast at any size."""
        return await self._db.read(figures.counts)

    async def record_counts(self) -> Counts:
        """Records by status label."""
        return await self._db.read(figures.record_counts)

    async def manifest_counts(self) -> Counts:
        """Manifests by status label (those of images)."""
        return await self._db.read(figures.manifest_counts)

    async def counts_by_error(self) -> list[ErrorCount]:
        """Images by status and error type, most first."""
        return await self._db.read(figures.counts_by_error)

    async def counts_by_host(self, limit: int) -> list[HostCounts]:
        """The hosts with most images, most first."""
        return await self._db.read(figures.counts_by_host, limit)

    async def saved_bytes(self) -> int:
        """Bytes of all files of saved images."""
        return await self._db.read(figures.saved_bytes)

    async def waiting_in_paused_lanes(self, now_ms: int) -> int:
        """How many open images stand at hosts whose lane is paused after `now_ms`, or held."""
        return await self._db.read(figures.waiting_in_paused_lanes, now_ms)

    async def discrepancies(self) -> Discrepancies:
        """Recount everything and say what differs. Reads every image: minutes on a large collection."""
        return await self._db.read(figures.discrepancies)

    async def integrity_problems(self, limit: int) -> list[str]:
        """What SQLite's own check of the file finds, at most `limit`; empty when it is sound. Reads the whole file: 10 min for 10 GB."""
        return await self._db.read(integrity.integrity_problems, limit)

    # ---- stories

    async def find_records(self, external_id: int | str) -> list[RecordRow]:
        """Records of that id; a text of digits is looked up as an integer id too."""
        return await self._db.read(stories.find_records, external_id)

    async def find_by_url(self, url: str, limit: int = 20) -> list[RecordRow]:
        """Records with an image or manifest of that URL's key, or that very URL. Reads through the images: slow."""
        return await self._db.read(stories.find_by_url, url, limit)

    async def record_story(self, record: int) -> RecordStory | None:
        """Everything known of a record (by row, see `find_records`); None when there is no such row."""
        return await self._db.read(stories.record_story, record)

    async def host_story(self, host: str) -> HostStory | None:
        """A host with its figures and the last failures seen there; None when no row names it."""
        return await self._db.read(stories.host_story, host)

    async def hosts_named(self, name: str) -> dict[int, str]:
        """The hosts that a name means, by row: itself, and those whose lane it is."""
        return await self._db.read(hostlog.hosts_named, name)

    async def host_log(self, table: str, hosts: Sequence[int], after_id: int) -> HostLogPage:
        """A window of `hostlog.TABLES`: what was asked of these hosts and answered, after row `after_id` (0 to begin), in the order of rows.

        Of files also those that redirects led away from or to any host: whose they are, their links tell.
        """
        return await self._db.read(hostlog.host_log, table, hosts, after_id)

    async def robots_log(self, hosts: Sequence[int]) -> list[HostAnswer]:
        """When robots.txt of the lanes of these hosts was last read, and with what status."""
        return await self._db.read(hostlog.robots_log, hosts)

    # ---- upkeep

    async def image_states(self, images: Sequence[int]) -> dict[int, ImageState]:
        """Where these images stand; ids that do not exist are left out."""
        return await self._db.read(selection.image_states, images)

    async def select_for_retry(self, wanted: RetryFilter, after_id: int, limit: int) -> RetryPage:
        """A page of ids that match. Looks at a bounded number of rows, so it may be empty with more to come."""
        return await self._db.read(selection.select_for_retry, wanted, after_id, limit)

    async def files_page(self, after_id: int, limit: int) -> list[StoredFile]:
        """Files by ascending row, after `after_id` (0 to begin)."""
        return await self._db.read(selection.files_page, after_id, limit)

    async def files_of(self, images: Sequence[int]) -> list[StoredFile]:
        """All files of these images."""
        return await self._db.read(selection.files_of, images)

    async def images_of_records(self, records: Sequence[int]) -> list[OwnedImage]:
        """The images of records with these integer ids, by record and number; unknown records are left out."""
        return await self._db.read(adopting.images_of_records, records)

    async def urls_of_images(self, images: Sequence[int]) -> dict[int, list[str]]:
        """The links of these images in the order of trial; images without any are left out."""
        return await self._db.read(adopting.urls_of_images, images)

    # ---- whole records

    async def held_records(self, rows: Sequence[int]) -> dict[int, HeldRecord]:
        """These records, by row, with everything that matching needs; rows that do not exist are left out."""
        return await self._db.read(holding.held_records, rows)

    async def held_page(self, after_row: int, max_records: int, max_files: int) -> list[HeldRecord]:
        """Records by ascending row, after `after_row` (-1 to begin): so many that their files are about `max_files` at most."""
        return await self._db.read(holding.held_page, after_row, max_records, max_files)

    async def record_rows(self, external_ids: Sequence[int | str]) -> dict[int | str, int]:
        """The rows of records by what their source calls them; unknown ones are left out."""
        return await self._db.read(holding.record_rows, external_ids)

    async def rows_between(self, first: int | str | None, after: int | str | None, *, named: bool) -> list[int]:
        """The rows of records from an id up to but not with another, in the order of their ids: whole numbers, or `named` by text."""
        return await self._db.read(holding.rows_between, first, after, named)

    async def unkeyed_links(self, rows: Sequence[int]) -> dict[int, str]:
        """Of these records those that are nothing but one link that was never looked at, by row."""
        return await self._db.read(holding.unkeyed_links, rows)

    # ---- lanes, sources, runs, meta

    async def load_lanes(self, names: Sequence[str]) -> dict[str, LaneRecord]:
        """What is remembered of these lanes; unknown ones are left out."""
        return await self._db.read(lanes.load_lanes, names)

    async def lanes_page(self, after: str, limit: int) -> list[LaneRecord]:
        """Remembered lanes by ascending name, after `after` ("" to begin)."""
        return await self._db.read(lanes.lanes_page, after, limit)

    async def lanes_of_hosts(self, names: Sequence[str]) -> dict[str, LaneRecord]:
        """What is remembered of the lanes of these hosts, by host; hosts of which nothing is known are left out."""
        return await self._db.read(hosts.lanes_of_hosts, names)

    async def joined_hosts(self) -> dict[str, str]:
        """The hosts that people put in a lane themselves, and which; from the next run on where `settle_lanes` was not called since."""
        return await self._db.read(hosts.joined_hosts)

    async def lane_loads(self, after: str, limit: int) -> list[LaneLoad]:
        """What lanes have waiting and have given, by ascending name, after `after` ("" to begin). Links without a host have no lane."""
        return await self._db.read(loads.lane_loads, after, limit)

    async def loads_of(self, lanes: Sequence[str]) -> list[LaneLoad]:
        """What these lanes have waiting and have given; unknown ones are left out."""
        return await self._db.read(loads.loads_of, lanes)

    async def largest_waiting(self, limit: int) -> list[HostDue]:
        """The hosts with most images waiting, most first; their due times are not looked up (0)."""
        return await self._db.read(loads.largest_waiting, limit)

    async def waiting_by_lane(self, limit: int) -> dict[str, int]:
        """Images waiting at the `limit` hosts with most of them, by lane."""
        return await self._db.read(loads.waiting_by_lane, limit)

    async def sampled_hosts(self, after: int, limit: int) -> list[tuple[int, int, int, int]]:
        """Hosts with images waiting that have given some already, by ascending row: row, images waiting, images saved, their bytes."""
        return await self._db.read(loads.sampled_hosts, after, limit)

    async def last_waiting(self, host_id: int) -> int:
        """The last row of a host that waits for its first request; 0 when none does."""
        return await self._db.read(loads.last_waiting, host_id)

    async def ordered_lanes(self, limit: int) -> list[str]:
        """Lanes about which a person has ordered anything, by name, at most `limit`."""
        return await self._db.read(lanes.ordered_lanes, limit)

    async def lanes_with_work(self, lanes: Sequence[str]) -> list[str]:
        """Those of these lanes that have images with a due time, by name."""
        return await self._db.read(hosts.lanes_with_work, lanes)

    async def lane_of_host(self, name: str) -> str | None:
        """The lane of a host that is known, or of a lane by its own name; None when nothing knows it."""
        return await self._db.read(hosts.lane_of_host, name)

    async def hosts_of_lane(self, lane: str, limit: int) -> list[str]:
        """The hosts of a lane by name, at most `limit`."""
        return await self._db.read(hosts.hosts_of_lane, lane, limit)

    async def hosts_containing(self, text: str, limit: int) -> list[str]:
        """Hosts with that text in their names, at most `limit`. Reads through the hosts."""
        return await self._db.read(hosts.hosts_containing, text, limit)

    async def load_robots(self, lanes: Sequence[str]) -> list[RobotsRecord]:
        """What the robots.txt files of these lanes said when they were last read, however long ago; a bounded number of each."""
        return await self._db.read(robots.load_robots, lanes)

    async def sources(self) -> list[SourceState]:
        """All sources, oldest first."""
        return await self._db.read(sources.all_sources)

    async def last_run(self) -> RunRecord | None:
        """The newest run."""
        return await self._db.read(sources.last_run)

    async def events(self, limit: int) -> list[StoredEvent]:
        """The newest events, newest first."""
        return await self._db.read(sources.last_events, limit)

    async def get_meta(self, key: str) -> str | None:
        """A pinned setting, or None."""
        return await self._db.read(sources.get_meta, key)

    async def all_meta(self) -> dict[str, str]:
        """All pinned settings."""
        return await self._db.read(sources.all_meta)
