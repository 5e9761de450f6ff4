"""How a command asks the run that holds the collection to carry something out, and waits a little for what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from asyncdl.collection import Collection
from asyncdl.errors import AsyncdlError, CollectionLocked, UsageError

ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.2


async def ask_the_run(collection: Collection, body: Mapping[str, Any], locked: CollectionLocked) -> dict[str, Any]:
    """Post a command. Returns the answer with `by_run`; without one in time the command stays posted, and that is said (`posted`, `holder`).

    Raises `UsageError` when the run finds that what was typed cannot be used, `AsyncdlError` when it refuses otherwise.
    """
    try:
        command = await asyncio.to_thread(collection.inbox.post, body)
    except ValueError as error:
        raise UsageError(str(error), "give fewer names at a time") from error
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + ANSWER_SECONDS
    while loop.time() < give_up_at:
        answer = await asyncio.to_thread(collection.inbox.result, command)
        if answer is None:
            await asyncio.sleep(POLL_SECONDS)
        elif answer.get("usage"):
            raise UsageError(str(answer["error"]), str(answer.get("todo", "")))
        elif "error" in answer:
            raise AsyncdlError(f"the run refused: {answer['error']}", locked.what)
        else:
            return {**answer, "by_run": True}
    return {"posted": True, "command": command, "holder": locked.what}
