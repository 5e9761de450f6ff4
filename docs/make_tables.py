"""Write the parts of the documentation that follow from the code: settings, causes of failure, states, bounds, families of URLs.

    python docs/make_tables.py

Each part stands in a page between two marks, `<!-- NAME -->` and `<!-- /NAME -->`. Tests hold the pages equal to what is made here.
"""
# ruff: noqa: INP001  a script, no module of a package

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from asyncdl.errors import all_error_types
from asyncdl.model import CandidateKind
from asyncdl.settings import reference
from asyncdl.status import LEGAL_MOVES, MEANING, ImageStatus
from asyncdl.urls.families import GROUPS
from asyncdl.urls.family import ANY_HOST, Family

ROOT = Path(__file__).parents[1]
_BOUNDS = (
    ("asyncdl.download.queue.WINDOW_HOSTS", "hosts whose rows are paged at the same time"),
    ("asyncdl.download.queue.MAX_QUEUED_ROWS", "rows in memory, over all hosts"),
    ("asyncdl.download.queue.MAX_LOOK_AHEAD_ROWS", "rows in memory, of one host"),
    ("asyncdl.settings.run.MAX_CONCURRENCY", "requests in flight; as many bodies again may wait for inspection"),
    ("asyncdl.download.record.MAX_BATCH_ROWS", "lines of one commit"),
    ("asyncdl.download.record.MAX_BATCH_SECONDS", "age of a batch"),
    ("asyncdl.download.record.MAX_BACKLOG_ROWS", "verdicts waiting for their commit; then nothing starts"),
    ("asyncdl.download.robots.MAX_ROBOTS_BYTES", "of a robots.txt that count"),
    ("asyncdl.download.robots_gate.MAX_AUTHORITIES", "robots.txt remembered"),
    ("asyncdl.download.robots_gate.MAX_RULES_CHARACTERS", "of them together"),
    ("asyncdl.store.robots.MAX_STORED_ROBOTS", "robots.txt kept between runs"),
    ("asyncdl.store.robots.MAX_STORED_ROBOTS_CHARACTERS", "of one that is kept"),
    ("asyncdl.download.bans.MAX_KEPT_ASIDE", "jobs of one host that wait to learn whether it refuses the image or us"),
    ("asyncdl.download.manifests.MAX_MANIFEST_BYTES", "one manifest"),
    ("asyncdl.download.manifests.MAX_CANVASES", "pictures of one manifest"),
    ("asyncdl.download.fetch.MAX_PAGE_BYTES", "of an error page that are read"),
    ("asyncdl.imaging.pages.MAX_TEXT_CHARACTERS", "of its text that are kept, once per distinct page"),
    ("asyncdl.download.fetch.MAX_LANE_LIMITERS", "byte limiters of lanes"),
    ("asyncdl.download.probe.MAX_REQUESTS_PER_LANE", "questions of a probe to one host"),
    ("asyncdl.download.probe.MAX_HOSTS", "hosts that a probe asks"),
    ("asyncdl.download.probe.MAX_SECONDS", "seconds of a probe"),
    ("asyncdl.download.roomwatch.SAMPLE_IMAGES", "images after which a run reckons again whether it fits"),
    ("asyncdl.download.roomwatch.LOOK_SECONDS", "between two looks at the disk, at most"),
    ("asyncdl.download.figures.MAX_COUNTED_HOSTS", "hosts counted for the display"),
    ("asyncdl.names.MAX_KNOWN_NAMES", "names of hosts remembered"),
    ("asyncdl.names.MAX_ADDRESSES_PER_NAME", "addresses of a name that are tried"),
    ("asyncdl.crowds.MAX_KNOWN_ADDRESSES", "addresses of which is remembered who shares them"),
    ("asyncdl.download.suspicion.MAX_HELD_OUTCOMES", "outcomes in doubt"),
    ("asyncdl.download.suspicion.DOUBT_SECONDS", "that an outcome may be in doubt"),
    ("asyncdl.web.MAX_HEADERS", "header fields of an answer"),
    ("asyncdl.web.MAX_HEADER_LINE_BYTES", "one header line"),
    ("asyncdl.blobs.intents.MAX_JOURNAL_BYTES", "the intent journal"),
    ("asyncdl.ingest.blocks.BLOCK_BYTES", "of a source that are sifted at once"),
    ("asyncdl.ingest.blocks.MAX_LINE_BYTES", "of one line that are read at all"),
    ("asyncdl.ingest.packed.PIECE_BYTES", "that a packed source gives at once, whatever a packed byte stands for"),
    ("asyncdl.ingest.tarballs.MAX_HEADER_BYTES", "of one header of a tar file"),
    ("asyncdl.ingest.parquet.ROWS_PER_RANGE", "rows of a Parquet file that are read at once"),
    ("asyncdl.ingest.parquet.MEMORY_BYTES", "memory of the reader of Parquet, beside the limit of the sort"),
    ("asyncdl.ingest.copying.MIN_FREE_BYTES", "of the disk that a copy of standard input leaves free"),
    ("asyncdl.ingest.chunks.CHUNK_BYTES", "of a source that duckdb reads at once"),
    ("asyncdl.sourcerows.ROWS_PER_GROUP", "rows that are folded and committed together"),
    ("asyncdl.cli.keys.MAX_LINES_REMEMBERED", "links that `asyncdl keys` remembers for GBIF's copies of them"),
    ("asyncdl.cli.keys.MAX_LINES_WAITING", "lines that wait for the link a copy is of"),
    ("asyncdl.cli.keys.MAX_WAITING_BYTES", "of those lines"),
    ("asyncdl.ingest.matching.KEYS_PER_PASS", "ids that a selection compares with at once"),
    ("asyncdl.ingest.rekeying.RECORDS_AT_ONCE", "records whose images are brought to other keys at once"),
    ("asyncdl.legacy.adopt.BATCH_CLAIMS", "earlier files adopted in one commit"),
    ("asyncdl.upkeep.readopting.PAGE_RECORDS", "records of an earlier database matched in one commit"),
    ("asyncdl.upkeep.readopting.PAGE_FILES", "files of theirs read for it"),
    ("asyncdl.resumable.fetch.WRITE_BYTES", "of a large file that are in memory"),
    ("asyncdl.resumable.part.SYNC_BYTES", "of a large file that a power cut may cost"),
    ("asyncdl.resumable.part.SPARE_BYTES", "that a large file leaves free on the disk"),
    ("asyncdl.resumable.fetch.MAX_STARTS", "times that a large file is begun again in one call"),
    ("asyncdl.gbif.api.MAX_ANSWER_BYTES", "of an answer of GBIF's API"),
    ("asyncdl.gbif.predicatefile.MAX_ITEMS", "items of a filter"),
    ("asyncdl.gbif.waiting.MIN_POLL_SECONDS", "between two questions to GBIF"),
)
_FIRST_FLAG_CODE = 200  # from here on the names stand on success rows and candidates, not on failures


