"""How fast one host may be asked: a pace and a number of connections, learnt from how it answers. Pure; knows no rows and no pauses.

Two numbers are learnt at once, because a host may limit either: requests per second, and requests at the same time. Both start at one.

*Start*: every good answer adds a request per second, so the pace grows as fast as the host answers, until it says no, slows down, or the ceiling is
reached. A connection is added only when the ones there are were all in use (RFC 2861 calls this validation: what was not needed is not known to be allowed).

*After a refusal* the pace is set below what the host was seen to answer, and rises again by some per cent per second, each time more slowly: the distance
between refusals grows, instead of the saw-tooth that a fixed rise would draw for ever. Which of the two was too much is told by what the host has answered before: when it
never answered well with so many requests under way, their number is taken for the cause, and one less is the limit until a long quiet time has passed; otherwise it was the pace.

The pause after a refusal says what a try costs: the rise is so slow that a tenth more takes at least as long as that pause, and a connection more is tried after ten of them.
When a host refuses at a pace that it bore before, and stays closed for longer than it said, it counts over a longer time than we look back (so many a minute, a deep bucket that
fills slowly): then the time it was closed belongs to the measure, and the pace goes towards what it answered from one refusal to the next. When the pace has grown well beyond
where it was refused last, the limit has moved (some hosts admit more at night), and the rise regains its speed.

*Latency* is the other voice. While answers take no longer than they did at first, more is tried; when they take twice as long, nothing more is added; when they
take several times as long, pace and connections go down: the host is at its limit and too polite to say so.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from asyncdl.clock import Instant
from asyncdl.download.caution import Caution
from asyncdl.download.slowness import Slowness
from asyncdl.lane_records import LearntPace

_PROOF_ANSWERS: Final = 2
"""So many good answers with so many requests under way prove that the host bears them."""

_MEASURABLE_ANSWERS: Final = 8
"""Fewer answers since the last change say little about what the host bears."""

_MAX_LEVELS: Final = 256
_FIRST_HOLD_SECONDS: Final = 30.0
_LONGEST_HOLD_SECONDS: Final = 3_600.0
"""How long a limit on connections holds before one more is tried: doubled by every refusal."""

_LEAST_SHARE: Final = 0.3
"""However little was answered of late, a refusal leaves so much of the pace."""

_RISE_PER_PAUSE: Final = 0.1
_HOLDS_PER_PAUSE: Final = 10.0
_LEAST_RISE_PER_SECOND: Final = 0.1 / 3_600
"""A limit that was lifted is noticed within hours, unless a try costs more than an hour."""

_MOVED_FACTOR: Final = 1.15
_MOVED_SECONDS: Final = 600.0
"""So far above the pace that was refused last, and so long after, another limit holds."""

_BORNE_SHARE: Final = 0.8
"""Refused at less than this share of the pace that was refused last: it is not the pace of the moment that the host counts."""

_DEAR_SHARE: Final = 0.1
"""A host that was open for less than this share of the time it was closed before costs more than it gives."""

_MEASURED_ANSWERS: Final = 64
_SHORTEST_MEASURE_SECONDS: Final = 0.5
_LONGEST_STEP_SECONDS: Final = 1.0
_LONGEST_STEP_REQUESTS: Final = 2.0
"""A rise counts at most this much of the time since the last one, whichever is longer: a lane that was idle has proved nothing meanwhile."""

_USED_SHARE: Final = 0.4
"""A pace of which less was used proves nothing, and does not rise."""

_LATE_SECONDS: Final = 0.005
"""A start that comes so much after its time has waited for a connection."""

MIN_RATE_PER_SECOND: Final = 1 / 3600
_HIGHEST_KEPT_RATE: Final = 10_000.0
_FRESH_SECONDS: Final = 6 * 3_600.0
"""What was learnt within so long still holds."""


class Pace:
    """What is learnt of one host. Rates are requests per second; a ceiling of 0 means none."""

    def __init__(self, rate_ceiling: float, connection_ceiling: int, caution: Caution) -> None:
        self.caution = caution
        self.rate_ceiling = rate_ceiling
        self.connection_ceiling = connection_ceiling
        self.learnt = False  # whether the host has shown a limit: then the pace creeps, before it runs
        self._rate = caution.first_rate_per_second
        self._target = math.inf  # after trouble: where the run upwards ends
        self._window = float(caution.first_connections)
        self._window_limit = math.inf
        self._window_full = False
        self._rise = caution.rise_per_second
        self._since: float | None = None  # when asking at this pace began
        self._rose = -math.inf
        self._answers: deque[float] = deque(maxlen=_MEASURED_ANSWERS)
        self._good_at: dict[int, int] = {}  # good answers by how many requests were under way
        self._bore = 0.0  # what was answered before the last refusal that came after a while
        self._refused_rate = math.inf  # the pace at the last refusal that was put down to it
        self._refused_at = -math.inf  # when the host closed last
        self._promised_seconds = 0.0  # how long, as it said then
        self._resumed_at: float | None = None  # when it first answered after that
        self._answers_between = 0  # since it closed last
        self._hold_seconds = _FIRST_HOLD_SECONDS
        self._held_until = -math.inf
        self._slowness = Slowness()

    # -- what holds now --------------------------------------------------------------------------------------

    @property
    def rate_per_second(self) -> float:
        """Requests per second that may start now."""
        return min(self._rate, self.rate_ceiling or math.inf)

    @property
    def connections(self) -> int:
        """Requests that may be under way now."""
        return max(1, math.floor(min(self._window, self._window_limit, self.connection_ceiling or math.inf)))

    def learnt_pace(self, now: Instant) -> LearntPace | None:
        """What is worth remembering; None while the host has shown no limit."""
        if not self.learnt:
            return None
        connections = 0 if math.isinf(self._window_limit) else int(self._window_limit)
        return LearntPace(min(self._rate, _HIGHEST_KEPT_RATE), connections, now.utc_ms)

    def recall(self, known: LearntPace, now: Instant) -> None:
        """Begin with what was learnt before: near it when that is fresh, from one up to it when it is not."""
        self.learnt = True
        self._target = self._refused_rate = known.rate_per_second
        self._rise = max(self._rise * self.caution.rise_share**2, _LEAST_RISE_PER_SECOND)
        if known.connections:
            self._window_limit = float(known.connections)
            self._held_until = now.monotonic + _LONGEST_HOLD_SECONDS
        if 0 <= -now.seconds_until(known.at_ms) <= _FRESH_SECONDS:
            self._rate = max(
                min(known.rate_per_second, self.caution.first_rate_per_second), known.rate_per_second * self.caution.soon_share
            )
        else:
            self._rate = min(known.rate_per_second, self.caution.first_rate_per_second)

    # -- what happens ----------------------------------------------------------------------------------------

    def started(self, in_flight: int, late_seconds: float, now: float) -> None:
        """A request starts; `in_flight` counts it, `late_seconds` says how long after the pace would have let it."""
        if self._since is None:
            self._since = now
            self._answers.clear()  # what still came meanwhile was asked for before
        if in_flight >= self.connections and late_seconds > _LATE_SECONDS:
            self._window_full = True

    def answered(self, in_flight: int, latency_seconds: float | None, now: float) -> None:
        """A proper answer came. `in_flight`: as at its start; `latency_seconds`: until its first byte, None where that is not known."""
        self._answers.append(now)
        self._answers_between += 1
        if self._resumed_at is None:
            self._resumed_at = now
        self._good_at[min(in_flight, _MAX_LEVELS)] = self._good_at.get(min(in_flight, _MAX_LEVELS), 0) + 1
        slowness = self._slowness.of(latency_seconds)
        if slowness >= self.caution.crowded_factor:
            self._crowded(now)
        elif slowness < self.caution.slow_factor:
            self._rise_on(now)
        elif not self.learnt:
            self._learn(self._rate)

    def refused(self, in_flight: int, now: float) -> None:
        """The host said that this was too much. Call it once per incident; `in_flight`: as at the start of the refused request."""
        if len(self._answers) >= _MEASURABLE_ANSWERS:
            self._bore = self._answered_rate(now)
        if in_flight > 1 and self._good_at.get(min(in_flight, _MAX_LEVELS), 0) < _PROOF_ANSWERS:
            self._window_limit = min(self._window_limit, in_flight - 1)
            self._good_at = {level: answers for level, answers in self._good_at.items() if level < in_flight}
            self._hold_seconds = min(2 * self._hold_seconds, _LONGEST_HOLD_SECONDS)
            self._held_until = now + self._hold_seconds
            self._learn(self._rate)
        elif in_flight > 1 or len(self._answers) >= _PROOF_ANSWERS or (self._answers and math.isfinite(self._refused_at)):
            # One that refuses its first and only request, or the first one after robots.txt, is closed rather than crowded, until it does so again.
            self._slow_down(now, 0.0 if self._since is None else now - self._since)
        self._since = None
        if self._resumed_at is not None:
            self._refused_at, self._resumed_at, self._answers_between = now, None, 0

    def paused(self, seconds: float, now: float, *, promised: bool) -> None:
        """A refusal costs so long a pause: tries upwards become as rare as they are dear. `promised`: by the host's own word."""
        if self._refused_at != now:
            return  # a probe of a host that is still closed is no try
        self._promised_seconds = seconds if promised else 0.0
        self._rise = min(self._rise, _RISE_PER_PAUSE / max(seconds, 1e-3))
        if self._held_until > now:
            self._held_until = max(self._held_until, now + _HOLDS_PER_PAUSE * seconds)

    def failed(self) -> None:
        """The host did not answer at all: begin again from one, and run no further up than half of what went well."""
        first = self.caution.first_rate_per_second
        self._target = max(first, min(self._target, self._rate) / 2)
        self._rate = min(self._rate, first)
        self._window = float(self.caution.first_connections)
        self._since = None

    # -- learning --------------------------------------------------------------------------------------------

    def _slow_down(self, now: float, seconds: float) -> None:
        """It was the pace: less than what was answered of late."""
        share = self._share_left(now, seconds)
        if self.learnt:
            self._rise = max(self._rise * self.caution.rise_share, min(self._rise, _LEAST_RISE_PER_SECOND))
        answered = max(self._bore or self._answered_rate(now), _LEAST_SHARE * self._rate)
        rate = self._over_longer_time(min(self._rate, answered) * share, now)
        self._refused_rate = self._rate
        self._learn(max(MIN_RATE_PER_SECOND, rate))

    def _share_left(self, now: float, seconds: float) -> float:
        """What this refusal leaves of the pace: as little as the first one when the host was open for a moment only, after a long pause."""
        closed = 0.0 if self._resumed_at is None or math.isinf(self._refused_at) else self._resumed_at - self._refused_at
        if not self.learnt or (self._resumed_at is not None and now - self._resumed_at < _DEAR_SHARE * closed):
            return self.caution.first_share
        return self.caution.soon_share if seconds < self.caution.soon_seconds else self.caution.later_share

    def _over_longer_time(self, rate: float, now: float) -> float:
        """`rate`, or less where the host closes at paces that it bore before: towards its answers per second from refusal to refusal, the more so the longer it was closed."""
        if self._resumed_at is None or math.isinf(self._refused_at) or self._rate >= _BORNE_SHARE * self._refused_rate:
            return rate
        seconds = now - self._refused_at
        closed = self._resumed_at - self._refused_at - self._promised_seconds
        weight = 2 * closed / seconds - 1
        average = self._answers_between / seconds
        return float(rate ** (1 - weight) * average**weight) if weight > 0 and average < rate else rate

    def _learn(self, rate: float) -> None:
        self.learnt = True
        self._rate = rate
        self._target = rate

    def _rise_on(self, now: float) -> None:
        """The host copes. Only what was used counts: a pace that nobody asked at proves nothing."""
        if self._window_full:
            self._window_full = False
            if self._window < self._window_limit:
                self._window += 1 if not self.learnt else 1 / self._window
            elif now >= self._held_until:
                self._window_limit += 1
                self._held_until = now + self._hold_seconds
        longest = max(_LONGEST_STEP_SECONDS, _LONGEST_STEP_REQUESTS / self._rate)
        step = min(now - max(self._rose, self._since or now), longest)
        self._rose = now
        if self._answered_rate(now) + self.caution.gain_per_answer < _USED_SHARE * self._rate:
            return
        if not self.learnt or self._rate < self._target:
            self._rate = min(
                self._rate + self.caution.gain_per_answer, self.rate_ceiling or math.inf, max(self._target, self._rate)
            )
        else:
            self._rate = min(self._rate * math.exp(self._rise * max(0.0, step)), self.rate_ceiling or math.inf)
            self._target = self._rate
            if self._rate > _MOVED_FACTOR * self._refused_rate and now - self._refused_at > _MOVED_SECONDS:
                self._refused_rate = self._rate
                self._rise = min(2 * self._rise, self.caution.rise_per_second)

    def _crowded(self, now: float) -> None:
        """The host is far slower than it can be: give way, at most once per time that it takes to see what came of it."""
        if self._since is None or now - self._since < max(1.0, 2 * self._slowness.latency_seconds):
            return
        self._window = max(1.0, min(self._window, self._window_limit) / 2)
        self._learn(max(MIN_RATE_PER_SECOND, self._rate * self.caution.soon_share))
        self._since = now

    def _answered_rate(self, now: float) -> float:
        """Answers per second of late, since the last change; over half a second, or the time that eight should take."""
        since = now if self._since is None else self._since
        span = min(max(_SHORTEST_MEASURE_SECONDS, 8 / self._rate), now - since)
        counted = [at for at in self._answers if now - at <= span]
        if len(counted) == _MEASURED_ANSWERS:
            return len(counted) / max(now - counted[0], 1e-3)
        return len(counted) / max(span, _SHORTEST_MEASURE_SECONDS)
