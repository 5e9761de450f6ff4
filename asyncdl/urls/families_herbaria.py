"""Families of herbaria and botanic gardens: an institution's own ways of naming its photos.

One entry per family; `family.py` tells how to read one. Barcodes keep what follows them (`_1`, `_a`, `B`): another photo.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import EXT, PICTURE, UUID, Family, image, manifest, page, record, service

_EMU_COPY = re.compile(rf"\.(?:thumb|\d+x\d+)(?={PICTURE}$)")


def _jacq_number(text: str) -> str:
    """Images of a specimen are counted from 0, which may be left out."""
    return text.lstrip("0") or "0"


def _emu_name(text: str) -> str:
    """A file's name without what EMu adds for a smaller copy: `0123.thumb.jpg`, `0123.300x300.jpeg`."""
    while (shorter := _EMU_COPY.sub("", text)) != text:
        text = shorter
    return text


HERBARIA: tuple[Family, ...] = (
    Family(
        "BGBM",
        hosts="herbarium.bgbm.org image.bgbm.org iiif.bgbm.org",
        key="herbarium.bgbm.org/object/{id}",
        forms=(
            image(r"/images/internal/HerbarThumbs/<id:[^/]+?>(?:_<px:\d{3,5}>)?(?:\.jpg)?"),
            manifest(r"/data/iiif/<id>"),
            page(r"/object/<id>"),
        ),
        example="https://image.bgbm.org/images/internal/HerbarThumbs/B100190852_1700",
        source="Berlin's rows in GBIF: a manifest and a JPEG of 1700 px for each specimen",
    ),
    Family(
        "RBGE",
        hosts="iiif.rbge.org.uk data.rbge.org.uk",
        key="iiif.rbge.org.uk/herb/iiif/{id}",
        forms=(service(r"/herb/iiif/<id>"), page(r"/herb/<id>")),
        example="https://iiif.rbge.org.uk/herb/iiif/E00719041/full/300,/0/default.jpg",
        source="github.com/gbif/portal16 issue 1570; `_n` after the barcode is another photo",
    ),
    Family(
        "Meise",
        hosts="oxalis.br.fgov.be iiif-manifest.oxalis.br.fgov.be botanicalcollections.be",
        key="oxalis.br.fgov.be/specimen/{id}",
        forms=(
            image(rf"/images/BR\w?/(?:\w+/)+<id:BR[^/]+?>{EXT}", rank=1),
            page(r"/(?:\w\w/)?specimen/<id:BR[^/]+>"),
        ),
        example="https://oxalis.br.fgov.be/images/BR0/000/005/028/856/BR0000005028856.jpg",
        source="Meise's rows in GBIF: the barcode, split by three, is the folder; a letter after it is another photo",
    ),
    Family(
        "JACQ",
        hosts="services.jacq.org api.jacq.org jacq.org",
        key="jacq.org/image/{id}/{n}",
        forms=(
            page(r"(?:/jacq-services/rest|/v\d)/images/show/<id>(?:/<n:\d+>)?"),
            image(r"(?:/jacq-services/rest|/v\d)/images/<size:\w+>/<id>(?:/<n:\d+>)?"),
            page(r"/image\.php", "filename=<id> method=show"),
            image(r"/image\.php", "filename=<id> ?method=<size>"),
            manifest(r"(?:/jacq-services/rest|/v\d)/iiif/manifest/<id>"),
            record(r"/detail\.php", "ID=<id>", key="jacq.org/detail.php?ID={id}"),
        ),
        sizes="download=1 resource=2 -=2 europeana=3 thumb=7",
        clean={"n": _jacq_number},
        example="https://services.jacq.org/jacq-services/rest/images/europeana/563732?withredirect=1",
        source="https://api.jacq.org/docs: `europeana` has 1200 px, `thumb` 160; images of a specimen are counted from 0",
    ),
    Family(
        "MNHN Paris",
        hosts="mediaphoto.mnhn.fr imager.mnhn.fr",
        key="mediaphoto.mnhn.fr/media/{id}",
        forms=(image(r"/media/<id:\w+>"), image(r"/imager\d?/[wv]<px:\d+>/media/<id:\w+>")),
        example="https://mediaphoto.mnhn.fr/media/1441449379108hzR2EonguMoIMGVQ",
        source="identifiers of the museum and its specimen pages; the token's case counts, `imager` sends the photo by width",
    ),
    Family(
        "MNHN Paris, Sonnerat",
        hosts="sonneratphoto.mnhn.fr imager.mnhn.fr",
        key="sonneratphoto.mnhn.fr/{id}",
        forms=(image(r"/imager2/[wv]<px:\d+>/<id:\d{4}/.+>"), image(r"/<id:\d{4}/.+>")),
        example="http://sonneratphoto.mnhn.fr/2012/11/05/4/P06844472.jpg",
        source="the museum's older herbarium photos by day of upload, as its specimen pages link them",
    ),
    Family(
        "NYBG",
        hosts="sweetgum.nybg.org",
        key="sweetgum.nybg.org/images{set}/{id}/{name}",
        forms=(
            image(rf"/images<set:\d?>/<id:\d+/\d+>/<name:[^/]+\.thumb{PICTURE}>", rank=7),
            image(rf"/images<set:\d?>/<id:\d+/\d+>/<name:[^/]+\.\d+x\d+{PICTURE}>", rank=6),
            image(r"/images<set:\d?>/<id:\d+/\d+>/<name>", rank=1),
            record(
                r"/(?:science/)?vh/specimen(?:\.php|[-_]details(?:\.php)?)",
                "irn=<irn>",
                key="sweetgum.nybg.org/vh/specimen.php?irn={irn}",
            ),
        ),
        clean={"name": _emu_name},
        example="http://sweetgum.nybg.org/images3/3143/170/03554084.jpg",
        source="identifiers of the New York Botanical Garden; the folders are the photo's number in EMu",
    ),
    Family(
        "Harvard University Herbaria",
        hosts="data.huh.harvard.edu",
        key="data.huh.harvard.edu/{id}",
        forms=(image(rf"/(?:databases/)?<id:{UUID}>/image", rank=1), page(rf"/(?:databases/)?<id:{UUID}>")),
        clean={"id": str.lower},
        example="http://data.huh.harvard.edu/00007a2a-8077-4473-b043-84aca70b6465/image",
        source="identifier and references of the same rows in GBIF",
    ),
    Family(
        "University of Michigan",
        hosts="quod.lib.umich.edu *.quod.lib.umich.edu",
        key="quod.lib.umich.edu/cgi/i/image/api/image/{id}",
        forms=(service(r"/cgi/i/image/api/(?:image|tile)/<id>"), page(r"/cgi/i/image/api/embed/<id>")),
        example="https://quod.lib.umich.edu/cgi/i/image/api/image/herb00ic:1559372:MICH-V-1559372/full/res:0/0/native.jpg",
        source="rows of the herbarium in GBIF; IIIF 1 with `res:n`, each half of the one before; A, B, H_1 are other photos",
    ),
    Family(
        "Missouri Botanical Garden",
        hosts="images.mobot.org",
        key="images.mobot.org/tropicos/{id}",
        forms=(
            image(rf"/tropicos\w*thumbnails\w*/(?:[^/]+/)*<id:{UUID}>{EXT}", rank=7),
            image(rf"/tropicos\w*/thumbnails?/(?:[^/]+/)*<id:{UUID}>{EXT}", rank=7),
            image(rf"/tropicos\w*/(?:[^/]+/)*<id:{UUID}>{EXT}", rank=1),
        ),
        clean={"id": str.upper},
        example="http://images.mobot.org/tropicosimages3/detailimages/Tropicos/131/80B7E868-D17F-4A90-8B81-FFF0BDD114D1.jpg",
        source="identifiers published by the Missouri Botanical Garden",
    ),
    Family(
        "Tropicos",
        hosts="tropicos.org legacy.tropicos.org",
        key="tropicos.org/Image/{id}",
        forms=(
            image(r"/(?i:ImageDownload)\.aspx", "imageid=<id:\\d+>", rank=1),
            page(r"/(?i:image)/<id:\d+>"),
            page(r"/(?i:ImageFullView)\.aspx", "imageid=<id:\\d+>"),
            record(r"/(?i:<what:name|specimen>)/<id:\d+>", key="tropicos.org/{what}/{id}"),
        ),
        example="https://www.tropicos.org/ImageDownload.aspx?imageid=100123456",
        source="https://www.tropicos.org: numbers of images, which cannot be linked to the names of the files",
    ),
    Family(
        "JBRJ",
        hosts="imagens#.jbrj.gov.br imagens.jbrj.gov.br",
        key="imagens.jbrj.gov.br/fsi/server?type=image&source={id}",
        forms=(
            image(
                r"/fsi/server",
                "type=image source=<id:.+> rect=<rect>",
                rank=8,
                key="imagens.jbrj.gov.br/fsi/server?type=image&source={id}&rect={rect}",
            ),
            image(
                r"/fsi/server",
                "type=image source=<id:.+> left=<left>",
                rank=8,
                key="imagens.jbrj.gov.br/fsi/server?type=image&source={id}&left={left}",
            ),
            image(r"/fsi/server", "type=image source=<id:.+> ?width=<px> ?height=<px>"),
            page(r"/fsi/server", "source=<id:.+>"),
        ),
        example="http://imagens2.jbrj.gov.br/fsi/server?type=image&source=ian/SiBBR_Agosto_2016/IAN151635a.JPG",
        source="FSI Server manual (NeptuneLabs); numbered hosts are one server",
    ),
)
