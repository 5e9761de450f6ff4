"""What a probe has seen of a host: values that are filled as answers come, and shown in the end."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class ProbedImage:
    """One link that was asked for. `hosts` are the ones that redirects led to; sizes are announced or counted."""

    url: str
    status: int | None = None
    announced: str = ""
    media_type: str = ""
    size_bytes: int | None = None
    hosts: list[str] = field(default_factory=list)
    latency_seconds: float | None = None
    error: str = ""


@dataclass(slots=True)
class ProbedHost:
    """What a lane has shown. `robots` says what became of its robots.txt; None means that nothing was seen of it."""

    lane: str
    requests: int = 0
    robots: str = "not asked"
    crawl_delay_seconds: float = 0.0
    http_version: str = ""
    keeps_connection: bool | None = None
    paused_seconds: float = 0.0
    pause_reason: str = ""
    images: list[ProbedImage] = field(default_factory=list)

    @property
    def sample(self) -> tuple[int, int]:
        """Pictures whose size is known, and their bytes."""
        sizes = [image.size_bytes for image in self.images if image.size_bytes and not image.error]
        return len(sizes), sum(sizes)
