"""Questions to GBIF's occurrence download API, one at a time. What comes back is a value, or an error that says what to do.

Questions are asked again while the trouble may pass; a request for a download never is: whoever makes it looks first whether it arrived.
The password goes to the API's own origin only (`login`), and redirects are not followed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from asyncdl.errors import AsyncdlError, EnvironmentStops, SourceError, UsageError
from asyncdl.gbif.downloads import KEY, Download, parse_download
from asyncdl.login import Login
from asyncdl.request_failures import RequestFailure
from asyncdl.resumable import FetchTools
from asyncdl.retry_after import parse_retry_after
from asyncdl.retrying import Attempts, RetryPolicy, may_pass, remedy
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration

API: Final = "https://api.gbif.org/v1"
MAX_ANSWER_BYTES: Final = 64_000_000
"""One page of a user's downloads; each repeats its filter, which may have 100,000 values."""

PAGE_DOWNLOADS: Final = 20
PATIENT: Final = RetryPolicy(max_attempts=40)
"""For questions asked while a download is made, which takes hours: half an hour without an answer is no reason to give up."""

_MAX_SAID_CHARS: Final = 400
_TOO_MANY: Final = frozenset({420, 429})
_ACCOUNT: Final = (
    "GBIF_USER is the user name of your account at gbif.org, not the e-mail address; the account has to be confirmed by the mail that GBIF "
    "sent; a password is reset at https://www.gbif.org/user/profile"
)
Say = Callable[[str], None]
"""Called with what a person who waits should know."""


class Accepted(NamedTuple):
    """GBIF makes a download, or has one already that was asked for alike."""

    key: str


class Busy(NamedTuple):
    """GBIF takes no more requests for now: three are under way, or it is asked to slow down."""

    said: str
    retry_after_seconds: float | None


class Unclear(NamedTuple):
    """Nobody knows whether the request arrived: the answer was lost, or the server failed over it."""

    why: str
    retry_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after_seconds: float | None

    @property
    def said(self) -> str:
        """What GBIF says in words, as one harmless line."""
        text = " ".join(self.body[: 10 * _MAX_SAID_CHARS].decode("utf-8", "replace").split())
        return "" if text.startswith("<") else printable(text.strip('"'), _MAX_SAID_CHARS)


