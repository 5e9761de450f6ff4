"""Say what is missing from a collection and why, for a paper or for a letter to a museum.

    asyncdl status herbarium --json | python examples/missing_report.py

Reads the JSON of `asyncdl status` from standard input and prints a Markdown table, the most frequent cause first.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def report(status: dict[str, Any]) -> str:
    """The table, with a sentence before and the hosts that lost most after it."""
    images = status["images"]
    missing = images["total"] - images["success"]
    lines = [f"{images['success']:,} of {images['total']:,} images are there, {missing:,} are not.", ""]
    lines += ["| images | cause | state | blame | meaning | what helps |", "|---:|---|---|---|---|---|"]
    for cause in sorted(status["causes"], key=lambda cause: -cause["images"]):
        name = cause["error_type"] or "not asked for yet"
        meaning, remedy = (cause["meaning"], cause["remedy"]) if cause["error_type"] else ("", "")
        cells = (f"{cause['images']:,}", name, cause["status"], cause["blame"] if meaning else "", meaning, remedy)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lost = {host["host"]: host["failed"] + host["exhausted"] for host in status["hosts"]}
    worst = [(host, count) for host, count in sorted(lost.items(), key=lambda item: -item[1]) if count][:10]
    if worst:
        lines += ["", "Most of what failed was at " + ", ".join(f"{host} ({count:,})" for host, count in worst) + "."]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(json.load(sys.stdin)))
