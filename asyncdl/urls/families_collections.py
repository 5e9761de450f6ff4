"""Families of collection software: programs that many museums and herbaria run, recognised on any host by their paths.

One entry per family; `family.py` tells how to read one. They are tried after the families of the host itself.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import ANY_HOST, EXT, PICTURE, Family, image, record

_SIZE = "orig|lg|large|web|med|tn|thumb"
_NAME = rf"<name:(?![mM]anifest|info\.)[^/.][^/]*?>(?:_<size:{_SIZE}>)?{EXT}"
_STAMPED = rf"<name:[^/.][^/]*?_\d{{10}}>(?:_<size:{_SIZE}>)?{EXT}"
_ENDING = re.compile(rf"(?:_(?:{_SIZE})|{PICTURE})+$")
_SIZES = "orig lg|large -=3 web=4 med=5 tn|thumb=7"
_ORIGINALS = "orig|lg|large|- web=4 med=5 tn|thumb=7"
_SEINET = "(?:h_|storage/portals/)?seinet(?:/.+)?"
_HALVES = r"(?:<a:\w\w>/<b:\w\w>/(?=(?P=a)(?P=b)))?"


def _symbiota_name(text: str) -> str:
    return _ENDING.sub("", text) or text


COLLECTIONS: tuple[Family, ...] = (
    Family(
        "Symbiota, shared SEINet library",
        hosts=ANY_HOST,
        marker="imglib",
        key="swbiodiversity.org/imglib/{folder}/{name}",
        forms=(image(rf"/imglib/<folder:{_SEINET}>/{_NAME}"),),
        sizes=_SIZES,
        clean={"name": _symbiota_name},
        example="https://herbanwmex.net/imglib/seinet/mam/PH/PH00014/PH00014975_1666637167_web.jpg",
        source="github.com/Symbiota/Symbiota; the portals over SEINet show one image library under their own names",
    ),
    Family(
        "Symbiota, media server",
        hosts="media01.symbiota.org",
        key="swbiodiversity.org/imglib/{folder}/{name}",
        forms=(
            image(rf"/media/<folder:{_SEINET}>/{_NAME}"),
            image(rf"/media/<folder:.+>/{_NAME}", key="media01.symbiota.org/media/{folder}/{name}"),
        ),
        sizes=_SIZES,
        clean={"name": _symbiota_name},
        example="https://media01.symbiota.org/media/seinet/sernec/FSU/000094/000094340.jpg",
        source="rows of the portals over SEINet since their library moved there, folders unchanged",
    ),
    Family(
        "Symbiota",
        hosts=ANY_HOST,
        marker="imglib",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:.*/imglib(?:/.+)?>/{_NAME}"),),
        sizes=_SIZES,
        clean={"name": _symbiota_name},
        example="https://oregonflora.org/imglib/OSU_V/OSC-V-269/OSC-V-269340_med.jpg",
        source="github.com/Symbiota/Symbiota, ImageShared: `_lg` to 3168 px, the bare name or `_web` to 1600, `_tn` 200",
    ),
    Family(
        "Symbiota, media folders",
        hosts=ANY_HOST,
        marker="media",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:.*/media/.+>/{_STAMPED}"),),
        sizes=_SIZES,
        clean={"name": _symbiota_name},
        example="https://biorepo.neonscience.org/media/NEON_MAMC-VSS/00000/B00000164938-1_1748039100_lg.jpg",
        source="github.com/Symbiota/Symbiota 3: names end with the second of their upload",
    ),
    Family(
        "Symbiota, TORCH",
        hosts=ANY_HOST,
        marker="torch",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:.*/torch(?:/.+)?>/{_NAME}"),),
        sizes=_ORIGINALS,
        clean={"name": _symbiota_name},
        example="https://web.corral.tacc.utexas.edu/torch/BRIT/BRIT0452000/BRIT452101_med.jpg",
        source="multimedia.csv of BRIT: identifier, goodQualityAccessURI and thumbnailAccessURI of one row",
    ),
    Family(
        "Symbiota, target images",
        hosts=ANY_HOST,
        marker="target-images",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:.*/target-images(?:/.+)?>/{_NAME}"),),
        sizes=_ORIGINALS,
        clean={"name": _symbiota_name},
        example="https://monarch.calacademy.org/mnt/target-images/CASC_TYPE/00000/CASTYPE48_H_1677786406.jpg",
        source="github.com/CatalogueOfLife/backend issue 1428; `_H`, `_D`, `_L` are views, so other photos",
    ),
    Family(
        "Symbiota pages",
        hosts=ANY_HOST,
        marker="collections imagelib",
        key="{host}{portal}/collections/individual/index.php?occid={id}",
        forms=(
            record(r"<portal:.*>/collections/individual(?:/index\.php)?", "occid=<id>"),
            record(
                r"<portal:.*>/imagelib/imgdetails\.php",
                "imgid=<id>",
                key="{host}{portal}/imagelib/imgdetails.php?imgid={id}",
            ),
        ),
        example="https://portal.torcherbaria.org/portal/collections/individual/index.php?occid=24923936",
        source="github.com/Symbiota/Symbiota: a record, or a number that names no file, so it cannot be linked to one photo",
    ),
    Family(
        "Specify attachments",
        hosts=ANY_HOST,
        marker="fileget originals thumbnails",
        key="{host}{root}/static/{coll}/originals/{name}",
        forms=(
            image(r"<root:.*>/fileget", "coll=<coll> filename=<name> type=(?i:O)", rank=1),
            image(r"<root:.*>/fileget", "coll=<coll> filename=<name> scale=<px>"),
            image(r"<root:.*>/fileget", "coll=<coll> filename=<name> ?type=<size>"),
            image(rf"<root:.*>/static/<coll>/originals/{_HALVES}<name>", rank=1),
            image(
                rf"<root:.*>/static/<coll>/thumbnails/{_HALVES}<stem>_<px:\d+>\.<ending:\w+>",
                key="{host}{root}/static/{coll}/originals/{stem}.{ending}",
            ),
        ),
        sizes="o|- t=7",
        example="https://assets-swiss.specifycloud.org/fileget?coll=mhng&type=O&filename=sp65750557384930612362.att.JPG",
        source="github.com/specify/web-asset-server, and its fork with folders by the first letters; `_a` is another photo",
    ),
    Family(
        "Specify attachments, one collection",
        hosts=ANY_HOST,
        marker="fileget originals",
        key="{host}{root}/static/originals/{name}",
        forms=(
            image(r"<root:.*>/fileget", "filename=<name> type=(?i:O)", rank=1),
            image(r"<root:.*>/fileget", "filename=<name> scale=<px>"),
            image(r"<root:.*>/fileget", "filename=<name> ?type=<size>"),
            image(rf"<root:.*>/static/originals/{_HALVES}<name>", rank=1),
        ),
        sizes="o|- t=7",
        example="https://specify-att.isa.ulisboa.pt/static/originals/sp67499002176161458909.att.jpg",
        source="github.com/specify/web-asset-server where it serves one collection",
    ),
    Family(
        "CollectionSpace",
        hosts=ANY_HOST,
        marker="blobs",
        key="{host}{root}/blobs/{id}/content",
        forms=(
            image(r"<root:.*>/blobs/<id:[0-9a-f-]{8,}>/derivatives/<size:\w+>/content"),
            image(r"<root:.*>/blobs/<id:[0-9a-f-]{8,}>/content"),
        ),
        sizes="- originaljpeg fullhd=3 medium=5 small=6 thumbnail=7",
        example="https://webapps.cspace.berkeley.edu/ucjeps/imageserver/blobs/12345678-aaaa-4bbb-8ccc/derivatives/Medium/content",
        source="https://collectionspace.atlassian.net: blobs and their derivatives",
    ),
    Family(
        "EMu",
        hosts=ANY_HOST,
        marker="webmedia.php",
        key="{host}{path}?irn={id}",
        forms=(image(r"<path:.*/webmedia\.php>", r"irn=<id:\d+> ?thumb=<size> ?width=<px> ?height=<px>"),),
        sizes="-|no yes=7",
        example="https://collections.museum.example.org/emuweb/objects/common/webmedia.php?irn=123456&thumb=yes",
        source="EMu web objects (Axiell): the number of a photo in its catalogue, whatever it is asked for beside",
    ),
)