class GbifApi:
    """The API at `base`. Without a `login` only what is public can be asked."""

    def __init__(self, base: str, tools: FetchTools, login: Login | None = None, say: Say = lambda _: None) -> None:
        self.base = base.rstrip("/")
        self._tools = tools
        self._login = login
        self._say = say

    async def download(self, reference: str, policy: RetryPolicy | None = None) -> Download:
        """The download of a key or DOI. Raises `SourceError` when GBIF knows none, `EnvironmentStops` when it cannot be asked."""
        answer = await self._asked(f"occurrence/download/{quote(reference, safe='/')}", None, policy or self._tools.policy)
        if answer.status == 404:
            raise SourceError(
                f"GBIF knows no download {printable(reference)}", "look at the key, or at https://www.gbif.org/user/download"
            )
        found = parse_download(self._json(answer))
        if isinstance(found, str):
            raise SourceError(f"GBIF sent {printable(found)}", "try it later; if it stays, report it with this message")
        return found

    async def own_downloads(self) -> list[Download]:
        """The newest downloads of this user, the newest first; those of a kind nobody knows are left out."""
        if self._login is None:
            raise UsageError("whose downloads?", "set GBIF_USER and GBIF_PWD")
        user = quote(self._login.user, safe="")
        path = f"occurrence/download/user/{user}?limit={PAGE_DOWNLOADS}&offset=0&statistics=false"
        answer = await self._asked(path, self._login, self._tools.policy)
        if answer.status == 404:
            return []
        document = self._json(answer)
        results = document.get("results") if isinstance(document, dict) else None
        found = [parse_download(one) for one in results] if isinstance(results, list) else []
        return [one for one in found if isinstance(one, Download)]

    async def submit(self, body: Mapping[str, Any]) -> Accepted | Busy | Unclear:
        """Ask for a download, once. Raises `UsageError` when GBIF does not understand or allow it, `EnvironmentStops` for the account."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "Accept": "text/plain, application/json;q=0.9"}
        try:
            answer = await self._ask("POST", "occurrence/download/request", self._login, headers, content)
        except RequestFailure as failure:
            if not may_pass(failure.error):
                raise self._unreachable(failure) from failure
            return Unclear(printable(failure.detail), None)
        if answer.status in {200, 201}:
            key = answer.body.decode("utf-8", "replace").strip().strip('"')
            return Accepted(key) if KEY.fullmatch(key) else Unclear("it answered without a key", None)
        if answer.status in _TOO_MANY:
            return Busy(answer.said, answer.retry_after_seconds)
        if answer.status >= 500 or answer.status == 408:
            return Unclear(f"status {answer.status}{_after(answer.said)}", answer.retry_after_seconds)
        raise self._refusal(answer)

    async def _asked(self, path: str, login: Login | None, policy: RetryPolicy) -> _Answer:
        """Ask until there is an answer; 404 is one."""
        attempts = Attempts(policy, self._tools.random)
        while True:
            retry_after = None
            try:
                answer = await self._ask("GET", path, login, {"Accept": "application/json"}, None)
            except RequestFailure as failure:
                if not may_pass(failure.error):
                    raise self._unreachable(failure) from failure
                trouble = printable(failure.detail)
            else:
                if answer.status in {200, 404}:
                    return answer
                if answer.status < 500 and answer.status not in {408, *_TOO_MANY}:
                    raise self._refusal(answer)
                trouble, retry_after = f"status {answer.status}{_after(answer.said)}", answer.retry_after_seconds
            pause = attempts.next_pause_seconds(retry_after)
            if pause is None:
                wait = f"; it asks to be left alone for {approximate_duration(retry_after)}" if retry_after else ""
                raise EnvironmentStops(
                    f"GBIF does not answer ({trouble}){wait}", "type the same command again later; https://www.gbif.org/health"
                )
            self._say(f"GBIF: {trouble}; asking again in {approximate_duration(pause)}")
            await self._tools.sleep(pause)

    async def _ask(self, method: str, path: str, login: Login | None, headers: Mapping[str, str], content: bytes | None) -> _Answer:
        url = f"{self.base}/{path}"
        async with self._tools.web.request(method, url, headers=headers, body=content, login=login) as response:
            body = bytearray()
            async for chunk in response.chunks():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise SourceError(f"GBIF's answer has more than {MAX_ANSWER_BYTES:,} bytes", "report it, with this message")
            retry_after = parse_retry_after(response.headers.get("Retry-After"), self._tools.clock.now().utc_ms)
            return _Answer(response.status, bytes(body), retry_after)

    def _json(self, answer: _Answer) -> Any:
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{self.base} does not answer as GBIF does: {answer.said or 'no JSON'}", "look at --api") from error

    def _refusal(self, answer: _Answer) -> AsyncdlError:
        """What a status below 500 means."""
        said = _after(answer.said)
        if answer.status == 401:
            return EnvironmentStops("GBIF does not accept the user name and password", _ACCOUNT)
        if answer.status == 403:
            return EnvironmentStops(f"GBIF does not allow it{said}", _ACCOUNT)
        if answer.status == 413:
            return UsageError(f"GBIF finds the request too large{said}", "choose by a higher taxon, or split the request")
        if answer.status in {400, 422}:
            return UsageError(f"GBIF does not understand the request{said}", "look at the filter; --dry-run shows what is asked")
        return SourceError(f"{self.base} answered with status {answer.status}{said}", "look at --api")

    def _unreachable(self, failure: RequestFailure) -> AsyncdlError:
        return EnvironmentStops(
            f"GBIF cannot be asked at {printable(self.base)}: {printable(failure.detail)}", remedy(failure.error)
        )


def _after(said: str) -> str:
    return f": {said}" if said else ""
