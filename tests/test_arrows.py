"""The architecture, held by the imports: doors -> app -> slices -> kernel. See docs/architecture.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "asyncdl"
DOORS = {"cli", "demo"}
SLICES = {"ingest", "download", "legacy", "upkeep", "report", "gbif"}
ROOT = {"__init__", "__main__", "app"}
MODULES = sorted(PACKAGE.rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "manager", "misc", "base"}
ONLY_HERE = {
    # who speaks SQL to SQLite, opens sockets, reads the environment
    "sqlite3": ("store",),
    "aiosqlite": ("store",),
    "duckdb": ("ingest", "sourcerows", "saidfiles"),
    "socket": ("web", "names", "addresses", "runlock", "demo"),
    "ssl": ("web",),
    "aiohttp": ("web", "attempt", "names", "response", "request_failures", "demo"),
}


def part_of(path: Path) -> str:
    """The first name below the package: a slice, a door, or a kernel module."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("asyncdl.")}


def allowed(part: str) -> set[str]:
    kernel = {part_of(path) for path in MODULES} - DOORS - SLICES - ROOT
    if part in DOORS:
        return kernel | SLICES | DOORS | {"app"}
    if part in ROOT:
        return kernel | SLICES | {"app"} | (DOORS if part == "__main__" else set())
    if part in SLICES:
        return kernel | {part}
    return kernel


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path: Path) -> None:
    part = part_of(path)
    names = {path_.stem for path_ in PACKAGE.glob("*.py")} | {path_.name for path_ in PACKAGE.iterdir() if path_.is_dir()}
    imported = parts_imported(path) & names
    assert imported <= allowed(part), f"{part} may not import {sorted(imported - allowed(part))}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_power_has_one_place(path: Path) -> None:
    for library, places in ONLY_HERE.items():
        if any(name == library or name.startswith(f"{library}.") for name in imports(path)):
            assert part_of(path) in places, f"only {places} may import {library}"


def environment_read(path: Path) -> bool:
    """Setting a variable for a process of our own (`os.environ.update`) is no reading."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    attributes = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    uses = sum(name in {"os.environ", "os.getenv", "os.environb"} for name in attributes)
    return uses > attributes.count("os.environ.update") or any(name in {"os.environ", "os.getenv"} for name in imports(path))


def test_only_settings_reads_the_environment() -> None:
    assert {part_of(path) for path in MODULES if environment_read(path)} <= {"settings"}


def test_modules_are_named_for_what_they_hold() -> None:
    assert not {path.stem for path in MODULES} & FORBIDDEN_NAMES


def test_what_decides_is_pure() -> None:
    """The scheduler and all it is made of know neither the clock nor the network nor the disk."""
    pure = [
        "scheduler",
        "suspicion",
        "networks",
        "concurrency",
        "lane",
        "pace",
        "caution",
        "slowness",
        "pauses",
        "budgets",
        "quota",
        "lane_table",
        "breaker",
        "bans",
        "doubts",
        "challenge",
        "robots_tag",
        "backoff",
        "headway",
        "job",
        "verdicts",
        "passes",
        "issued",
        "robots_gate",
        "robots_tickets",
        "robots",
        "manifests",
    ]
    forbidden = {"asyncio", "time", "os", "random.random", "asyncdl.store", "asyncdl.web", "pathlib", "aiohttp"}
    for name in pure:
        found = set(imports(PACKAGE / "download" / f"{name}.py"))
        assert not found & forbidden, f"{name} imports {sorted(found & forbidden)}"
    elsewhere = ["crowds", "retry_after", "retrying", "login", "where", "resumable/ranges"]
    elsewhere += [f"forecast/{name}" for name in ("sizes", "lanes", "floor", "room")]
    elsewhere += [f"gbif/{name}" for name in ("parameters", "predicates", "request", "downloads")]
    for name in elsewhere:
        found = set(imports(PACKAGE / f"{name}.py"))
        assert not found & forbidden, f"{name} imports {sorted(found & forbidden)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_waits_with_wait_for(path: Path) -> None:
    """Before Python 3.12 it loses a cancellation that comes with the result: a loop that is to end goes on. `asyncio.timeout` does not."""
    names = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)}
    assert "wait_for" not in names
