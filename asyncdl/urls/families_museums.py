"""Families of museums and libraries: an institution's own ways of naming its photos.

One entry per family; `family.py` tells how to read one. Names keep what follows them (`_1`, `_a`, `_H`): another photo.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import EXT, PICTURE, UUID, Family, image, manifest, page, record, service

_SI_ENDING = re.compile(r"(?:_screen|_thumb|\.jpe?g|\.tiff?|\.png)+$", re.IGNORECASE)
_SI_ARK = re.compile(r"ark:/?65665/([a-z0-9-]{20,})", re.IGNORECASE)
_SI_MEDIA = r"ark:/?65665/[a-zA-Z0-9-]{20,40}|(?!\.|manifest|info\.json)[^/]+?"


def _smithsonian_id(text: str) -> str:
    """An ARK without dashes, or the file's name without `_screen`, `_thumb` and ending: both are ids of the same service."""
    if ark := _SI_ARK.fullmatch(text):
        return f"ark:/65665/{ark[1].replace('-', '').lower()}"
    return _SI_ENDING.sub("", text) or text


def _mcz_folder(text: str) -> str:
    """MCZ's identifiers are paths of files, with `/large/` or `/thumbs/` for the size."""
    folder = text.replace("%2F", "/")
    while (shorter := re.sub(r"(?<=/)(?:large|thumbs?)/$", "", folder)) != folder:
        folder = shorter
    return folder


