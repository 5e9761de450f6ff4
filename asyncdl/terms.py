"""Names of terms as people and archives write them. Pure."""

from __future__ import annotations


def local_name(term: str) -> str:
    """The last part of a term or heading in lower case: `http://purl.org/dc/terms/identifier`, `dcterms:identifier`, `Identifier`."""
    name = term.strip().strip('"').rstrip("/").lower()
    return name.rpartition("/")[2].rpartition("#")[2].rpartition(":")[2] if "/" in name or ":" in name or "#" in name else name
