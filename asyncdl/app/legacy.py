"""The import of an earlier tool's files, wired."""

from __future__ import annotations

from collections.abc import Callable

from asyncdl.app.wholeness import require_keys, require_whole
from asyncdl.clock import Clock
from asyncdl.collection import Collection
from asyncdl.legacy.account import Account
from asyncdl.legacy.adopt import Adoption, LegacyOptions, LegacyProgress
from asyncdl.legacy.claims import Claims, OldTree
from asyncdl.store import Reader, Store


async def import_legacy(
    collection: Collection, store: Reader, writer: Store | None, tree: OldTree, claims: Claims, options: LegacyOptions,
    account: Account, clock: Clock, watch: Callable[[LegacyProgress], None] | None = None,
) -> None:  # fmt: skip
    """Adopt files that an earlier tool saved; see `asyncdl.legacy.adopt`. Without a `writer` nothing is changed.

    Raises `CollectionError` when the source of the collection was not read to its end: records would be missing.
    """
    await require_whole(store, collection.root)
    await require_keys(store, collection.root)
    await Adoption(collection, store, writer, tree, claims, options, account, clock, watch).run()
