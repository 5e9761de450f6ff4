"""Families of aggregators and data platforms: places that show the photos of many institutions.

One entry per family; `family.py` tells how to read one.
"""

from __future__ import annotations

from asyncdl.urls.family import ANY_HOST, EXT, UUID, Family, image, page, record

_DIGEST = "[0-9a-f]{32}"
_BISQUE = r"/image_service/(?:image/)?<id:00-\w+>"
_LIVING_ATLASES = (
    image(r"(?:/image)?/proxyImage<size:\w*>", f"imageId=<id:{UUID}>"),
    image(r"(?:/image)?/proxyImage<size:\w*>", f"id=<id:{UUID}>"),
    image(rf"/(?:store|image)/(?:\w/){{4}}<id:{UUID}>/<size:\w+>"),
)
_LIVING_ATLASES_SIZES = (
    "original|- large=3 thumbnaillarge|thumbnail_large=4 thumbnail=6 "
    "thumbnailsquare|thumbnail_square|thumbnail_square_darkgray|thumbnail_square_black|thumbnail_square_white=8"
)

AGGREGATORS: tuple[Family, ...] = (
    Family(
        "GBIF image cache",
        hosts="api.gbif.org",
        key="api.gbif.org/v1/image/cache/occurrence/{id}/media/{digest}",
        forms=(
            image(rf"/v1/image/cache/occurrence/<id:\d+>/media/<digest:{_DIGEST}>"),
            image(rf"/v1/image/cache/(?:fit-in/)?<px:\d*x\d*>/(?:[^/]+/)*?occurrence/<id:\d+>/media/<digest:{_DIGEST}>"),
            image(rf"/v1/image/cache/(?:[^/]+/)+?occurrence/<id:\d+>/media/<digest:{_DIGEST}>"),
        ),
        sizes="-=3",
        example="https://api.gbif.org/v1/image/cache/200x/occurrence/2005380410/media/568639b65b65ddb9090d3d6ef1abce14",
        source="https://techdocs.gbif.org/en/openapi/images: at most 1200 px; the digest is the MD5 of the published identifier",
    ),
    Family(
        "GBIF pages",
        hosts="gbif.org api.gbif.org",
        key="gbif.org/{what}/{id}",
        forms=(
            record(r"(?:/[a-z]{2}(?:-[A-Za-z]{2,4})?)?/<what:occurrence|species|dataset>/<id>"),
            record(r"/v1/<what:occurrence|species|dataset>/<id>(?:/.*)?"),
        ),
        example="https://www.gbif.org/occurrence/2005380410",
        source="https://techdocs.gbif.org: pages and answers about records, never about one photo",
    ),
    Family(
        "Living Atlases",
        hosts="images.ala.org.au images.nbnatlas.org images-dev.ala.org.au images-test.ala.org.au",
        key="{host}/image/{id}",
        forms=(
            *_LIVING_ATLASES,
            image(rf"/image/<id:{UUID}>/<size:\w+>"),
            page(rf"/image/<id:{UUID}>"),
            page(r"/image/(?:details|viewer|view)", f"imageId=<id:{UUID}>"),
        ),
        sizes=_LIVING_ATLASES_SIZES,
        clean={"id": str.lower},
        example="https://images.ala.org.au/image/proxyImage?imageId=12a90844-9df8-4945-9217-49e7930fb29d",
        source="github.com/AtlasOfLivingAustralia/image-service; the store's folders are the id's last letters reversed",
    ),
    Family(
        "Living Atlases, other sites",
        hosts=ANY_HOST,
        marker="store proxyImage proxyImageThumbnail proxyImageThumbnailLarge",
        key="{host}/image/{id}",
        forms=_LIVING_ATLASES,
        sizes=_LIVING_ATLASES_SIZES,
        clean={"id": str.lower},
        example="https://images.atlas.example.org/store/d/9/2/b/12a90844-9df8-4945-9217-49e7930fb29d/original",
        source="github.com/AtlasOfLivingAustralia/image-service, which many national atlases run",
    ),
    Family(
        "iDigBio",
        hosts="api.idigbio.org s.idigbio.org idigbio.org portal.idigbio.org search.idigbio.org media.idigbio.org",
        key="api.idigbio.org/v2/media/{id}",
        forms=(
            image(r"/v2/media/<id:[0-9a-fA-F-]{32,36}>", "?size=<size>"),
            image(rf"/v1/mediarecords/<id:{UUID}>/media", "?quality=<size>"),
            image(rf"/lookup/images/<id:{_DIGEST}>", "?size=<size>"),
            image(rf"/idigbio-images-\w+-<size:\w+>/<id:{_DIGEST}>{EXT}"),
            page(rf"(?:/v1|/v2/view|/portal)/(?:mediarecords|media)/<id:{UUID}>"),
            record(rf"(?:/v1|/v2/view|/portal)/records/<record:{UUID}>", key="idigbio.org/portal/records/{record}"),
        ),
        sizes="-|original fullsize webview=5 thumbnail=7",
        clean={"id": str.lower},
        example="https://api.idigbio.org/v2/media/414560e3c8514266b6d9e1888a792564?size=webview",
        source="https://www.idigbio.org/wiki/index.php/IDigBio_API; record id and digest of one photo cannot be linked by URL",
    ),
    Family(
        "Morphbank",
        hosts="morphbank.net images.morphbank.net morphbank4.scs.fsu.edu",
        key="morphbank.net/?id={id}",
        forms=(
            image(r"", "id=<id> imgType=<size> ?imgSize=<px>"),
            page(r"(?:/Show|/Image|/Show/imageViewer)?", "id=<id>"),
            page(r"/<id:\d+>"),
        ),
        sizes="tif|tiff jpeg|jpg thumbs|thumb=7",
        example="http://www.morphbank.net/?id=466838&imgType=jpeg&imgSize=200",
        source="Morphbank user manual, image web services",
    ),
    Family(
        "EOL",
        hosts="content.eol.org content#.eol.org media.eol.org",
        key="content.eol.org/data/media/{id}",
        forms=(
            image(rf"/data/media/<id:(?:[0-9a-f]{{2}}/){{3}}[^/]+?>(?:\.<size:\d+x\d+>)?{EXT}"),
            image(rf"/content/<id:(?:\d+/)+\d+>_<size:orig|large|medium|small|\d+_\d+>{EXT}", key="media.eol.org/content/{id}"),
        ),
        sizes="-|orig large=3 580x360|580_360=5 medium|260x190|260_190=6 130_130|130x130|small|98x68|98_68=7 88x88|88_88=8",
        example="https://content.eol.org/data/media/7f/32/a6/542.1465431668.580x360.jpg",
        source="media manifest of EOL and its web pages, the new and the old",
    ),
    Family(
        "BHL",
        hosts="biodiversitylibrary.org",
        key="biodiversitylibrary.org/page/{id}",
        forms=(
            image(r"/pageimage/<id:\d+>", rank=1),
            image(r"/pagethumb/<id:\d+>,<px:\d+,\d+>"),
            image(r"/pagethumb/<id:\d+>", rank=6),
            page(r"/(?:page|pageocr|pagetext)/<id:\d+>"),
        ),
        example="https://www.biodiversitylibrary.org/pageimage/1328691",
        source="https://www.biodiversitylibrary.org/docs/api3.html",
    ),
    Family(
        "BOLD",
        hosts="caos.boldsystems.org caos.boldsystems.org:31488",
        key="caos.boldsystems.org/api/objects/{id}",
        forms=(image(r"/api/objects/<id>", "?subunit=<px>"),),
        example="https://caos.boldsystems.org/api/objects/caos-cloud.linode-us-east.13_191.8f600dd7-68cb-4ca7-b283-304c38846fed.jpg?subunit=1024.jpg",
        source="identifiers published by BOLD Systems",
    ),
    Family(
        "BOLD, older pictures",
        hosts="boldsystems.org v#.boldsystems.org",
        key="boldsystems.org/pics/{id}",
        forms=(image(r"/pics/(?:_w<px:\d+>/)?<id:(?!_w\d).+>"),),
        example="http://www.boldsystems.org/pics/_w300/BLPDT/10-SRNP-108212_DHJ653087+1309969002.jpg",
        source="answers of the BOLD API: project, name and time of upload",
    ),
    Family(
        "CyVerse BisQue",
        hosts="bisque.cyverse.org",
        key="bisque.cyverse.org/image_service/image/{id}",
        forms=(
            image(_BISQUE + "(?:/[^/]*)*", "roi=<roi>", rank=8, key="bisque.cyverse.org/image_service/image/{id}?roi={roi}"),
            image(
                _BISQUE + "(?:/resize:<px:\\d+[^/]*>)?(?:/(?!resize|roi|tile|slice)[^/]*)*",
                "?resize=<px> ?thumbnail=<px>",
            ),
            page(r"/client_service/view", r"resource=(?:.*/)?<id:00-\w+>"),
            page(r"/data_service/(?:image/)?<id:00-\w+>"),
        ),
        example="https://bisque.cyverse.org/image_service/image/00-ie3faMpL5fmZZGmW6dfyyf?resize=1250&format=jpeg",
        source="github.com/bio-guoda/preston-brit-2022; without a size the original, which may be a DNG",
    ),
)
