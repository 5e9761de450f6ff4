"""A file in, facts or the reason against it out: the full decode that finds damage inside.

Loads Pillow, libjpeg-turbo and LibRaw on bytes from strangers, so it runs in a worker process only (`worker`). Formats are
routed by the extension that `sniff` gave; no other decoder of Pillow is ever offered the file.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from asyncdl.imaging import jpegdecode
from asyncdl.imaging.sniff import Sniffed, sniff_file
from asyncdl.imaging.structure import check_structure, check_structure_bytes, dimensions, dimensions_bytes
from asyncdl.imaging.verdict import RAW_UNPROCESSED, Decoded, DecodeFailure

_JPEG = Sniffed("image", "jpg", "image/jpeg")
_RAW_EXTENSIONS = frozenset({"dng", "nef", "cr2", "cr3", "arw", "rw2", "orf", "pef", "raf", "srw", "crw", "x3f", "mrw"})
# Extension -> Pillow's name and the media type. A multi-picture JPEG (MPO) is opened as JPEG: its first picture counts.
_PILLOW_FORMATS: dict[str, tuple[str, str]] = {
    "jpg": ("JPEG", "image/jpeg"),
    "png": ("PNG", "image/png"),
    "gif": ("GIF", "image/gif"),
    "webp": ("WEBP", "image/webp"),
    "tif": ("TIFF", "image/tiff"),
    "bmp": ("BMP", "image/bmp"),
    "jp2": ("JPEG2000", "image/jp2"),
    "j2k": ("JPEG2000", "image/j2c"),
    "avif": ("AVIF", "image/avif"),
}
Image.MAX_IMAGE_PIXELS = None  # the bound is `max_pixels`, for every format alike
_TRUNCATION_WORDS = ("truncat", "unexpected end", "not enough", "premature", "incomplete", "eof")
_DETAIL_CHARACTERS = 300


def decode(path: Path, extension: str, max_pixels: int) -> Decoded | DecodeFailure:
    """Decode the whole file at `path`; every fault, even of memory, is a value.

    Errors: `damaged`, `truncated`, `empty_body`, `not_an_image`, `too_many_pixels`, `decode_crashed` (out of memory),
    `local_io` (this machine could not read the file). A container that is whole but of a kind no decoder here knows (a DNG
    with JPEG XL inside, HEIC) is a success with the flag `raw_unprocessed`: asking for it again would not help.
    """
    try:
        return _decode_jpeg(path, max_pixels) if extension == "jpg" else _decode_other(path, extension, max_pixels)
    except MemoryError:
        return DecodeFailure("decode_crashed", "out of memory")
    # The codecs raise anything: SyntaxError, struct.error, IndexError, their own. This is the border to them.
    except Exception as error:  # noqa: BLE001
        return DecodeFailure(_error_of(error), _detail(error))


def _decode_jpeg(path: Path, max_pixels: int) -> Decoded | DecodeFailure:
    body = path.read_bytes()
    if not body:
        return DecodeFailure("empty_body", "the file is empty")
    size = dimensions_bytes(body, _JPEG)
    if size is not None and size[0] * size[1] > max_pixels:
        return _too_many_pixels(*size)
    try:
        failure = jpegdecode.check_jpeg(body)
    except jpegdecode.Unsupported as error:
        return _decode_unusual_jpeg(path, body, str(error), max_pixels)
    if failure:
        return failure
    width, height = size or (None, None)
    return Decoded("jpg", "image/jpeg", width, height)


def _decode_unusual_jpeg(path: Path, body: bytes, complaint: str, max_pixels: int) -> Decoded | DecodeFailure:
    """Give Pillow's build of the library a try; what neither knows (12 bit, lossless) is kept if its container is whole."""
    error = check_structure_bytes(body, _JPEG)
    if error:
        return DecodeFailure(error, complaint)
    try:
        return _decode_with_pillow(path, "jpg", max_pixels)
    except OSError as refusal:
        if refusal.errno is not None:
            raise
        return _kept_unprocessed(_JPEG, dimensions_bytes(body, _JPEG))


