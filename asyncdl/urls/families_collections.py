"""Families of museums, herbaria and libraries: an institution's own ways of naming its photos.

One entry per family; `family.py` tells how to read one. Barcodes keep what follows them (`_1`, `_a`, `B`): another photo.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import Family, image, manifest, page, service

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_EXT = r"\.\w{2,5}"
_SI_ENDING = re.compile(r"(?:_screen|_thumb|\.jpe?g|\.tiff?|\.png)+$", re.IGNORECASE)
_SI_ARK = re.compile(r"(?:id/)?ark:/?65665/(m3[0-9a-f-]{32,})", re.IGNORECASE)


def _smithsonian_id(text: str) -> str:
    """A media ARK without dashes, or the file's name without `_screen`, `_thumb` and ending: both are ids of the same service."""
    if ark := _SI_ARK.fullmatch(text):
        return f"ark:/65665/{ark[1].replace('-', '').lower()}"
    return _SI_ENDING.sub("", text) or text


def _one_path(text: str) -> str:
    """MCZ's identifiers are paths of files, with `/large/` or `/thumbs/` for the size."""
    return text.replace("%2F", "/")


COLLECTIONS: tuple[Family, ...] = (
    Family(
        "Smithsonian",
        hosts="ids.si.edu n2t.net id.si.edu",
        key="ids.si.edu/ids/deliveryService/id/{id}",
        forms=(
            image(r"/<id:ark:/?65665/m3[0-9a-fA-F-]{32,36}>"),
            image(r"/ids/deliveryService/id/<id:ark:/?65665/m3[0-9a-fA-F-]{32,36}>(?:/<px:\d+>)?"),
            image(r"/ids/deliveryService/id/<id>(?:/<px:\d+>)?"),
            image(r"/ids/(?:deliveryService|dynamic)", "id=<id> ?max=<px> ?max_w=<px> ?max_h=<px>"),
            image(r"/ids/download", r"id=<id>(?:_<size:screen|thumb>)?(?:\.\w{3,4})?"),
            page(r"/ids/media_view", "id=<id>"),
            manifest(r"/ids/manifest/<id:.+>"),
            service(r"/ids/iiif/<id:.+>"),
            page(r"/ark:/?65665/<id:3[0-9a-fA-F-]{32,36}>", key="n2t.net/ark:/65665/{id}"),
        ),
        sizes="- screen thumb=6",
        clean={"id": _smithsonian_id},
        example="http://n2t.net/ark:/65665/m3d9e26a6e-f500-46c6-b537-a3e143067c6e",
        source="Smithsonian Open Access records; an ARK and a file name of one photo cannot be linked by URL",
    ),
    Family(
        "Smithsonian NMNH",
        hosts="collections.nmnh.si.edu",
        key="collections.nmnh.si.edu/media/?i={id}",
        forms=(image(r"/media(?:/index\.php)?", "i=<id> ?h=<px> ?w=<px>"),),
        example="https://collections.nmnh.si.edu/media/?i=7004834&h=2000",
        source="identifiers published by the National Museum of Natural History",
    ),
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
        "Naturalis",
        hosts="medialib.naturalis.nl",
        key="medialib.naturalis.nl/file/id/{id}",
        forms=(image(r"/file/id/<id>(?:/format/<size:\w+>)?"),),
        sizes="master|- large medium=4 small=5 thumbnail=6",
        example="https://medialib.naturalis.nl/file/id/RMNH.INS.867435_1/format/large",
        source="https://docs.biodiversitydata.nl",
    ),
    Family(
        "Meise",
        hosts="oxalis.br.fgov.be iiif-manifest.oxalis.br.fgov.be botanicalcollections.be",
        key="oxalis.br.fgov.be/specimen/{id}",
        forms=(
            image(rf"/images/BR\w?/(?:\w+/)+<id:BR[^/]+?>{_EXT}", rank=1),
            page(r"/(?:\w\w/)?specimen/<id:BR[^/]+>"),
        ),
        example="https://oxalis.br.fgov.be/images/BR0/000/005/028/856/BR0000005028856.jpg",
        source="Meise's rows in GBIF: the barcode, split by three, is the folder",
    ),
    Family(
        "Harvard University Herbaria",
        hosts="data.huh.harvard.edu",
        key="data.huh.harvard.edu/{id}",
        forms=(image(rf"/(?:databases/)?<id:{_UUID}>/image", rank=1), page(rf"/<id:{_UUID}>")),
        example="http://data.huh.harvard.edu/00007a2a-8077-4473-b043-84aca70b6465/image",
        source="identifier and references of the same rows in GBIF",
    ),
    Family(
        "Harvard Library",
        hosts="ids.lib.harvard.edu iiif.lib.harvard.edu nrs.lib.harvard.edu nrs.harvard.edu",
        key="ids.lib.harvard.edu/ids/iiif/{id}",
        forms=(
            image(r"/ids/view/(?:Xpano/)?<id:\d+>", "?width=<px> ?height=<px>", rank=2),
            service(r"/ids/iiif/<id:\d+>"),
            manifest(r"/manifests/(?:view/)?ids:<id:\d+>"),
            image(r"/urn-3:<urn:.+>", rank=2, key="nrs.harvard.edu/urn-3:{urn}"),
        ),
        example="https://ids.lib.harvard.edu/ids/view/1639647",
        source="Harvard Image Delivery Service: `view` is capped at 2400 px; a URN needs its redirect",
    ),
    Family(
        "MCZ",
        hosts="iiif.mcz.harvard.edu mczbase.mcz.harvard.edu",
        key="mczbase.mcz.harvard.edu/specimen_images/{id}",
        forms=(
            service(r"/iiif/\d/<id:\d+>", key="iiif.mcz.harvard.edu/iiif/{id}"),
            service(r"/iiif/\d/<folder:.+?(?:/|%2F)><name:[^/%]+>", key="mczbase.mcz.harvard.edu/specimen_images/{folder}{name}"),
            image(
                r"/specimen_images/<folder:.+?/><size:large|thumbs|thumb>/<name>",
                key="mczbase.mcz.harvard.edu/specimen_images/{folder}{name}",
            ),
            image(r"/specimen_images/<folder:.+/><name>", key="mczbase.mcz.harvard.edu/specimen_images/{folder}{name}"),
        ),
        sizes="-|large thumbs|thumb=6",
        clean={"folder": lambda text: re.sub(r"(?<=/)(?:large|thumbs?)/$", "", _one_path(text))},
        example="https://mczbase.mcz.harvard.edu/specimen_images/entomology/paleo/large/PALE-1_Prodryas_persephone_holotype.jpg",
        source="github.com/MCZbase/MCZbase: the IIIF identifier is a media number or the file's path",
    ),
    Family(
        "NHM London",
        hosts="data.nhm.ac.uk",
        key="data.nhm.ac.uk/media/{id}",
        forms=(image(rf"/media/<id:{_UUID}>(?:/<size:\w+>)?"),),
        sizes="-|original preview=4 thumbnail=6",
        clean={"id": str.lower},
        example="https://data.nhm.ac.uk/media/a8387bd3-f58c-4fcc-9503-70c2182d7dc9/preview",
        source="https://data.nhm.ac.uk/about/download",
    ),
    Family(
        "NHM London, old media store",
        hosts="nhm.ac.uk",
        key="nhm.ac.uk/services/media-store/asset/{id}/contents",
        forms=(image(r"/services/media-store/asset/<id:[0-9a-f]{40}>/contents(?:/<size:\w+>)?"),),
        sizes="-|original preview=4 thumbnail=6",
        example="http://www.nhm.ac.uk/services/media-store/asset/3800800a8f96c507c253a87e6e338b20eaa6817e/contents/preview",
        source="test archive of github.com/gbif/dwca-io; its digest cannot be linked to the newer id",
    ),
    Family(
        "FinBIF",
        hosts="image.laji.fi",
        key="image.laji.fi/{id}",
        forms=(image(rf"/<id:MM\.\d+>/[^/]+?(?:_<size:thumb|square|large|full>)?{_EXT}"),),
        sizes="-|full large=3 thumb=6 square=7",
        example="https://image.laji.fi/MM.50252/MX.26447_ERISMATURE_ROUX_D'AMERIQUE_male_Annesov_thumb.jpg",
        source="FinBIF API; one MM number, one photo",
    ),
    Family(
        "CyVerse BisQue",
        hosts="bisque.cyverse.org",
        key="bisque.cyverse.org/image_service/image/{id}",
        forms=(
            image(
                r"/image_service/(?:image/)?<id:00-\w+>(?:/resize:<px:\d+[^/]*>)?(?:/(?!resize)[^/]*)*",
                "?resize=<px> ?thumbnail=<px>",
            ),
            page(r"/client_service/view", "resource=<resource>", key="bisque.cyverse.org/client_service/view?resource={resource}"),
        ),
        example="https://bisque.cyverse.org/image_service/image/00-ie3faMpL5fmZZGmW6dfyyf?resize=1250&format=jpeg",
        source="github.com/bio-guoda/preston-brit-2022; without a size the original, which may be a DNG",
    ),
    Family(
        "Arctos files at TACC",
        hosts="web.corral.tacc.utexas.edu",
        key="web.corral.tacc.utexas.edu{folder}/{id}",
        forms=(
            image(rf"<folder:/(?!torch/).+?>/(?:jpegs/|tb/)?<size:tn>_<id>{_EXT}"),
            image(r"<folder:/(?!torch/).+?>/<id>\.<size:dng>"),
            image(rf"<folder:/(?!torch/).+?>/(?:jpegs/)?<id>{_EXT}"),
        ),
        sizes="dng -=2 tn=6",
        example="http://web.corral.tacc.utexas.edu/UAF/2008_10_15/jpegs/tn_H1175660.jpg",
        source="github.com/ArctosDB/arctos: x.dng, jpegs/x.jpg and jpegs/tn_x.jpg are one photo",
    ),
    Family(
        "Auckland Museum",
        hosts="api.aucklandmuseum.com webapi.aucklandmuseum.com",
        key="api.aucklandmuseum.com/id/media/v/{id}",
        forms=(
            image(r"/id/media/v/<id:\d+>", "?rendering=<size>"),
            image(rf"/media/vernon/av/<id:\d+>/<size:\w+{_EXT}>"),
        ),
        sizes="-|original.jpg standard.jpg=3 preview.jpg=4 thumbnail.jpg=6",
        example="http://api.aucklandmuseum.com/id/media/v/385349?rendering=original.jpg",
        source="github.com/gbif/portal-feedback issue 19",
    ),
    Family(
        "JBRJ",
        hosts="imagens#.jbrj.gov.br imagens.jbrj.gov.br",
        key="imagens.jbrj.gov.br/fsi/server?source={id}",
        forms=(
            image(r"/fsi/server", "type=image source=<id> ?width=<px> ?height=<px>"),
            page(r"/fsi/server", "source=<id>"),
        ),
        example="http://imagens2.jbrj.gov.br/fsi/server?type=image&source=ian/SiBBR_Agosto_2016/IAN151635a.JPG",
        source="FSI Server manual (NeptuneLabs); numbered hosts are one server",
    ),
    Family(
        "AntWeb",
        hosts="antweb.org *.antweb.org static.antweb.org",
        key="antweb.org/images/{id}",
        forms=(image(rf"/images/\w+/<id:\w+_[a-z]+_\d+>_<size:high|med|low|thumbview>{_EXT}"),),
        sizes="high med=3 low=5 thumbview=6",
        example="https://www.antweb.org/images/casent0005904/casent0005904_p_1_high.jpg",
        source="AntWeb's image names: specimen, shot, number, size",
    ),
    Family(
        "Tropicos",
        hosts="images.mobot.org",
        key="images.mobot.org/tropicos/{id}",
        forms=(
            image(rf"/tropicos\w*thumbnails\w*/(?:[^/]+/)*<id:{_UUID}>{_EXT}", rank=6),
            image(rf"/tropicos\w*/thumbnails?/(?:[^/]+/)*<id:{_UUID}>{_EXT}", rank=6),
            image(rf"/tropicos\w*/(?:[^/]+/)*<id:{_UUID}>{_EXT}", rank=1),
        ),
        clean={"id": str.upper},
        example="http://images.mobot.org/tropicosimages3/detailimages/Tropicos/131/80B7E868-D17F-4A90-8B81-FFF0BDD114D1.jpg",
        source="identifiers published by the Missouri Botanical Garden",
    ),
    Family(
        "BOLD",
        hosts="caos.boldsystems.org",
        key="caos.boldsystems.org/api/objects/{id}",
        forms=(image(r"/api/objects/<id>", "?subunit=<px>"),),
        example="https://caos.boldsystems.org/api/objects/caos-cloud.linode-us-east.13_191.8f600dd7-68cb-4ca7-b283-304c38846fed.jpg?subunit=1024.jpg",
        source="identifiers published by BOLD Systems",
    ),
    Family(
        "DOF",
        hosts="dofbasen.dk",
        key="dofbasen.dk/image_proxy.php?pic={id}",
        forms=(image(r"/image_proxy\.php", "pic=<id> ?mode=<size>"),),
        sizes="o -=2",
        example="https://dofbasen.dk/image_proxy.php?mode=o&pic=12592079_1.jpg",
        source="github.com/gbif/portal-feedback issue 1209",
    ),
    Family(
        "Kanagawa",
        hosts="nh.kanagawa-museum.jp",
        key="nh.kanagawa-museum.jp/kpmnh-collections/rest/media?cls={cls}&pkey={id}",
        forms=(image(r"/kpmnh-collections/rest/media(?:/<size:[A-Z]>)?", "cls=<cls> pkey=<id>"),),
        sizes="-|O L=2 M=4 S=5 T=6",
        example="https://nh.kanagawa-museum.jp/kpmnh-collections/rest/media/L?cls=media_attin&pkey=753428&c3022",
        source="github.com/CatalogueOfLife/backend issue 1464",
    ),
)
