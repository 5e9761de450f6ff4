"""A GBIF on this machine: its download API as documented, and on another address the server that its archives come from.

States advance as they are asked for; three downloads at a time; an equal filter within two days gets the download there is, whatever its
extensions. Faults are set by the test: answers that are lost, refusals, connections that end.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from asyncdl.clock import Clock, SystemClock

UNDER_WAY = ("PREPARING", "RUNNING", "SUSPENDED")
USER, PASSWORD = "linnaeus", "Systema:Naturae 1735"
META = """<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="metadata.xml">
<core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"
 rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>occurrence.txt</location></files><id index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/></core>
<extension encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"
 rowType="http://rs.gbif.org/terms/1.0/Multimedia"><files><location>multimedia.txt</location></files><coreid index="0"/>
<field index="1" term="http://purl.org/dc/terms/identifier"/></extension></archive>"""


def archive_of(links: list[str], padding_bytes: int = 0) -> bytes:
    """An archive as GBIF makes them, with one record per link; `padding_bytes` make it long enough to be interrupted."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.xml", META)
        archive.writestr("occurrence.txt", "gbifID\tscientificName\n" + "".join(f"{n}\tFilix\n" for n in range(1, len(links) + 1)))
        archive.writestr("multimedia.txt", "gbifID\tidentifier\n" + "".join(f"{n}\t{url}\n" for n, url in enumerate(links, 1)))
        if padding_bytes:
            archive.writestr(zipfile.ZipInfo("verbatim.txt"), bytes(padding_bytes))  # stored as it stands
    return packed.getvalue()


@dataclass
class Entry:
    """A download: `states` are those still to come; the last one stays."""

    key: str
    asked: dict[str, Any]
    created: datetime
    content: bytes
    states: list[str]
    size: int | None = None

    @property
    def state(self) -> str:
        return self.states[0]


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    range: str
    login: bool
    agent: str