def _decode_other(path: Path, extension: str, max_pixels: int) -> Decoded | DecodeFailure:
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        sniffed = sniff_file(file, size_bytes)
        # Decoders are lenient about cut containers, each in its own way.
        error = check_structure(file, size_bytes, sniffed)
        if error:
            return DecodeFailure(error, f"by its container ({sniffed.media_type}, {size_bytes} bytes)")
        size = dimensions(file, size_bytes, sniffed)
    if size is not None and size[0] * size[1] > max_pixels:
        return _too_many_pixels(*size)
    if extension in _RAW_EXTENSIONS:
        return _decode_raw(path, sniffed, size, max_pixels)
    if extension not in _PILLOW_FORMATS:
        return _kept_unprocessed(sniffed, size)
    if extension == "png":
        _verify_png(path)
    try:
        return _decode_with_pillow(path, extension, max_pixels)
    except UnidentifiedImageError:
        if extension == "tif":  # no word about a fault: some kinds of TIFF are simply unknown to Pillow
            return _kept_unprocessed(sniffed, size)
        raise


def _verify_png(path: Path) -> None:
    """Check the checksum of every chunk, which Pillow's decode does not."""
    with Image.open(path, formats=["PNG"]) as image:
        image.verify()


def _decode_with_pillow(path: Path, extension: str, max_pixels: int) -> Decoded | DecodeFailure:
    image_format, media_type = _PILLOW_FORMATS[extension]
    # Pillow warns of odd metadata, which is no verdict on the picture.
    with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[image_format]) as image:
        width, height = image.size
        if width * height > max_pixels:
            return _too_many_pixels(width, height)
        image.load()
    return Decoded(extension, media_type, width, height)


def _decode_raw(path: Path, sniffed: Sniffed, size: tuple[int, int] | None, max_pixels: int) -> Decoded | DecodeFailure:
    """Open and unpack the sensor data; developing it is another command's business."""
    import rawpy  # noqa: PLC0415  loads LibRaw and OpenMP, which most workers never need

    try:
        with rawpy.imread(str(path)) as raw:
            sizes = raw.sizes
            if sizes.raw_width * sizes.raw_height > max_pixels:
                return _too_many_pixels(sizes.raw_width, sizes.raw_height)
            raw.unpack()
            width, height = sizes.width, sizes.height
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError, rawpy.LibRawRequestForNonexistentImageError):
        return _kept_unprocessed(sniffed, size)
    except (rawpy.LibRawIOError, rawpy.LibRawDataError) as error:
        ended = isinstance(error, rawpy.LibRawIOError)
        return DecodeFailure("truncated" if ended else "damaged", _detail(error))
    except rawpy.LibRawUnsufficientMemoryError as error:
        raise MemoryError(_detail(error)) from error
    except rawpy.LibRawTooBigError as error:
        return DecodeFailure("too_many_pixels", _detail(error))
    return Decoded(sniffed.extension, sniffed.media_type, width, height, RAW_UNPROCESSED)


def _kept_unprocessed(sniffed: Sniffed, size: tuple[int, int] | None) -> Decoded:
    """What a whole container that no decoder here knows comes to: it is kept as it is."""
    width, height = size or (None, None)
    return Decoded(sniffed.extension, sniffed.media_type, width, height, RAW_UNPROCESSED)


def _too_many_pixels(width: int, height: int) -> DecodeFailure:
    return DecodeFailure("too_many_pixels", f"{width} x {height} pixels")


def _error_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:  # from this machine's file system; codecs set no number
        return "local_io"
    if isinstance(error, EOFError) or any(word in str(error).lower() for word in _TRUNCATION_WORDS):
        return "truncated"
    return "damaged"


def _detail(error: Exception) -> str:
    text = error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error)
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{type(error).__name__}: {words}"[:_DETAIL_CHARACTERS]