MUSEUMS: tuple[Family, ...] = (
    Family(
        "Smithsonian",
        hosts="ids.si.edu n2t.net id.si.edu",
        key="ids.si.edu/ids/deliveryService/id/{id}",
        forms=(
            image(r"/<id:ark:/?65665/m3[0-9a-fA-F-]{32,36}>"),
            image(rf"/ids/deliveryService(?:/full)?/id/<id:{_SI_MEDIA}>(?:/<px:\d{{1,5}}>)?"),
            image(r"/ids/deliveryService", f"id=<id:{_SI_MEDIA}> ?max=<px> ?max_w=<px> ?max_h=<px>"),
            image(r"/ids/download", rf"id=<id:{_SI_MEDIA}>(?:_<size:screen|thumb>)?(?:{PICTURE})?"),
            page(r"/ids/(?:media_view|dynamic)", f"id=<id:{_SI_MEDIA}>"),
            manifest(rf"/ids/manifest/<id:{_SI_MEDIA}>"),
            service(rf"/ids/iiif/<id:{_SI_MEDIA}>"),
            record(r"/ark:/?65665/<id:[0-9a-zA-Z-]{20,40}>", key="n2t.net/ark:/65665/{id}"),
        ),
        sizes="- screen thumb=7",
        clean={"id": _smithsonian_id},
        example="http://n2t.net/ark:/65665/m3d9e26a6e-f500-46c6-b537-a3e143067c6e",
        source="Smithsonian Open Access records; `m3…` are media; an ARK and a file name of one photo cannot be linked by URL",
    ),
    Family(
        "Smithsonian NMNH",
        hosts="collections.nmnh.si.edu collections.mnh.si.edu",
        key="collections.nmnh.si.edu/media/?i={id}",
        forms=(image(r"/media(?:/index\.php)?", "i=<id> ?h=<px> ?w=<px>"),),
        example="https://collections.nmnh.si.edu/media/?i=7004834&h=2000",
        source="identifiers published by the National Museum of Natural History; without a size the whole picture",
    ),
    Family(
        "Naturalis",
        hosts="medialib.naturalis.nl",
        key="medialib.naturalis.nl/file/id/{id}",
        forms=(image(r"/file/id/<id>(?:/format/<size:\w+>)?"),),
        sizes="master|- large medium=5 small=6 thumbnail=7",
        example="https://medialib.naturalis.nl/file/id/RMNH.INS.867435_1/format/large",
        source="https://docs.biodiversitydata.nl; `_n` after the unit is another photo",
    ),
    Family(
        "Harvard Library",
        hosts="ids.lib.harvard.edu iiif.lib.harvard.edu nrs.lib.harvard.edu nrs.harvard.edu",
        key="ids.lib.harvard.edu/ids/iiif/{id}",
        forms=(
            image(r"/ids/view/<id:\d+>", r"x=<x:[1-9]\d*>", rank=8, key="ids.lib.harvard.edu/ids/view/{id}?x={x}"),
            image(r"/ids/view/(?:Xpano/)?<id:\d+>", "?width=<px> ?height=<px>"),
            service(r"/ids/iiif/<id:\d+>"),
            manifest(r"/manifests/(?:view/)?ids:<id:\d+>"),
            image(r"/(?i:urn-3):<urn:.+>", "?width=<px> ?height=<px>", key="nrs.harvard.edu/urn-3:{urn}"),
        ),
        sizes="-=2",
        example="https://ids.lib.harvard.edu/ids/view/1639647",
        source="Harvard Image Delivery Service: `view` is capped at 2400 px; a URN needs its redirect",
    ),
    Family(
        "MCZ",
        hosts="iiif.mcz.harvard.edu mczbase.mcz.harvard.edu",
        key="mczbase.mcz.harvard.edu/specimen_images/{folder}{name}",
        forms=(
            service(r"/iiif/(?:\d/)?<id:\d+>", key="iiif.mcz.harvard.edu/iiif/{id}"),
            service(r"/iiif/\d/<folder:.+?(?:/|%2F)><name:[^/%]+>"),
            image(r"/specimen_images/<folder:(?:.+?/)?><size:large|thumbs|thumb>/<name>"),
            image(r"/specimen_images/<folder:(?:.+/)?><name>"),
            page(r"/media/<id:\d+>", key="iiif.mcz.harvard.edu/iiif/{id}"),
            page(r"/(?:MediaSet|media)\.cfm", "media_id=<id:\\d+>", key="iiif.mcz.harvard.edu/iiif/{id}"),
            record(r"/guid/<guid>", key="mczbase.mcz.harvard.edu/guid/{guid}"),
        ),
        sizes="-|large thumbs|thumb=7",
        clean={"folder": _mcz_folder},
        open=True,
        example="https://mczbase.mcz.harvard.edu/specimen_images/entomology/paleo/large/PALE-1_Prodryas_persephone_holotype.jpg",
        source="github.com/MCZbase/MCZbase: the IIIF identifier is a media number or the file's path",
    ),
    Family(
        "Yale",
        hosts="images.collections.yale.edu",
        key="images.collections.yale.edu/iiif/{id}",
        forms=(service(r"/iiif/(?:\d/)?<id>"),),
        example="https://images.collections.yale.edu/iiif/2/ypm:e8f81173-9bf2-4ab7-bb6c-505530041338/full/full/0/default.jpg",
        source="rows of the Peabody Museum in GBIF: plain IIIF, the colon escaped or not",
    ),
    Family(
        "NHM London",
        hosts="data.nhm.ac.uk",
        key="data.nhm.ac.uk/media/{id}",
        forms=(
            image(rf"/media/<id:{UUID}>(?:/<size:\w+>)?"),
            record(rf"/object/<id:{UUID}>(?:/.*)?", key="data.nhm.ac.uk/object/{id}"),
        ),
        sizes="-|original preview=4 thumbnail=7",
        clean={"id": str.lower},
        example="https://data.nhm.ac.uk/media/a8387bd3-f58c-4fcc-9503-70c2182d7dc9/preview",
        source="https://data.nhm.ac.uk/about/download",
    ),
    Family(
        "NHM London, old media store",
        hosts="nhm.ac.uk",
        key="nhm.ac.uk/services/media-store/asset/{id}/contents",
        forms=(image(r"/services/media-store/asset/<id:[0-9a-f]{40}>/contents(?:/<size:\w+>)?"),),
        sizes="-|original preview=4 thumbnail=7",
        example="http://www.nhm.ac.uk/services/media-store/asset/3800800a8f96c507c253a87e6e338b20eaa6817e/contents/preview",
        source="test archive of github.com/gbif/dwca-io; its digest cannot be linked to the newer id",
    ),
    Family(
        "FinBIF",
        hosts="image.laji.fi",
        key="image.laji.fi/{id}",
        forms=(image(rf"/<id:MM\.\d+>/[^/]+?(?:_<size:thumb|square|large|full>)?{EXT}"),),
        sizes="-|full large=3 thumb=7 square=8",
        example="https://image.laji.fi/MM.50252/MX.26447_ERISMATURE_ROUX_D'AMERIQUE_male_Annesov_thumb.jpg",
        source="FinBIF API; one MM number, one photo",
    ),
    Family(
        "Norwegian university museums",
        hosts="unimus.no",
        key="unimus.no/felles/bilder/web_hent_bilde.php?id={id}",
        forms=(
            image(r"/felles/bilder/web_hent_bilde\.php", "id=<id:\\d+> ?type=<size>"),
            image(
                r"/felles/bilder/web_hent_bilde\.php",
                "filename=<id:.+> ?type=<size>",
                key="unimus.no/felles/bilder/web_hent_bilde.php?filename={id}",
            ),
        ),
        sizes="orig jpeg|jpg|- medium=4 small=6 thumb|thumbnail=7",
        example="http://www.unimus.no/felles/bilder/web_hent_bilde.php?id=13080366&type=jpeg",
        source="tests of github.com/gbif/gbif-common-ws and MUSIT's programs: one media number, `orig` or `jpeg`",
    ),
    Family(
        "Arctos",
        hosts="arctos.database.museum",
        key="arctos.database.museum/media/{id}",
        forms=(
            image(r"/media/<id:\d+>", "open", rank=1),
            page(r"/media/<id:\d+>"),
            page(r"/MediaDetail\.cfm", "media_id=<id:\\d+>"),
            record(r"/guid/<guid>", key="arctos.database.museum/guid/{guid}"),
            record(
                r"/MediaSearch\.cfm",
                "collection_object_id=<object:\\d+>",
                key="arctos.database.museum/MediaSearch.cfm?collection_object_id={object}",
            ),
        ),
        example="https://arctos.database.museum/media/10257311?open",
        source="github.com/ArctosDB/arctos issue 2436; a DNG and its JPEG have media numbers of their own",
    ),
    Family(
        "Arctos files at TACC",
        hosts="web.corral.tacc.utexas.edu",
        key="web.corral.tacc.utexas.edu{folder}/{id}",
        forms=(
            image(rf"<folder:/(?!torch/).+?>/(?:jpegs/|tb/)?<size:tn>_<id>{EXT}"),
            image(r"<folder:/(?!torch/).+?>/<id>\.<size:dng>"),
            image(rf"<folder:/(?!torch/).+?>/(?:jpegs/)?<id>{EXT}"),
        ),
        sizes="dng -=2 tn=7",
        clean={"id": lambda text: text.removeprefix("tn_") or text},
        open=True,
        example="http://web.corral.tacc.utexas.edu/UAF/2008_10_15/jpegs/tn_H1175660.jpg",
        source="github.com/ArctosDB/arctos: x.dng, jpegs/x.jpg and jpegs/tn_x.jpg are one photo",
    ),
    Family(
        "Auckland Museum",
        hosts="api.aucklandmuseum.com media.api.aucklandmuseum.com webapi.aucklandmuseum.com",
        key="api.aucklandmuseum.com/id/media/v/{id}",
        forms=(
            image(r"/id/media/v/<id:\d+>", "?rendering=<size>"),
            image(rf"/media/vernon/av/<id:\d+>/<size:\w+{EXT}>"),
        ),
        sizes="-|original.jpg standard.jpg=3 preview.jpg=4 thumbnail.jpg=7",
        example="http://api.aucklandmuseum.com/id/media/v/385349?rendering=original.jpg",
        source="github.com/gbif/portal-feedback issue 19",
    ),
    Family(
        "Kanagawa",
        hosts="nh.kanagawa-museum.jp",
        key="nh.kanagawa-museum.jp/kpmnh-collections/rest/media?cls={cls}&pkey={id}",
        forms=(image(r"/kpmnh-collections/rest/media(?:/<size:[A-Z]>)?", "cls=<cls> pkey=<id>"),),
        sizes="-|O L=2 M=4 S=5 T=7",
        example="https://nh.kanagawa-museum.jp/kpmnh-collections/rest/media/L?cls=media_attin&pkey=753428&c3022",
        source="github.com/CatalogueOfLife/backend issue 1464",
    ),
)
