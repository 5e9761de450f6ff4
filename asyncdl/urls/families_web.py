"""Families of the web at large: photo sites, file stores and archives that museums and people publish through.

One entry per family; `family.py` tells how to read one.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import EXT, Family, image, page, record, service

_BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_FILE_PATH = "(?i:Special:(?:FilePath|Redirect/file))"
_BRANCH = "(?:refs/heads/)*"
_HASHED = "[0-9a-f]/[0-9a-f]{2}"
_LATER_PAGE = r"(?:[\w-]+-)?page<n:[2-9]|[1-9]\d+>-<px:\d+>px-.*"  # of a document or a many-paged TIFF: another picture
_THUMBNAIL = r"(?:[\w-]+-)?<px:\d+>px-.*"
# Only what scales and encodes, spelt out: `q_robur` is a folder, `c_crop` another picture, `pg_2` another page.
_SCALING = (
    r"(?:w|h)_\d+|c_(?:scale|fit|limit|fill|lfill|pad|lpad|mfit|thumb)|q_(?:auto(?::\w+)?|\d+)|f_(?:auto|jpe?g|png|webp|avif)"
    r"|dpr_(?:auto|\d\.\d)|ar_\d+[:.]\d+|g_(?:auto|center|faces?)"
)
_SCALINGS = f"(?:{_SCALING})(?:,(?:{_SCALING}))*/"


def _flickr_id(text: str) -> str:
    """The id of a photo from its short link (flic.kr/p/…), which writes it in base 58."""
    number = 0
    for char in text:
        number = number * 58 + _BASE58.index(char)
    return str(number)


def wiki_name(text: str) -> str:
    """A file's name as MediaWiki compares it: `_` for blanks, the first letter upper-case."""
    name = re.sub(r"(?:_|%20)+", "_", text).strip("_") or text
    return name[:1].upper() + name[1:]