@dataclass
class FakeGbif:
    """Both servers; use as an async context manager. `base` is what `--api` takes."""

    clock: Clock = field(default_factory=SystemClock)
    states: list[str] = field(default_factory=lambda: ["PREPARING", "RUNNING", "SUCCEEDED"])
    content: bytes = field(default_factory=lambda: archive_of(["https://example.org/1.jpg"]))
    entries: dict[str, Entry] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    # Faults: what the next requests get instead of an answer.
    refusals: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    lost_answers: int = 0
    cuts: list[int] = field(default_factory=list)
    holds: list[int] = field(default_factory=list)  # as cuts, but the connection stays and brings nothing more
    etags: list[str] = field(default_factory=lambda: ['"v1"'])
    base: str = ""
    _number: int = 0

    async def __aenter__(self) -> Self:
        api = web.Application()
        api.router.add_post("/v1/occurrence/download/request", self._post)
        api.router.add_get("/v1/occurrence/download/user/{user}", self._list)
        api.router.add_get("/v1/occurrence/download/request/{file}", self._redirect)
        api.router.add_get("/v1/occurrence/download/{key}", self._describe)
        api.router.add_get("/v1/occurrence/download/{prefix}/{suffix}", self._describe)
        files = web.Application()
        files.router.add_get("/request/{file}", self._send)
        self._runners = [web.AppRunner(api), web.AppRunner(files, handler_cancellation=True)]
        ports = []
        for runner, host in zip(self._runners, ("127.0.0.1", "127.0.0.2"), strict=True):
            await runner.setup()
            site = web.TCPSite(runner, host, 0)
            await site.start()
            ports.append(runner.addresses[0][1])
        self.base = f"http://127.0.0.1:{ports[0]}/v1"
        self._files = f"http://127.0.0.2:{ports[1]}/request"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def add(self, asked: dict[str, Any], states: list[str] | None = None, *, age_hours: float = 0.0) -> Entry:
        """A download of this user, requested so long ago."""
        self._number += 1
        now = datetime.fromtimestamp(self.clock.now().utc_ms / 1000, UTC)
        key = f"{self._number:07d}-260101000000000"
        entry = Entry(key, asked, now - timedelta(hours=age_hours), self.content, list(states or self.states))
        self.entries[key] = entry
        return entry

    def paths(self, method: str) -> list[str]:
        return [one.path for one in self.seen if one.method == method]

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if not self._knows(request):
            return web.Response(status=401, text="Unauthorized\n")
        if self.refusals:
            status, headers, text = self.refusals.pop(0)
            return web.Response(status=status, headers=headers, text=text)
        body = await request.json()
        self.posted.append(body)
        if "predicate" not in body:
            return web.Response(status=400, text="A predicate must be specified.\x1b[31m")
        now = self.clock.now().utc_ms / 1000
        equal = [
            one for one in self.entries.values()
            if one.asked.get("predicate") == body["predicate"] and one.asked.get("format") == body["format"]
            and one.state in (*UNDER_WAY, "SUCCEEDED") and now - one.created.timestamp() < 48 * 3_600
        ]  # fmt: skip
        if not equal and sum(one.state in UNDER_WAY for one in self.entries.values()) >= 3:
            return web.Response(
                status=420,
                text="A download limitation is exceeded:\nUser linnaeus has too many simultaneous downloads; the limit is 3.\n",
            )
        entry = equal[0] if equal else self.add(body)
        if self.lost_answers:
            self.lost_answers -= 1
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=201, text=entry.key)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if not self._knows(request) or request.match_info["user"] != USER:
            return web.Response(status=401, text="Authentication failed")
        newest = sorted(self.entries.values(), key=lambda one: one.created, reverse=True)
        return web.json_response(
            {"offset": 0, "limit": 20, "endOfRecords": True, "results": [self._described(one) for one in newest]}
        )

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if self.refusals:
            status, headers, text = self.refusals.pop(0)
            return web.Response(status=status, headers=headers, text=text)
        key = request.match_info.get("key", "")
        doi = f"{request.match_info.get('prefix')}/{request.match_info.get('suffix')}"
        entry = self.entries.get(key) or next((one for one in self.entries.values() if _doi(one) == doi), None)
        if entry is None:
            return web.Response(status=404, text="Not found")
        described = self._described(entry)
        if len(entry.states) > 1:
            entry.states.pop(0)
        return web.json_response(described)

    def _described(self, entry: Entry) -> dict[str, Any]:
        done = entry.state == "SUCCEEDED"
        return {
            "key": entry.key, "status": entry.state, "license": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
            "request": json.loads(json.dumps(entry.asked), object_hook=_as_gbif), "created": entry.created.isoformat(timespec="milliseconds"),
            "eraseAfter": (entry.created + timedelta(days=182)).isoformat(timespec="milliseconds"), "totalRecords": 7, "numberDatasets": 2,
            "downloadLink": f"{self.base}/occurrence/download/request/{entry.key}.zip",
            "size": (entry.size if entry.size is not None else len(entry.content)) if done else 0,
        } | ({"doi": _doi(entry)} if done else {})  # fmt: skip

    async def _redirect(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        entry = self.entries[request.match_info["file"].removesuffix(".zip")]
        if entry.state == "FILE_ERASED":
            return web.Response(status=410, text='"This download was erased, but the metadata is retained."\n')
        return web.Response(status=302, headers={"Location": f"{self._files}/{entry.key}.zip"})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        entry = self.entries[request.match_info["file"].removesuffix(".zip")]
        etag = self.etags.pop(0) if len(self.etags) > 1 else self.etags[0]
        content, headers = entry.content, {"ETag": etag, "Content-Type": "application/octet-stream"}
        start, total = 0, len(content)
        given = request.headers.get("Range", "")
        if given and request.headers.get("If-Range", etag) == etag:
            start = int(given.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        answer = web.StreamResponse(status=206 if start else 200, headers=headers | {"Content-Length": str(total - start)})
        await answer.prepare(request)
        hold = self.holds.pop(0) if self.holds else 0
        end = hold or (self.cuts.pop(0) if self.cuts else total)
        await answer.write(content[start:end])
        if hold:
            await asyncio.Event().wait()  # until the client goes away
        if end < total and request.transport is not None:
            request.transport.close()
        return answer

    def _knows(self, request: web.Request) -> bool:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return request.headers.get("Authorization") == expected

    def _note(self, request: web.Request) -> None:
        given = request.headers
        self.seen.append(
            Seen(request.method, request.path, given.get("Range", ""), "Authorization" in given, given.get("User-Agent", ""))
        )


def _as_gbif(node: dict[str, Any]) -> dict[str, Any]:
    """GBIF says aloud what was left out."""
    return node | {"matchCase": False} if node.get("type") in ("equals", "in", "lessThanOrEquals") else node


def _doi(entry: Entry) -> str:
    return f"10.15468/dl.{entry.key[:7]}"