def errors_table() -> str:
    """The causes of failure: name, who pays, whether it may pass, meaning, remedy."""
    rows = [
        (f"`{row.name}`", str(row.blame), "yes" if row.transient else "no", row.meaning, row.remedy)
        for row in all_error_types()
        if row.code < _FIRST_FLAG_CODE
    ]
    rows.append(("`http_<code>`", "image", "408, 425", "any other status of the host", "ask the publisher, or take a newer source"))
    return _table(("cause", "blame", "may pass", "meaning", "what helps"), rows)


def statuses_table() -> str:
    """The states of an image (or a manifest), and where it can go from each."""
    rows = [
        (f"`{status.label}`", MEANING[status], ", ".join(f"`{to.label}`" for to in ImageStatus if (status, to) in LEGAL_MOVES))
        for status in ImageStatus
    ]
    return _table(("state", "meaning", "moves to"), rows)


def bounds_table() -> str:
    """The bounds that are no settings, with their values."""
    found = [(name, getattr(import_module(name.rpartition(".")[0]), name.rpartition(".")[2]), of) for name, of in _BOUNDS]
    return _table(
        ("bound", "value", "of"),
        [(f"`{name}`", f"{value:,g}" if isinstance(value, float) else f"{value:,}", of) for name, value, of in found],
    )


def families_list() -> str:
    """The families of URLs by what they are of, each with its hosts, key, sizes, example and source."""
    parts: list[str] = []
    for title, families in GROUPS:
        parts.append(f"### {title}\n")
        for family in sorted(families, key=lambda family: family.name.lower()):
            lines = [
                f"**{family.name}** ({_hosts(family)})",
                f"- key: {', '.join(f'`{key}`' for key in dict.fromkeys(form.key or family.key for form in family.forms))}",
                f"- order: {_order(family)}",
                f"- example: `{family.example}`",
                f"- source: {family.source}",
            ]
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _hosts(family: Family) -> str:
    names = family.marker if family.hosts == ANY_HOST else family.hosts
    listed = ", ".join(f"`{name}`" for name in names.split())
    return f"any host, by a folder {listed}" if family.hosts == ANY_HOST else listed


def _order(family: Family) -> str:
    """What is tried first, in words: size words by rank, then what pixels, services, manifests and pages there are."""
    by_rank: dict[int, list[str]] = {}
    for word, rank in family.ranks.items():
        by_rank.setdefault(rank, []).append(f"`{word}`" if word else "no size")
    steps = [" = ".join(by_rank[rank]) for rank in sorted(by_rank)]
    texts = [text for form in family.forms for text in (form.path, form.query)]
    if any("<px" in text for text in texts):
        steps.append("by pixels" if steps else "no size, then by pixels")
    kinds = {form.kind for form in family.forms}
    if CandidateKind.MANIFEST in kinds:
        steps.append("IIIF: whole pictures, the manifest, smaller ones")
    if not steps and CandidateKind.IMAGE in kinds:
        fixed = {form.rank for form in family.forms if form.kind is CandidateKind.IMAGE}
        steps.append("one size" if len(fixed) == 1 else "by the form of the URL, originals first")
    if CandidateKind.PAGE in kinds:
        steps.append("pages last")
    return "; ".join(steps)


def pages() -> dict[Path, dict[str, str]]:
    """Which page holds which parts, by the name of their marks."""
    return {
        ROOT / "README.md": {"settings": reference.readme_table(), "errors": errors_table()},
        ROOT / "docs" / "architecture.md": {"statuses": statuses_table(), "bounds": bounds_table()},
        ROOT / "docs" / "urls.md": {"families": families_list()},
    }


def filled(page: str, name: str, table: str) -> str:
    """The page with the table between its marks. Raises `ValueError` when the marks are missing."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    first, last = page.index(begin) + len(begin), page.index(end)
    return f"{page[:first]}\n{table}\n{page[last:]}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every table into its page, and `.env.example`."""
    for path, tables in pages().items():
        page = path.read_text(encoding="utf-8")
        for name, table in tables.items():
            page = filled(page, name, table)
        path.write_text(page, encoding="utf-8")
    (ROOT / ".env.example").write_text(reference.env_example(), encoding="utf-8")


if __name__ == "__main__":
    main()
