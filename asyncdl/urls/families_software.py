"""Families of software: programs that many institutions run, recognised on any host by their paths.

One entry per family; `family.py` tells how to read one. They are tried after the families of the host itself.
"""

from __future__ import annotations

from asyncdl.urls.family import ANY_HOST, Family, image, page

_PICTURE = r"\.(?:jpe?g|JPE?G|png|PNG|tiff?|TIFF?|gif|GIF)"
_SYMBIOTA_NAME = rf"<name:[^/]+?>(?:_<size:orig|lg|large|web|med|tn|thumb>)?{_PICTURE}"

SOFTWARE: tuple[Family, ...] = (
    Family(
        "Symbiota, shared SEINet library",
        hosts=ANY_HOST,
        marker="imglib",
        key="swbiodiversity.org{folder}/{name}",
        forms=(image(rf"<folder:/imglib/seinet(?:/[^/]+)*>/{_SYMBIOTA_NAME}"),),
        sizes="orig|lg|large -=2 web|med=3 tn|thumb=6",
        example="https://herbanwmex.net/imglib/seinet/mam/PH/PH00014/PH00014975_1666637167_web.jpg",
        source="github.com/Symbiota/Symbiota; the portals over SEINet show one image library under their own names",
    ),
    Family(
        "Symbiota",
        hosts=ANY_HOST,
        marker="imglib",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:(?:/[^/]+)*/imglib(?:/[^/]+)*>/{_SYMBIOTA_NAME}"),),
        sizes="orig|lg|large -=2 web|med=3 tn|thumb=6",
        example="https://oregonflora.org/imglib/OSU_V/OSC-V-269/OSC-V-269340_med.jpg",
        source="github.com/Symbiota/Symbiota, ImageShared: `_lg` to 3168 px, the bare name or `_web` to 1600, `_tn` 200",
    ),
    Family(
        "Symbiota, TORCH",
        hosts=ANY_HOST,
        marker="torch",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:(?:/[^/]+)*/torch(?:/[^/]+)*>/{_SYMBIOTA_NAME}"),),
        sizes="orig|lg|large|- web|med=3 tn|thumb=6",
        example="https://web.corral.tacc.utexas.edu/torch/BRIT/BRIT0452000/BRIT452101_med.jpg",
        source="multimedia.csv of BRIT: identifier, goodQualityAccessURI and thumbnailAccessURI of one row",
    ),
    Family(
        "Symbiota, calacademy",
        hosts=ANY_HOST,
        marker="target-images",
        key="{host}{folder}/{name}",
        forms=(image(rf"<folder:(?:/[^/]+)*/target-images(?:/[^/]+)*>/{_SYMBIOTA_NAME}"),),
        sizes="orig|lg|large|- web|med=3 tn|thumb=6",
        example="https://monarch.calacademy.org/mnt/target-images/CASC_TYPE/00000/CASTYPE48_H_1677786406.jpg",
        source="github.com/CatalogueOfLife/backend issue 1428; `_H`, `_D`, `_L` are views, so other photos",
    ),
    Family(
        "Symbiota record pages",
        hosts=ANY_HOST,
        marker="collections",
        key="{host}{portal}/collections/individual/index.php?occid={id}",
        forms=(page(r"<portal:(?:/[^/]+)*>/collections/individual/index\.php", "occid=<id>"),),
        example="https://portal.torcherbaria.org/portal/collections/individual/index.php?occid=24923936",
        source="github.com/Symbiota/Symbiota; a record, so it cannot be linked to one photo",
    ),
    Family(
        "Specify attachments",
        hosts=ANY_HOST,
        marker="fileget",
        key="{host}/static/{coll}/originals/{name}",
        forms=(image(r"/fileget", "coll=<coll> filename=<name> ?type=<size> ?scale=<px>"),),
        sizes="o|- t=6",
        example="https://assets-swiss.specifycloud.org/fileget?coll=mhng&type=O&filename=sp65750557384930612362.att.JPG",
        source="github.com/specify/web-asset-server",
    ),
    Family(
        "Specify attachments, static",
        hosts=ANY_HOST,
        marker="originals",
        key="{host}/static/{coll}/originals/{name}",
        forms=(image(r"/static/<coll>/originals/<name>", rank=1),),
        example="https://specify-attachments.science.ku.dk/static/NHMD_Botany/originals/C10016350.tif",
        source="github.com/specify/web-asset-server; `_a` is another photo",
    ),
    Family(
        "FSI Server",
        hosts=ANY_HOST,
        marker="fsi",
        key="{host}/fsi/server?source={id}",
        forms=(
            image(r"/fsi/server", "type=image source=<id> ?width=<px> ?height=<px>"),
            page(r"/fsi/server", "source=<id>"),
        ),
        example="https://fsi.example.org/fsi/server?type=image&source=herbarium/0001234.tif&width=1200",
        source="FSI Server manual (NeptuneLabs)",
    ),
    Family(
        "MediaWiki",
        hosts=ANY_HOST,
        marker="thumb",
        key="{host}{wiki}/{folder}/{name}",
        forms=(image(r"<wiki:(?:/[^/]+)*>/thumb/<folder:[0-9a-f]/[0-9a-f]{2}>/<name>/(?:[\w-]+-)?<px:\d+>px-.*"),),
        example="https://wiki.example.org/images/thumb/a/ab/Leaf.jpg/320px-Leaf.jpg",
        source="https://www.mediawiki.org/wiki/Manual:Thumb.php",
    ),
    Family(
        "MediaWiki pages",
        hosts=ANY_HOST,
        marker="wiki",
        key="{host}/wiki/{name}",
        forms=(
            image(r"/wiki/Special:(?:FilePath|Redirect/file)/<name>", "?width=<px>", key="{host}/wiki/File:{name}"),
            page(r"/wiki/<name:[^/:]+:[^/]+|[^/.]+>"),
        ),
        example="https://en.wikipedia.org/wiki/House_sparrow",
        source="https://www.mediawiki.org/wiki/Help:Linking_to_files",
    ),
    Family(
        "Drupal image styles",
        hosts=ANY_HOST,
        marker="styles",
        key="{host}{site}/files/{name}",
        forms=(image(r"<site:(?:/[^/]+)*>/files/styles/[^/]+/public/<name:.+>", rank=3),),
        example="https://museum.example.org/sites/default/files/styles/large/public/2019-06/leaf.jpg?itok=Ab12Cd34",
        source="https://www.drupal.org/docs/core-modules-and-themes/core-modules/image-module",
    ),
)
