"""Families of library and web software: programs that many institutions run, recognised on any host by their paths.

One entry per family; `family.py` tells how to read one. They are tried after the families of the host itself.
"""

from __future__ import annotations

import re

from asyncdl.urls.family import ANY_HOST, EXT, PICTURE, Family, image, page, record, service

_HASHED = "[0-9a-f]/[0-9a-f]{2}"
_IIP = r"<server:.*/iipsrv(?:\.fcgi)?>"

LIBRARIES: tuple[Family, ...] = (
    Family(
        "CONTENTdm",
        hosts=ANY_HOST,
        marker="digital utils cdm",
        key="{host}/iiif/{coll}:{id}",
        forms=(
            service(r"/digital/iiif/(?:\d/)?<coll:\w+>[/:]<id:\d+>"),
            image(r"/digital/api/singleitem/image/(?:pdf/)?<coll:\w+>/<id:\d+>/default\.\w+", rank=3),
            image(r"/digital/download/collection/<coll:\w+>/id/<id:\d+>(?:/size/<size:\w+>)?"),
            image(r"/digital/api/collection/<coll:\w+>/id/<id:\d+>/<size:download|thumbnail>"),
            image(r"/utils/<size:getthumbnail|getdownloaditem|getfile>/collection/<coll:\w+>/id/<id:\d+>(?:/.*)?"),
            page(r"/digital/collection/<coll:\w+>/id/\d+/show/<id:\d+>(?:/.*)?"),
            page(r"/digital/collection/<coll:\w+>/id/<id:\d+>(?:/rec/\d+)?"),
            page(r"/cdm/(?:ref|singleitem)/collection/<coll:\w+>/id/<id:\d+>(?:/rec/\d+)?"),
        ),
        sizes="- full|download|getdownloaditem|getfile=2 large=3 medium=5 small=6 thumbnail|getthumbnail=7",
        example="https://collections.lib.uwm.edu/digital/api/singleitem/image/agdm/4878/default.jpg",
        source="https://help.oclc.org/Metadata_Services/CONTENTdm: collection and number of an item",
    ),
    Family(
        "Luna",
        hosts=ANY_HOST,
        marker="luna",
        key="{host}/luna/servlet/iiif/{id}",
        forms=(
            service(r"/luna/servlet/iiif/(?:m/)?<id>"),
            page(r"/luna/servlet/(?:detail|workspace/handleMediaPlayer)/<id>"),
            page(r"/luna/servlet/workspace/handleMediaPlayer", "lunaMediaId=<id>"),
        ),
        example="https://www.davidrumsey.com/luna/servlet/iiif/m/RUMSEY~8~1~2643~290011/manifest",
        source="https://www.lunaimaging.com and the manifests of the David Rumsey Map Collection",
    ),
    Family(
        "Islandora",
        hosts=ANY_HOST,
        marker="islandora",
        key="{host}{root}/islandora/object/{id}",
        forms=(
            image(r"<root:.*>/islandora/object/<id>/datastream/<size:OBJ|JP2|JPG|MEDIUM_SIZE|TN>(?:/(?:view|download))?"),
            page(r"<root:.*>/islandora/object/<id>"),
        ),
        sizes="obj jp2 jpg|medium_size=4 tn=7",
        example="https://opensky.ucar.edu/islandora/object/imagegallery:123/datastream/OBJ/view",
        source="https://wiki.lyrasis.org/display/ISLANDORA: the datastreams of a large image",
    ),
    Family(
        "DSpace",
        hosts=ANY_HOST,
        marker="bitstream",
        key="{host}{root}/bitstream/handle/{item}/{name}",
        forms=(
            image(
                r"<root:.*>/bitstream/handle/<item:[^/]+/[^/]+>/<name>",
                "sequence=<n:\\d+>",
                rank=1,
                key="{host}{root}/bitstream/{item}/{n}/{name}",
            ),
            image(
                r"<root:.*>/bitstream/(?!handle/)<item:[^/]+/[^/]+>/<n:\d+>/<name>",
                rank=1,
                key="{host}{root}/bitstream/{item}/{n}/{name}",
            ),
            image(rf"<root:.*>/bitstream/handle/<item:[^/]+/[^/]+>/<name:[^/]+{PICTURE}\.jpg>", rank=7),
            image(r"<root:.*>/bitstream/handle/<item:[^/]+/[^/]+>/<name>", rank=1),
        ),
        clean={"name": lambda text: re.sub(rf"({PICTURE})(?:\.jpg)+$", r"\1", text)},
        example="https://rdu.unc.edu.ar/bitstream/handle/11086/22322/CORD00002686.jpg",
        source="https://wiki.lyrasis.org/display/DSDOC: a number of the file, or none; thumbnails get another `.jpg`",
    ),
    Family(
        "DSpace 7",
        hosts=ANY_HOST,
        marker="bitstreams",
        key="{host}/bitstreams/{id}/download",
        forms=(
            image(r"/bitstreams/<id:[0-9a-f-]{36}>/download", rank=1),
            image(r"/server/api/core/bitstreams/<id:[0-9a-f-]{36}>/content", rank=1),
        ),
        example="https://repository.example.edu/server/api/core/bitstreams/12345678-1234-4abc-8def-1234567890ab/content",
        source="https://github.com/DSpace/RestContract",
    ),
    Family(
        "Omeka",
        hosts=ANY_HOST,
        marker="files",
        key="{host}{root}/files/original/{id}",
        forms=(
            image(
                rf"<root:.*>/files/<size:original|fullsize|large|medium|thumbnails|square_thumbnails|square>/<id:[0-9a-f]{{32,40}}>(?:{EXT})?"
            ),
        ),
        sizes="original fullsize large=3 medium=5 thumbnails=6 square_thumbnails|square=8",
        example="https://plants.example.edu/files/fullsize/0123456789abcdef0123456789abcdef.jpg",
        source="https://omeka.org manuals: names are digests; copies are JPEG whatever the original is",
    ),
    Family(
        "ResourceSpace",
        hosts=ANY_HOST,
        marker="pages",
        key="{host}{root}/pages/view.php?ref={id}",
        forms=(
            image(
                r"<root:.*>/pages/download\.php",
                "ref=<id:\\d+> alternative=<other:[1-9]\\d*> ?size=<size>",
                key="{host}{root}/pages/download.php?ref={id}&alternative={other}",
            ),
            image(
                r"<root:.*>/pages/download\.php",
                r"ref=<id:\d+> page=<n:[2-9]|[1-9]\d+> ?size=<size>",
                key="{host}{root}/pages/download.php?ref={id}&page={n}",
            ),
            image(r"<root:.*>/pages/download\.php", r"ref=<id:\d+> ?size=<size>"),
            page(r"<root:.*>/pages/view\.php", "ref=<id:\\d+>"),
        ),
        sizes="- hpr lpr=3 scr=4 pre=5 thm|col=7",
        example="https://media.example.org/pages/download.php?ref=1234&size=scr&ext=jpg",
        source="https://www.resourcespace.com/knowledge-base: number of a resource, codes of sizes",
    ),
    Family(
        "IIPImage",
        hosts=ANY_HOST,
        marker="iipsrv.fcgi iipsrv",
        key="{host}{server}/{id}",
        forms=(
            image(_IIP, "fif=/*<id:.+> rgn=<rect>", rank=8, key="{host}{server}?fif={id}&rgn={rect}"),
            image(_IIP, "fif=/*<id:.+> jtl=<rect>", rank=8, key="{host}{server}?fif={id}&jtl={rect}"),
            image(_IIP, "fif=/*<id:.+?>/* ?wid=<px> ?hei=<px>"),
            service(rf"{_IIP}/<id:.+>"),
        ),
        example="https://images.example.org/fcgi-bin/iipsrv.fcgi?FIF=/herbarium/B_207.jp2&WID=512&CVT=jpeg",
        source="https://iipimage.sourceforge.io/documentation/protocol: the file's path, or IIIF behind `?IIIF=`",
    ),
    Family(
        "digilib",
        hosts=ANY_HOST,
        marker="Scaler",
        key="{host}{server}?fn={id}&pn={n}",
        forms=(
            image(r"<server:.*/Scaler>", "fn=<id:.+> ww=<ww> ?pn=<n>", rank=8, key="{host}{server}?fn={id}&pn={n}&ww={ww}"),
            image(r"<server:.*/Scaler>", "fn=<id:.+> ?pn=<n> ?dw=<px> ?dh=<px>"),
        ),
        clean={"n": lambda text: text or "1"},
        example="https://digilib.example.org/servlet/Scaler?fn=/herbarium/E123&dw=500",
        source="https://robcast.github.io/digilib: folder `fn`, page `pn`, cut `ww`",
    ),
    Family(
        "FSI Server",
        hosts=ANY_HOST,
        marker="fsi",
        key="{host}/fsi/server?type=image&source={id}",
        forms=(
            image(
                r"/fsi/server",
                "type=image source=<id:.+> rect=<rect>",
                rank=8,
                key="{host}/fsi/server?type=image&source={id}&rect={rect}",
            ),
            image(
                r"/fsi/server",
                "type=image source=<id:.+> left=<left>",
                rank=8,
                key="{host}/fsi/server?type=image&source={id}&left={left}",
            ),
            image(r"/fsi/server", "type=image source=<id:.+> ?width=<px> ?height=<px>"),
            page(r"/fsi/server", "source=<id:.+>"),
        ),
        example="http://mediastorage.bgbm.org/fsi/server?type=image&source=Algaterra/Algae/D_0001.jpg&width=1200",
        source="FSI Server manual (NeptuneLabs)",
    ),
    Family(
        "MediaWiki",
        hosts=ANY_HOST,
        marker="thumb",
        key="{host}{wiki}/{folder}/{name}",
        forms=(
            image(
                rf"<wiki:.*>/thumb/<folder:{_HASHED}>/<name>/(?:[\w-]+-)?page<n:[2-9]|[1-9]\d+>-<px:\d+>px-.*",
                key="{host}{wiki}/{folder}/{name}?page={n}",
            ),
            image(rf"<wiki:.*>/thumb/<folder:{_HASHED}>/<name>/(?:[\w-]+-)?<px:\d+>px-.*"),
        ),
        open=True,
        example="https://wiki.example.org/images/thumb/a/ab/Leaf.jpg/320px-Leaf.jpg",
        source="https://www.mediawiki.org/wiki/Manual:Thumb.php",
    ),
    Family(
        "MediaWiki pages",
        hosts=ANY_HOST,
        marker="wiki",
        key="{host}/wiki/{name}",
        forms=(
            image(r"/wiki/(?i:Special:(?:FilePath|Redirect/file))/<name>", "?width=<px>", key="{host}/wiki/File:{name}"),
            page(r"/wiki/<name:(?:File|Image|Datei|Fichier|Archivo):[^/]+>"),
            record(r"/wiki/<name:[^/:]+:[^/]+|[^/.]+>"),
        ),
        example="https://en.wikipedia.org/wiki/File:House_sparrow.jpg",
        source="https://www.mediawiki.org/wiki/Help:Linking_to_files",
    ),
    Family(
        "Drupal image styles",
        hosts=ANY_HOST,
        marker="styles",
        key="{host}{site}/files/{name}",
        forms=(
            image(rf"<site:.*>/files/styles/[^/]+/public/<name:.+{PICTURE}>\.webp", rank=4),
            image(r"<site:.*>/files/styles/[^/]+/public/<name:.+>", rank=4),
        ),
        open=True,
        example="https://museum.example.org/sites/default/files/styles/large/public/2019-06/leaf.jpg?itok=Ab12Cd34",
        source="https://www.drupal.org/docs/core-modules-and-themes/core-modules/image-module",
    ),
)