WEB: tuple[Family, ...] = (
    Family(
        "Flickr",
        hosts="live.staticflickr.com farm#.staticflickr.com c#.staticflickr.com farm#.static.flickr.com static.flickr.com "
        "flickr.com m.flickr.com flic.kr",
        key="flickr.com/photo/{id}",
        forms=(
            image(rf"(?:/\d+)?/\d+/<id:\d+>_[0-9a-f]+(?:_<size:[a-z0-9]+>)?(?:_d)?{EXT}"),
            page(r"/photos/[^/]+/<id:\d+>(?:/.*)?"),
            page(r"/(?:photo|photo_zoom)\.gne", "id=<id:\\d+>"),
            page(r"/p/<short:[1-9A-HJ-NP-Za-km-z]{1,11}>", key="flickr.com/photo/{short}"),
            record(r"/photos/<album:.+>", key="flickr.com/photos/{album}"),
        ),
        sizes="o 6k|5k|4k|3k|k|h=2 b=3 c|z=4 -|w=5 n|m=6 t=7 q|s=8",
        clean={"short": _flickr_id},
        example="https://live.staticflickr.com/65535/53552071545_41638ff622_b.jpg",
        source="https://www.flickr.com/services/api/misc.urls.html; the original has its own secret, so only the id counts",
    ),
    Family(
        "Wikimedia Commons",
        hosts="upload.wikimedia.org thumb.wikimedia.org commons.wikimedia.org commons.m.wikimedia.org",
        key="commons.wikimedia.org/wiki/File:{name}",
        forms=(
            image(
                rf"/wikipedia/commons/thumb/{_HASHED}/<name>/{_LATER_PAGE}", key="commons.wikimedia.org/wiki/File:{name}?page={n}"
            ),
            image(rf"/wikipedia/commons/thumb/{_HASHED}/<name>/{_THUMBNAIL}"),
            image(rf"/wikipedia/commons/{_HASHED}/<name>"),
            image(rf"/wiki/{_FILE_PATH}/<name>", "?width=<px>"),
            image(r"/w/index\.php", f"title={_FILE_PATH}/<name> ?width=<px>"),
            image(r"/w/thumb\.php", "f=<name> ?width=<px> ?w=<px>"),
            page(
                r"/wiki/(?i:File|Image):<name>", "page=<n:[2-9]|[1-9]\\d+>", key="commons.wikimedia.org/wiki/File:{name}?page={n}"
            ),
            page(r"/wiki/(?i:File|Image):<name>"),
            page(r"/w/index\.php", "title=(?i:File|Image):<name>"),
        ),
        clean={"name": wiki_name},
        example="https://upload.wikimedia.org/wikipedia/commons/9/9b/House_sparrow_male_in_Prospect_Park_%2853532%29.jpg",
        source="https://www.mediawiki.org/wiki/Manual:$wgHashedUploadDirectory, Special:FilePath",
    ),
    Family(
        "Wikipedia, local files",
        hosts="upload.wikimedia.org thumb.wikimedia.org",
        key="{wiki}.wikipedia.org/wiki/File:{name}",
        forms=(
            image(
                rf"/wikipedia/<wiki:[a-z-]+>/thumb/{_HASHED}/<name>/{_LATER_PAGE}",
                key="{wiki}.wikipedia.org/wiki/File:{name}?page={n}",
            ),
            image(rf"/wikipedia/<wiki:[a-z-]+>/thumb/{_HASHED}/<name>/{_THUMBNAIL}"),
            image(rf"/wikipedia/<wiki:[a-z-]+>/{_HASHED}/<name>"),
        ),
        clean={"name": wiki_name},
        example="https://upload.wikimedia.org/wikipedia/en/4/44/Pandanus_fruit.jpg",
        source="https://www.mediawiki.org/wiki/Manual:$wgHashedUploadDirectory; names that Commons may use for another photo",
    ),
    Family(
        "Google Drive",
        hosts="drive.google.com docs.google.com drive.usercontent.google.com lh#.googleusercontent.com",
        key="drive.google.com/file/d/{id}",
        forms=(
            image(r"(?:/a/[^/]+)?(?:/u/\d+)?/(?:uc|download|thumbnail)", "id=<id> ?sz=<px>"),
            image(r"/d/<id:[\w-]+>(?:=\w<px:\d+>.*)?"),
            page(r"(?:/a/[^/]+)?(?:/u/\d+)?/file(?:/u/\d+)?/d/<id>(?:/\w+)?"),
            page(r"(?:/a/[^/]+)?(?:/u/\d+)?/open", "id=<id>"),
        ),
        example="https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUv/view?usp=sharing",
        source="published as identifiers although they are viewers",
    ),
    Family(
        "Dropbox",
        hosts="dropbox.com",
        key="dropbox.com/{id}",
        forms=(
            image(r"/<id:(?:s|sh|scl/fi)/\w+/.+>", "dl=1", rank=1),
            image(r"/<id:(?:s|sh|scl/fi)/\w+/.+>", "raw=1", rank=1),
            page(r"/<id:(?:s|sh|scl/fi)/\w+/.+>"),
        ),
        open=True,
        example="https://www.dropbox.com/s/abcdef123456789/IMG_0001.jpg?dl=1",
        source="https://help.dropbox.com/share/force-download: without `dl=1` or `raw=1` a viewer",
    ),
    Family(
        "Dropbox, direct",
        hosts="dl.dropboxusercontent.com dl.dropbox.com",
        key="dropbox.com/{id}",
        forms=(image(r"/<id:(?:s|sh|scl/fi)/\w+/.+>", rank=1),),
        open=True,
        example="https://dl.dropboxusercontent.com/s/abcdef123456789/IMG_0001.jpg",
        source="https://help.dropbox.com/share/force-download",
    ),
    Family(
        "Zenodo",
        hosts="zenodo.org sandbox.zenodo.org",
        key="{host}/records/{id}/files/{name}",
        forms=(
            image(r"(?:/api)?/records?/<id:\d+>/files/<name>(?:/content)?", rank=1),
            service(r"/api/iiif/(?:v\d/)?record:<id:\d+>:<name>"),
            page(r"/records?/<id:\d+>/preview/<name>"),
            record(r"(?:/api)?/records?/<id:\d+>", key="{host}/records/{id}"),
        ),
        example="https://zenodo.org/records/5905165/files/figure.png?download=1",
        source="https://developers.zenodo.org and its IIIF service",
    ),
    Family(
        "Figshare",
        hosts="figshare.com *.figshare.com",
        key="figshare.com/ndownloader/files/{id}",
        forms=(
            image(r"(?:/ndownloader)?/files/<id:\d+>(?:/[^/]+)?", rank=1),
            image(r"(?:/ndownloader)?/files/<id:\d+>/preview/.*", rank=4),
            image(r"/v2/file/download/<id:\d+>", rank=1),
            record(r"/articles/(?:[^/]+/)*?<article:\d+>(?:/\d+)?", key="figshare.com/articles/{article}"),
        ),
        example="https://ndownloader.figshare.com/files/1234567",
        source="https://docs.figshare.com: one file number on every host",
    ),
    Family(
        "Dryad",
        hosts="datadryad.org",
        key="datadryad.org/downloads/file_stream/{id}",
        forms=(image(r"/(?:stash/)?downloads/file_stream/<id:\d+>", rank=1), image(r"/api/v2/files/<id:\d+>/download", rank=1)),
        example="https://datadryad.org/stash/downloads/file_stream/123456",
        source="https://datadryad.org/api: one file number",
    ),
    Family(
        "OSF",
        hosts="osf.io",
        key="osf.io/{id}",
        forms=(
            image(r"/download/<id:[0-9a-z]{5}>", rank=1),
            image(r"/<id:[0-9a-z]{5}>/download", rank=1),
            page(r"/<id:[0-9a-z]{5}>"),
        ),
        example="https://osf.io/ab3de/download",
        source="https://help.osf.io: five letters name a file; without `download` its page",
    ),
    Family(
        "Internet Archive",
        hosts="archive.org *.archive.org",
        key="archive.org/download/{item}/{name}",
        forms=(
            image(r"/download/<item>/<name:.+>", rank=1),
            image(r"/(?:serve|cors|stream)/<item>/<name:.+>", rank=2),
            image(r"/\d+/items/<item>/<name:.+>", rank=2),
            image(
                r"/BookReader/BookReaderImages\.php",
                r"zip=/\d+/items/<item>/<zip> file=<name:[^/.][^/]*/[^/.][^/]*> ?scale=<size>",
                key="archive.org/download/{item}/{zip}/{name}",
            ),
            service(r"/(?:image/)?iiif/(?:\d/)?<page:[^/]+\$\d+>", key="iiif.archive.org/iiif/{page}"),
            page(r"/details/<item>/<name:.+>"),
            image(r"/services/img/<item>", rank=7, key="archive.org/details/{item}"),
            record(r"/details/<item>", key="archive.org/details/{item}"),
        ),
        sizes="-=2 1=2 2=3 3|4=4 8=5 16=6",
        open=True,
        example="https://ia800203.us.archive.org/12/items/item/page.jpg",
        source="https://archive.org/developers: data nodes change, /download/ redirects to the present one",
    ),
    Family(
        "GitHub",
        hosts="github.com",
        key="github.com/{owner}/{name}/raw/{path}",
        forms=(
            image(rf"/<owner>/<name>/raw/{_BRANCH}<path:.+/.+>", rank=1),
            image(rf"/<owner>/<name>/blob/{_BRANCH}<path:.+/.+>", "raw=true", rank=1),
            page(rf"/<owner>/<name>/blob/{_BRANCH}<path:.+/.+>"),
        ),
        open=True,
        example="https://github.com/museum/herbarium/raw/main/img/E1.jpg",
        source="https://docs.github.com/repositories/working-with-files",
    ),
    Family(
        "GitHub, raw",
        hosts="raw.githubusercontent.com",
        key="github.com/{owner}/{name}/raw/{path}",
        forms=(image(rf"/<owner>/<name>/{_BRANCH}<path:.+/.+>", rank=1),),
        open=True,
        example="https://raw.githubusercontent.com/museum/herbarium/main/img/E1.jpg",
        source="https://docs.github.com/repositories/working-with-files",
    ),
    Family(
        "Cloudinary",
        hosts="res.cloudinary.com",
        key="res.cloudinary.com/{cloud}/image/upload/{id}",
        forms=(
            image(rf"/<cloud>/image/upload/(?:v\d+/)*{_SCALINGS}(?:{_SCALINGS}|v\d+/)*<id:.+>", rank=4),
            image(r"/<cloud>/image/upload/(?:v\d+/)*<id:.+>", rank=1),
        ),
        open=True,
        example="https://res.cloudinary.com/museum/image/upload/w_300,h_200,c_fill/v1600000000/herbarium/E123.jpg",
        source="https://cloudinary.com/documentation/image_transformations: sizes and looks only; crops and pages stay apart",
    ),
)
