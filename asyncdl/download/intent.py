"""What the intent journal says of a file, and the move that follows from it: both ends of one small format."""

from __future__ import annotations

from asyncdl.blobs import Intent
from asyncdl.download.outcome import Verdict
from asyncdl.model import Asked, FileRole, NewFile, Transition
from asyncdl.status import ImageStatus


def intent_of(verdict: Verdict, file: NewFile, host: str | None) -> Intent:
    """The intent to give an image its file; it holds all that its row needs."""
    facts = {
        "media_type": file.media_type,
        "width": file.width,
        "height": file.height,
        "attempts": verdict.attempts,
        "candidate": verdict.candidate,
        "host": host,
        "flag": verdict.error,
        "asked": file.asked,
    }
    return Intent(verdict.work.id, file.path, file.size_bytes, file.sha256, facts)


def adoption(intent: Intent) -> Transition:
    """The move that adopts the file of an intent. The journal is our own: a malformed one raises KeyError."""
    facts = intent.facts
    asked = facts.get("asked")  # a journal of an earlier version has none
    file = NewFile(
        FileRole.ORIGINAL,
        intent.path,
        intent.size_bytes,
        intent.sha256,
        facts["media_type"],
        facts["width"],
        facts["height"],
        asked=Asked(*asked) if asked else None,
    )
    return Transition(
        intent.image, ImageStatus.SUCCESS, None, facts["attempts"],
        error=facts["flag"], candidate=facts["candidate"], host=facts["host"], file=file,
    )  # fmt: skip
