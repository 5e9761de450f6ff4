"""Pictures: type by content, whether the container is whole, and a full decode in worker processes.

Sniffing, structure and page texts are pure functions of bytes. Only the worker process loads a decoder.
"""

from asyncdl.imaging.pages import text_page
from asyncdl.imaging.sniff import HEAD_BYTES, Sniffed, announces_page, sniff, sniff_file
from asyncdl.imaging.structure import check_structure, check_structure_bytes, dimensions, dimensions_bytes
from asyncdl.imaging.verdict import Decoded, DecodeFailure, DecodeLimits
from asyncdl.imaging.workers import DecodePool

__all__ = [
    "HEAD_BYTES",
    "DecodeFailure",
    "DecodeLimits",
    "DecodePool",
    "Decoded",
    "Sniffed",
    "announces_page",
    "check_structure",
    "check_structure_bytes",
    "dimensions",
    "dimensions_bytes",
    "sniff",
    "sniff_file",
    "text_page",
]
