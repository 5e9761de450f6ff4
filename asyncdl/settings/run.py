"""The settings of a run: every field with its unit, bounds, default and one line of help.

To add a setting, add a field: flag, variable, TOML key and documentation follow (see `table`). Defaults are
the product's promises to hosts and users; change one only together with the page that promises it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from asyncdl.limits import LaneLimits
from asyncdl.settings.addresses import parse_host
from asyncdl.settings.kinds import (
    AutoSize,
    BitRate,
    ByteRate,
    Ceiling,
    Contact,
    Count,
    Duration,
    Durations,
    Hosts,
    Kind,
    MaybeCount,
    MaybeDuration,
    Networks,
    Page,
    Pixels,
    Proxy,
    Rate,
    Size,
    Switch,
    Text,
    Word,
    auto_or_count,
    choice,
)
from asyncdl.settings.table import Option, Panel, Setting, Slice
from asyncdl.version import __version__

MAX_CONCURRENCY = 256

_DAY = 86_400.0
_ROBOTS = Kind("respect|ignore[:HOST,…]", "respect, ignore, or ignore:HOST,HOST for hosts that gave leave")
_CONCURRENCY = Kind("auto|N", f"auto, or a whole number up to {MAX_CONCURRENCY}")


class RunSettings(Slice):
    """What `run` obeys. A bound of 0 on a rate, a bandwidth or connections means that there is no ceiling."""

    contact: Annotated[
        Contact, Option("contact", "who a web master can write to; needed before public hosts are asked", Panel.IDENTITY)
    ] = ""
    project_page: Annotated[Page, Option("project_page", "the page that the User-Agent names", Panel.IDENTITY)] = (
        "https://github.com/asyncdl/asyncdl"
    )

    concurrency: Annotated[
        int | Literal["auto"],
        auto_or_count(1, MAX_CONCURRENCY),
        _CONCURRENCY,
        Option("concurrency", "requests in flight in the whole process; auto finds what the line carries", Panel.PROCESS),
    ] = "auto"
    rate_per_second: Annotated[
        Rate, Option("rate", "requests per second of the whole process", Panel.PROCESS), Field(le=100_000)
    ] = 0.0
    bandwidth_bits_per_second: Annotated[BitRate, Option("bandwidth", "bits per second of the whole process", Panel.PROCESS)] = 0.0
    proxy: Annotated[
        Proxy, Option("proxy", "ask through this proxy; addresses behind names are then the proxy's to judge", Panel.PROCESS)
    ] = ""
    spool_budget_bytes: Annotated[
        Size, Option("spool_budget", "bytes of unfinished bodies held at once", Panel.PROCESS), Field(ge=1)
    ] = 256_000_000
    spool_memory_body_bytes: Annotated[
        Size, Option("spool_memory", "a body up to this size stays in memory, a larger one goes to a file", Panel.PROCESS)
    ] = 1_000_000

    host_rate_per_second: Annotated[
        Rate, Option("host_rate", "requests per second to one host, once it has shown that it copes", Panel.HOST), Field(le=10_000)
    ] = 3.0
    host_connections: Annotated[
        Ceiling, Option("host_connections", "connections to one host at a time", Panel.HOST), Field(le=1_000)
    ] = 2
    address_connections: Annotated[
        Ceiling,
        Option("address_connections", "connections at a time to one address that several hosts share, together", Panel.HOST),
        Field(le=1_000),
    ] = 16
    host_bandwidth_bits_per_second: Annotated[BitRate, Option("host_bandwidth", "bits per second from one host", Panel.HOST)] = 25e6
    caution: Annotated[
        Literal["low", "normal", "high"],
        Word,
        choice("low", "normal", "high"),
        Option("caution", "how carefully the pace of a host is found, below its ceilings", Panel.HOST),
    ] = "normal"
    max_attempts: Annotated[
        Count, Option("max_attempts", "attempts that an image may cost before it is given up", Panel.HOST), Field(ge=1, le=100)
    ] = 4
    retry_delays_seconds: Annotated[
        Durations,
        Option("retry_delays", "how long an image waits after its first, second, … failed attempt", Panel.HOST),
        Field(min_length=1, max_length=100),
    ] = (5.0, 600.0, 43_200.0)
    give_up_after_seconds: Annotated[
        MaybeDuration,
        Option("give_up_after", "how long a host may be down before its images are given up; 0 = for ever", Panel.HOST),
    ] = 14 * _DAY
    robots: Annotated[
        Literal["respect", "ignore"],
        _ROBOTS,
        Option("robots", "whether robots.txt is obeyed, and by which hosts it need not be", Panel.HOST),
    ] = "respect"
    robots_ignore_hosts: frozenset[str] = frozenset()
    robots_note: Annotated[
        Text,
        Kind("TEXT", "a few words, such as a name and a date"),
        Option("robots_note", "who gave leave to ignore robots.txt, and when; kept with the collection", Panel.HOST),
    ] = ""
    noai: Annotated[
        Literal["respect", "ignore"],
        Word,
        choice("respect", "ignore"),
        Option("noai", "whether X-Robots-Tag: noai, noimageai are obeyed; noindex is no refusal", Panel.HOST),
    ] = "respect"

    max_body_bytes: Annotated[Size, Option("max_bytes", "the largest file that is accepted", Panel.BOUNDS), Field(ge=1)] = (
        200_000_000
    )
    max_pixels: Annotated[
        Pixels, Option("max_pixels", "the largest picture that is decoded", Panel.BOUNDS), Field(ge=1, le=4_000_000_000)
    ] = 256_000_000
    max_time_seconds: Annotated[MaybeDuration, Option("max_time", "stop the run after this time", Panel.BOUNDS)] = None
    max_images: Annotated[MaybeCount, Option("max_images", "stop the run after so many images", Panel.BOUNDS)] = None
    max_redirects: Annotated[Count, Option("max_redirects", "redirects followed from one link", Panel.BOUNDS), Field(le=20)] = 5
    wait_seconds: Annotated[Duration, Option("wait", "stay for work that is due within this time", Panel.BOUNDS)] = 900.0
    grace_seconds: Annotated[
        Duration, Option("grace", "how long a stopped run may finish what is in flight", Panel.BOUNDS), Field(le=_DAY)
    ] = 20.0
    storage_patience_seconds: Annotated[
        Duration,
        Option(
            "storage_patience",
            "how long a run pauses for a full disk, or a line of this machine that was dead from the start, before it ends",
            Panel.BOUNDS,
        ),
        Field(le=_DAY),
    ] = 60.0
    network_patience_seconds: Annotated[
        Duration,
        Option(
            "network_patience", "how long a run that was answered before waits for its own network before it ends", Panel.BOUNDS
        ),
        Field(le=30 * _DAY),
    ] = 3_600.0

    keep_free_bytes: Annotated[
        AutoSize,
        Option("keep_free", "what a run leaves free on its disk; auto is a fiftieth of it, at most 2GB", Panel.BOUNDS),
    ] = "auto"
    preflight: Annotated[
        Switch, Option("preflight", "stop a run that does not fit on its disk, before it begins and after 200 images", Panel.BOUNDS)
    ] = True

    connect_timeout_seconds: Annotated[
        Duration, Option("connect_timeout", "until the connection stands, TLS included", Panel.DEADLINES), Field(gt=0, le=_DAY)
    ] = 15.0
    first_byte_timeout_seconds: Annotated[
        Duration, Option("first_byte_timeout", "until the answer begins", Panel.DEADLINES), Field(gt=0, le=_DAY)
    ] = 60.0
    stall_timeout_seconds: Annotated[
        Duration, Option("stall_timeout", "without a single byte", Panel.DEADLINES), Field(gt=0, le=_DAY)
    ] = 30.0
    total_timeout_seconds: Annotated[
        Duration, Option("timeout", "until the answer is whole", Panel.DEADLINES), Field(gt=0, le=_DAY)
    ] = 600.0
    min_speed_bytes_per_second: Annotated[
        ByteRate, Option("min_speed", "bytes per second below which an answer is given up", Panel.DEADLINES)
    ] = 1_000
    min_speed_grace_seconds: Annotated[
        Duration, Option("min_speed_grace", "how long an answer may be slower than that", Panel.DEADLINES), Field(le=_DAY)
    ] = 30.0

    validate_mode: Annotated[
        Literal["decode", "structure"],
        Word,
        choice("decode", "structure"),
        Option("validate", "decode every picture whole, or only check how the file is built", Panel.CONTENT),
    ] = "decode"
    expand_manifests: Annotated[
        Literal["always", "when-needed"],
        Word,
        choice("always", "when-needed"),
        Option("expand_manifests", "read IIIF manifests always, or only where no other link is left", Panel.CONTENT),
    ] = "always"

    allow_private: Annotated[
        Networks, Option("allow_private", "private or reserved networks that may be asked all the same", Panel.SAFETY)
    ] = ()
    insecure_hosts: Annotated[Hosts, Option("insecure_host", "hosts whose certificate is not checked", Panel.SAFETY)] = frozenset()
    durability: Annotated[
        Literal["batch", "none"],
        Word,
        choice("batch", "none"),
        Option("durability", "sync files before each commit, or trust the machine to stay up", Panel.SAFETY),
    ] = "batch"

    progress: Annotated[Switch, Option("progress", "show the live display; without a terminal, a line every 30 s", Panel.SHOW)] = (
        True
    )

    @model_validator(mode="before")
    @classmethod
    def _split_robots(cls, values: Any) -> Any:
        """`ignore:HOST,HOST` is written as one setting and kept as two: robots.txt is respected but for those hosts."""
        if not isinstance(values, dict) or not isinstance(written := values.get("robots"), str):
            return values
        word, colon, hosts = written.strip().partition(":")
        if not colon or word.lower() != "ignore":
            return {**values, "robots": word.lower() if not colon else written}
        names = [host for host in hosts.split(",") if host.strip()]
        try:
            ignored = frozenset(parse_host(host) for host in names)
        except ValueError:
            return values  # it is not one of the two words, and is refused as such
        return {**values, "robots": "respect" if ignored else written, "robots_ignore_hosts": ignored}

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.spool_memory_body_bytes > self.spool_budget_bytes:
            raise ValueError("--spool-memory must not exceed --spool-budget")
        return self

    @property
    def concurrency_limit(self) -> int:
        """The most requests in flight: the number given, or what `auto` may come to."""
        return MAX_CONCURRENCY if self.concurrency == "auto" else self.concurrency

    @property
    def lane_limits(self) -> LaneLimits:
        """What a host may be asked of which nothing else is said; 0 means that there is no ceiling."""
        return LaneLimits(self.host_rate_per_second, self.host_connections, self.host_bandwidth_bits_per_second)

    @property
    def user_agent(self) -> str:
        """How we introduce ourselves (RFC 9110, 10.1.5): product, then page and contact in a comment."""
        who = "; ".join(part for part in (f"+{self.project_page}", self.contact) if part)
        return f"asyncdl/{__version__} ({who})"

    def text_of(self, setting: Setting) -> str:
        """The value of a setting as a person would write it."""
        if setting.field == "robots" and self.robots == "respect" and self.robots_ignore_hosts:
            return "ignore:" + ",".join(sorted(self.robots_ignore_hosts))
        return super().text_of(setting)
