"""Families of platforms and aggregators: places where many people or institutions publish.

One entry per family; `family.py` tells how to read one.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import Family, image, manifest, page, service

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_EXT = r"\.\w{2,5}"
_BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def _flickr_id(text: str) -> str:
    """The id of a photo from its short link (flic.kr/p/…), which writes it in base 58."""
    number = 0
    for char in text:
        number = number * 58 + _BASE58.index(char)
    return str(number)


def _commons_name(text: str) -> str:
    """A file's name as MediaWiki compares it: `_` for blanks, the first letter upper-case."""
    name = re.sub(r"(?:_|%20)+", "_", text).strip("_") or text
    return name[:1].upper() + name[1:]


PLATFORMS: tuple[Family, ...] = (
    Family(
        "iNaturalist",
        hosts="static.inaturalist.org inaturalist-open-data.s3.amazonaws.com inaturalist.org *.inaturalist.org",
        key="inaturalist.org/photos/{id}",
        forms=(
            image(rf"/photos/<id:\d+>/<size:\w+>{_EXT}"),
            page(r"/photos/<id:\d+>"),
            page(r"/observations/<n:\d+>", key="inaturalist.org/observations/{n}"),
        ),
        sizes="original large medium small thumb square",
        example="https://inaturalist-open-data.s3.amazonaws.com/photos/2735077/large.jpg",
        source="README of github.com/inaturalist/inaturalist-open-data; extension and host do not matter",
    ),
    Family(
        "Pl@ntNet",
        hosts="bs.plantnet.org",
        key="bs.plantnet.org/image/{id}",
        forms=(image(r"(?:/v\d+)?/image/<size:[a-z]>/<id:[0-9a-f]{40}>"),),
        sizes="o m s=5",
        example="https://bs.plantnet.org/image/m/285c8b2fdc87e93d4e6411e690b50283257540c3",
        source="answers of the Pl@ntNet API",
    ),
    Family(
        "Flickr",
        hosts="live.staticflickr.com farm#.staticflickr.com c#.staticflickr.com farm#.static.flickr.com static.flickr.com "
        "flickr.com m.flickr.com flic.kr",
        key="flickr.com/photo/{id}",
        forms=(
            image(rf"(?:/\d+)?/\d+/<id:\d+>_[0-9a-f]+(?:_<size:[a-z0-9]+>)?(?:_d)?{_EXT}"),
            page(r"/photos/[^/]+/<id:\d+>(?:/.*)?"),
            page(r"/p/<short:[1-9A-HJ-NP-Za-km-z]{1,11}>", key="flickr.com/photo/{short}"),
            page(r"/photos/<album:.+>", key="flickr.com/photos/{album}"),
        ),
        sizes="o=1 6k|5k|4k|3k=2 k|h=2 b=3 c|z=4 -|w=5 n=5 m=5 t=6 q|s=7",
        clean={"short": _flickr_id},
        example="https://live.staticflickr.com/65535/53552071545_41638ff622_b.jpg",
        source="https://www.flickr.com/services/api/misc.urls.html; the original has its own secret, so only the id counts",
    ),
    Family(
        "Wikimedia Commons",
        hosts="upload.wikimedia.org thumb.wikimedia.org commons.wikimedia.org commons.m.wikimedia.org",
        key="commons.wikimedia.org/wiki/File:{name}",
        forms=(
            image(r"/wikipedia/commons/thumb/[0-9a-f]/[0-9a-f]{2}/<name>/(?:[\w-]+-)?<px:\d+>px-.*"),
            image(r"/wikipedia/commons/[0-9a-f]/[0-9a-f]{2}/<name>"),
            image(r"/wiki/Special:(?:FilePath|Redirect/file)/<name>", "?width=<px>"),
            image(r"/w/thumb\.php", "f=<name> ?width=<px>"),
            page(r"/wiki/(?:File|Image):<name>"),
        ),
        clean={"name": _commons_name},
        example="https://upload.wikimedia.org/wikipedia/commons/9/9b/House_sparrow_male_in_Prospect_Park_%2853532%29.jpg",
        source="https://www.mediawiki.org/wiki/Manual:$wgHashedUploadDirectory, Special:FilePath",
    ),
    Family(
        "Living Atlases",
        hosts="images.ala.org.au images.nbnatlas.org",
        key="{host}/image/{id}",
        forms=(
            image(r"/image/proxyImage<size:\w*>", "imageId=<id>"),
            image(rf"/(?:store|image)/(?:\w/){{4}}<id:{_UUID}>/<size:\w+>"),
            image(rf"/image/<id:{_UUID}>/<size:\w+>"),
            page(rf"/image/<id:{_UUID}>"),
            page(r"/image/(?:details|viewer|view)", "imageId=<id>"),
        ),
        sizes="original|- thumbnaillarge|thumbnail_large=3 thumbnail=5 "
        "thumbnailsquare|thumbnail_square|thumbnail_square_darkgray|thumbnail_square_black|thumbnail_square_white=7",
        clean={"id": str.lower},
        example="https://images.ala.org.au/image/proxyImage?imageId=12a90844-9df8-4945-9217-49e7930fb29d",
        source="github.com/AtlasOfLivingAustralia/image-service",
    ),
    Family(
        "Morphbank",
        hosts="morphbank.net images.morphbank.net morphbank4.scs.fsu.edu",
        key="morphbank.net/?id={id}",
        forms=(
            image(r"", "id=<id> imgType=<size> ?imgSize=<px>"),
            page(r"(?:/Show|/Image|/Show/imageViewer)?", "id=<id>"),
        ),
        sizes="tif|tiff jpeg|jpg thumbs|thumb=6",
        example="http://www.morphbank.net/?id=466838&imgType=jpeg&imgSize=200",
        source="Morphbank user manual, image web services",
    ),
    Family(
        "Observation.org",
        hosts="observation.org waarneming.nl waarnemingen.be observations.be *.observation.org",
        key="observation.org/photos/{id}",
        forms=(
            image(rf"/photos/0*<id:\d+>{_EXT}", rank=1),
            image(rf"/media/photo/(?:[\w-]+/)*0*<id:\d+>{_EXT}", rank=1),
            page(r"/photos/0*<id:\d+>"),
            page(r"/observation/<n:\d+>", key="observation.org/observation/{n}"),
        ),
        example="https://waarneming.nl/media/photo/027/097/27097651.jpg",
        source="one photo number across the sites of Observation International",
    ),
    Family(
        "iDigBio",
        hosts="api.idigbio.org s.idigbio.org idigbio.org portal.idigbio.org",
        key="api.idigbio.org/v2/media/{id}",
        forms=(
            image(r"/v2/media/<id:[0-9a-fA-F-]{32,36}>", "?size=<size>"),
            image(rf"/v1/mediarecords/<id:{_UUID}>/media", "?quality=<size>"),
            image(rf"/idigbio-images-\w+-<size:\w+>/<id:[0-9a-f]{{32}}>{_EXT}"),
            page(rf"(?:/v1|/v2/view|/portal)/mediarecords/<id:{_UUID}>"),
        ),
        sizes="-|original fullsize webview=3 thumbnail=6",
        clean={"id": str.lower},
        example="https://api.idigbio.org/v2/media/414560e3c8514266b6d9e1888a792564?size=webview",
        source="https://www.idigbio.org/wiki/index.php/IDigBio_API; record id and digest of one photo cannot be linked by URL",
    ),
    Family(
        "Macaulay Library",
        hosts="cdn.download.ams.birds.cornell.edu test.cdn.download.ams.birds.cornell.edu macaulaylibrary.org",
        key="macaulaylibrary.org/asset/{id}",
        forms=(
            image(r"(?:/api)?/v\d/asset/<id:\d+>(?:/<size:\w+>)?"),
            page(r"/asset/<id:\d+>(?:/embed)?"),
            page(r"/(?:audio|photo|video)/<id:\d+>"),
        ),
        sizes="original=1 2400=1 1800=2 -=2 1200=3 900=4 640=5 480=5 320=6 160=7",
        example="https://cdn.download.ams.birds.cornell.edu/api/v2/asset/320005481/1200",
        source="observed; without a size the server picks one",
    ),
    Family(
        "EOL",
        hosts="content.eol.org content#.eol.org media.eol.org",
        key="content.eol.org/data/media/{id}",
        forms=(
            image(rf"/data/media/<id:(?:[0-9a-f]{{2}}/){{3}}[^/]+?>(?:\.<px:\d+x\d+>)?{_EXT}"),
            image(rf"/content/<id:(?:\d+/)+\d+>_<size:orig|large|medium|small|\d+_\d+>{_EXT}", key="media.eol.org/content/{id}"),
        ),
        sizes="-|orig large=3 580_360=4 medium|260_190=5 130_130=6 small|98_68=6 88_88=7",
        example="https://content.eol.org/data/media/7f/32/a6/542.1465431668.580x360.jpg",
        source="media manifest of EOL and its web pages",
    ),
    Family(
        "GBIF image cache",
        hosts="api.gbif.org",
        key="api.gbif.org/v1/image/cache/occurrence/{id}/media/{digest}",
        forms=(
            image(r"/v1/image/cache/occurrence/<id:\d+>/media/<digest:[0-9a-f]{32}>", rank=3),
            image(r"/v1/image/cache/(?:fit-in/)?<px:\d*x\d*>/(?:[^/]+/)*?occurrence/<id:\d+>/media/<digest:[0-9a-f]{32}>"),
            image(r"/v1/image/cache/(?:[^/]+/)+?occurrence/<id:\d+>/media/<digest:[0-9a-f]{32}>", rank=3),
        ),
        example="https://api.gbif.org/v1/image/cache/200x/occurrence/2005380410/media/568639b65b65ddb9090d3d6ef1abce14",
        source="https://techdocs.gbif.org/en/openapi/images; the digest is the MD5 of the published identifier",
    ),
    Family(
        "GBIF pages",
        hosts="gbif.org",
        key="gbif.org/{what}/{id}",
        forms=(page(r"/<what:occurrence|species|dataset>/<id>"),),
        example="https://www.gbif.org/occurrence/2005380410",
        source="pages of records, never of one photo",
    ),
    Family(
        "Zenodo",
        hosts="zenodo.org sandbox.zenodo.org",
        key="{host}/records/{id}/files/{name}",
        forms=(
            image(r"(?:/api)?/records?/<id:\d+>/files/<name>(?:/content)?", rank=1),
            service(r"/api/iiif/(?:v\d/)?record:<id:\d+>:<name>"),
            page(r"/records?/<id:\d+>/preview/<name>"),
        ),
        example="https://zenodo.org/records/5905165/files/figure.png?download=1",
        source="https://developers.zenodo.org and its IIIF service",
    ),
    Family(
        "Internet Archive",
        hosts="archive.org *.archive.org",
        key="archive.org/download/{item}/{name}",
        forms=(
            image(r"/download/<item>/<name:.+>", rank=1),
            image(r"/\d+/items/<item>/<name:.+>", rank=2),
        ),
        example="https://ia800203.us.archive.org/12/items/item/page.jpg",
        source="https://archive.org/developers: data nodes change, /download/ redirects to the present one",
    ),
    Family(
        "BHL",
        hosts="biodiversitylibrary.org",
        key="biodiversitylibrary.org/page/{id}",
        forms=(
            image(r"/<size:pageimage|pagethumb>/<id:\d+>(?:,<px:\d+,\d+>)?"),
            page(r"/page/<id:\d+>"),
        ),
        sizes="pageimage pagethumb=5",
        example="https://www.biodiversitylibrary.org/pageimage/1234567",
        source="https://www.biodiversitylibrary.org/docs/api3.html",
    ),
    Family(
        "Google Drive",
        hosts="drive.google.com docs.google.com drive.usercontent.google.com lh#.googleusercontent.com",
        key="drive.google.com/file/d/{id}",
        forms=(
            image(r"(?:/u/\d+)?/(?:uc|download|thumbnail)", "id=<id> ?sz=<px>"),
            image(r"/d/<id:[\w-]+>(?:=\w<px:\d+>.*)?"),
            page(r"(?:/u/\d+)?/file(?:/u/\d+)?/d/<id>(?:/\w+)?"),
            page(r"(?:/u/\d+)?/open", "id=<id>"),
        ),
        example="https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUv/view?usp=sharing",
        source="published as identifiers although they are viewers",
    ),
    Family(
        "Arctos",
        hosts="arctos.database.museum",
        key="arctos.database.museum/media/{id}",
        forms=(
            image(r"/media/<id:\d+>", "open", rank=1),
            page(r"/media/<id:\d+>"),
            page(r"/MediaDetail\.cfm", "media_id=<id>"),
        ),
        example="https://arctos.database.museum/media/10257311?open",
        source="github.com/ArctosDB/arctos issue 2436",
    ),
    Family(
        "CalPhotos",
        hosts="calphotos.berkeley.edu",
        key="calphotos.berkeley.edu/imgs/{id}",
        forms=(image(r"/imgs/<px:\d+x\d+>/<id:(?:[0-9a-f_]+/)+\d+>\.\w+"),),
        example="https://calphotos.berkeley.edu/imgs/512x768/0000_0000/0809/1561.jpeg",
        source="folders of sizes; the photo's number is its path",
    ),
    Family(
        "Artportalen",
        hosts="artportalen.se artsobservasjoner.no",
        key="{host}/MediaLibrary/{id}",
        forms=(image(rf"/MediaLibrary/<id:\d+/\d+/[^/_]+>(?:_<size:\w+>)?{_EXT}"),),
        sizes="-|original image=2 thumb|thumbnail|tb=6",
        example="https://www.artsobservasjoner.no/MediaLibrary/2015/7/0b1c2d3e-1111-4222-8333-444455556666_image.jpg",
        source="media libraries of the Swedish and Norwegian species observation systems",
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
            page(r"/detail\.php", "ID=<id>"),
        ),
        sizes="download=1 resource=2 -=2 europeana=3 thumb=6",
        clean={"n": lambda text: text.lstrip("0") or "0"},
        example="https://services.jacq.org/jacq-services/rest/images/europeana/563732?withredirect=1",
        source="https://api.jacq.org/docs: images of a specimen are counted from 0",
    ),
)
