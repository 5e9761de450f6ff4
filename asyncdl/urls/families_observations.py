"""Families of observation platforms: places where many people publish photos of living things.

One entry per family; `family.py` tells how to read one.
"""

from __future__ import annotations

from asyncdl.urls.family import EXT, UUID, Family, image, page, record

OBSERVATIONS: tuple[Family, ...] = (
    Family(
        "iNaturalist",
        hosts="static.inaturalist.org inaturalist-open-data.s3.amazonaws.com inaturalist.org *.inaturalist.org inaturalist.ca "
        "inaturalist.nz inaturalist.lu inaturalist.ala.org.au inaturalist.laji.fi inaturalist.mma.gob.cl argentinat.org naturalista.mx "
        "naturalista.uy biodiversity4all.org",
        key="inaturalist.org/photos/{id}",
        forms=(
            image(rf"/photos/<id:\d+>/<size:\w+>{EXT}"),
            page(r"/photos/<id:\d+>"),
            record(rf"/observations/<n:\d+|{UUID}>", key="inaturalist.org/observations/{n}"),
        ),
        sizes="original large=4 medium=5 small=6 thumb=7 square=8",
        example="https://inaturalist-open-data.s3.amazonaws.com/photos/2735077/large.jpg",
        source="README of github.com/inaturalist/inaturalist-open-data: 2048, 1024, 500, 240, 100, 75 px; ending and host do not matter",
    ),
    Family(
        "Pl@ntNet",
        hosts="bs.plantnet.org bs.floristic.org",
        key="bs.plantnet.org/image/{id}",
        forms=(image(rf"(?:/v\d+)?/image/<size:[a-z]>/<id:[0-9a-f]{{40}}>(?:{EXT})?"),),
        sizes="o m=5 s=7",
        example="https://bs.plantnet.org/image/m/285c8b2fdc87e93d4e6411e690b50283257540c3",
        source="answers of the Pl@ntNet API: original, medium, small",
    ),
    Family(
        "Observation.org",
        hosts="observation.org waarneming.nl waarnemingen.be observations.be observado.org *.observation.org",
        key="observation.org/photos/{id}",
        forms=(
            image(rf"/photos/0*<id:\d+>{EXT}", rank=1),
            image(rf"/media/photo/(?:[\w-]+/)*0*<id:\d+>{EXT}", rank=1),
            page(r"/photos/0*<id:\d+>"),
            page(r"/foto/view/0*<id:\d+>"),
            record(r"/(?:observation|waarneming(?:/view)?)/<n:\d+>", key="observation.org/observation/{n}"),
        ),
        example="https://waarneming.nl/media/photo/027/097/27097651.jpg",
        source="one photo number across the sites of Observation International",
    ),
    Family(
        "Macaulay Library",
        hosts="cdn.download.ams.birds.cornell.edu *.cdn.download.ams.birds.cornell.edu macaulaylibrary.org search.macaulaylibrary.org "
        "media.ebird.org",
        key="macaulaylibrary.org/asset/{id}",
        forms=(
            image(r"(?:/api)?/v\d/asset/<id:\d+>(?:/<size:\w+>)?"),
            page(r"/(?:asset|catalog)/<id:\d+>(?:/embed)?"),
            page(r"/(?:audio|photo|video)/<id:\d+>"),
        ),
        sizes="2400|original 1800|- 1200 900 640 480 320 160",
        example="https://cdn.download.ams.birds.cornell.edu/api/v2/asset/320005481/1200",
        source="asset links of macaulaylibrary.org and eBird; without a size the server picks one",
    ),
    Family(
        "CalPhotos",
        hosts="calphotos.berkeley.edu",
        key="calphotos.berkeley.edu/imgs/{a}_{b}/{c}/{d}",
        forms=(
            image(rf"/imgs/<size:\d+x\d+>/<a:\w{{4}}>_<b:\w{{4}}>/<c:\w{{4}}>/<d:\w{{4}}>{EXT}"),
            page(r"/cgi/img_query", r"enlarge=<a:\w{4}>(?:%20|_)<b:\w{4}>(?:%20|/)<c:\w{4}>(?:%20|/)<d:\w{4}>"),
        ),
        sizes="512x768=4 256x384=6 128x192=7",
        example="https://calphotos.berkeley.edu/imgs/512x768/0000_0000/0809/1561.jpeg",
        source="folders of sizes; the photo's number in four groups is its path",
    ),
    Family(
        "Artportalen",
        hosts="artportalen.se artsobservasjoner.no",
        key="{host}/MediaLibrary/{id}",
        forms=(image(rf"/(?i:MediaLibrary)/<id:\d+/\d+/[^/_.]+>(?:_<size:\w+>)?{EXT}"),),
        sizes="-|original image=2 large=3 thumb|thumbnail|tb=7",
        example="https://www.artsobservasjoner.no/MediaLibrary/2015/7/0b1c2d3e-1111-4222-8333-444455556666_image.jpg",
        source="media libraries of the Swedish and Norwegian species observation systems",
    ),
    Family(
        "DOF",
        hosts="dofbasen.dk",
        key="dofbasen.dk/image_proxy.php?pic={id}",
        forms=(image(r"/image_proxy\.php", "pic=<id:.+> ?mode=<size>"),),
        sizes="o -=2",
        example="https://dofbasen.dk/image_proxy.php?mode=o&pic=12592079_1.jpg",
        source="github.com/gbif/portal-feedback issue 1209",
    ),
    Family(
        "PlutoF",
        hosts="files.plutof.ut.ee",
        key="files.plutof.ut.ee/public/orig/{id}",
        forms=(image(rf"/public/<size:\w+>/<id:\w\w/\w\w/\w{{20,}}>(?:{EXT})?"),),
        sizes="orig large=3 medium=5 small=6 thumb|thumbnail=7",
        example="https://files.plutof.ut.ee/public/orig/6E/DF/6EDF95C51D6111E92D666890F1DC79508B5601C06618904F991593C14BB3C279.jpg",
        source="file repository of PlutoF and UNITE: a digest, its first letters the folders",
    ),
    Family(
        "AntWeb",
        hosts="antweb.org *.antweb.org",
        key="antweb.org/images/{id}",
        forms=(
            image(rf"/images/[^/]+/<id:[^/]+?_[a-z]\w*_\d+>_<size:high|med|low|thumbview>{EXT}"),
            page(r"/bigPicture\.do", r"name=<a:[^/_]+> shot=<b:[a-z]\w*> number=<c:\d+>", key="antweb.org/images/{a}_{b}_{c}"),
            record(r"/specimen/<specimen>", key="antweb.org/specimen/{specimen}"),
        ),
        sizes="high med=4 low=6 thumbview=7",
        example="https://www.antweb.org/images/casent0005904/casent0005904_p_1_high.jpg",
        source="AntWeb's image names: specimen, shot, number, size; `p`, `h`, `d` are other views",
    ),
)
