"""Several URLs in one cell: `associatedMedia` and fields that publishers filled with lists."""

from __future__ import annotations

import re

# A URL may contain commas, bars, semicolons and even blanks; so a separator is one that stands free or before a new URL.
_START = r"(?=[\"'<]?(?:https?://|www\.))"
_SEPARATOR = re.compile(rf"[\r\n\t]+|\s+[|;,]\s+|[\"'>]?\s*[|;,]+\s*{_START}|\s+{_START}", re.IGNORECASE)
_LONG_RUN = re.compile(r"([\s|;,])[\s|;,]{15,}")  # else the separator would take time that grows with its square
_AROUND = " \t\r\n\"'<>|;,"


def split_urls(cell: str) -> list[str]:
    """The URLs of a cell in their order, without repeats: parted by `|`, `;`, `,`, blanks or lines, or a JSON list.

    What holds no separator comes back as it is, a URL or not.
    """
    cell = _LONG_RUN.sub(r"\1 ", cell.strip(_AROUND))
    if cell.startswith("[") and cell.endswith("]") and not cell.startswith("[::"):
        cell = cell[1:-1]
    parts = (part.strip(_AROUND) for part in _SEPARATOR.split(cell))
    return list(dict.fromkeys(part for part in parts if part))
