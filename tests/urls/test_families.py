import pytest

from asyncdl.model import CandidateKind
from asyncdl.urls import resolve
from asyncdl.urls.families import FAMILIES
from asyncdl.urls.family import Family, FamilyTable, image, ladder, page


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_example_is_of_its_family_and_its_key_keeps(family: Family) -> None:
    found = resolve(family.example)
    assert found.family == family.name
    assert resolve(found.key).key == found.key
    assert family.source


def test_names_are_unique() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize(
    ("key", "best_first"),
    [
        (
            "inaturalist.org/photos/7",
            [
                "https://inaturalist-open-data.s3.us-east-1.amazonaws.com/photos/7/original.jpeg",
                "https://static.inaturalist.org/photos/7/large.jpg?1514760468",
                "https://s3.amazonaws.com/inaturalist-open-data/photos/7/medium.png",
                "https://static.inaturalist.org/photos/7/small.jpg",
                "https://static.inaturalist.org/photos/7/thumb.jpg",
                "https://static.inaturalist.org/photos/7/square.jpg",
                "https://www.inaturalist.org/photos/7",
            ],
        ),
        (
            "flickr.com/photo/53553490643",
            [
                "https://live.staticflickr.com/65535/53553490643_abcdef0123_o.png",
                "https://farm5.staticflickr.com/65535/53553490643_41638ff622_h.jpg",
                "https://c1.staticflickr.com/5/65535/53553490643_41638ff622_b.jpg",
                "http://farm5.static.flickr.com/65535/53553490643_41638ff622_c_d.jpg",
                "https://live.staticflickr.com/65535/53553490643_41638ff622.jpg",
                "https://live.staticflickr.com/65535/53553490643_41638ff622_t.jpg",
                "https://live.staticflickr.com/65535/53553490643_41638ff622_q.jpg",
                "https://flic.kr/p/2pAkCZz",
            ],
        ),
        (
            "commons.wikimedia.org/wiki/File:A_b%26c.jpg",
            [
                "https://commons.wikimedia.org/wiki/Special:FilePath/a%20b&c.jpg",
                "https://upload.wikimedia.org/wikipedia/commons/thumb/a/ab/A_b%26c.jpg/1280px-A_b%26c.jpg",
                "https://commons.wikimedia.org/w/thumb.php?width=320&f=A_b%26c.jpg",
                "https://commons.wikimedia.org/wiki/File:A_b%26c.jpg",
            ],
        ),
        (
            "ids.si.edu/ids/deliveryService/id/NMNH-1",
            [
                "https://ids.si.edu/ids/download?id=NMNH-1.tif",
                "https://ids.si.edu/ids/download?id=NMNH-1_screen",
                "https://ids.si.edu/ids/deliveryService?max_w=600&id=NMNH-1.jpg",
                "https://ids.si.edu/ids/download?id=NMNH-1_thumb",
            ],
        ),
        (
            "ids.si.edu/ids/deliveryService/id/ark:/65665/m3d9e26a6ef50046c6b537a3e143067c6e",
            [
                "http://n2t.net/ark:65665/m3d9e26a6e-f500-46c6-b537-a3e143067c6e",
                "https://ids.si.edu/ids/manifest/ark:/65665/m3d9e26a6ef50046c6b537a3e143067c6e",
                "https://ids.si.edu/ids/deliveryService?id=ark%3A%2F65665%2Fm3d9e26a6ef50046c6b537a3e143067c6e&max=1024",
            ],
        ),
        (
            "mczbase.mcz.harvard.edu/specimen_images/ent/paleo/PALE-1.jpg",
            [
                "https://mczbase.mcz.harvard.edu/specimen_images/ent/paleo/large/PALE-1.jpg",
                "https://iiif.mcz.harvard.edu/iiif/3/ent%2Fpaleo%2Flarge%2FPALE-1.jpg/info.json",
                "https://iiif.mcz.harvard.edu/iiif/3/ent%2Fpaleo%2Flarge%2FPALE-1.jpg/full/1000,/0/default.jpg",
                "https://mczbase.mcz.harvard.edu/specimen_images/ent/paleo/thumbs/PALE-1.jpg",
            ],
        ),
        (
            "jacq.org/image/563732/1",
            [
                "https://services.jacq.org/jacq-services/rest/images/download/563732/1?withredirect=1",
                "https://api.jacq.org/v1/images/europeana/563732/1",
                "https://services.jacq.org/jacq-services/rest/images/thumb/563732/01",
                "https://services.jacq.org/jacq-services/rest/images/show/563732/1",
            ],
        ),
        (
            "h.org/static/Fish/originals/a.att.JPG",
            [
                "https://h.org/static/Fish/originals/a.att.JPG",
                "https://h.org/fileget?coll=Fish&type=T&filename=a.att.JPG&scale=500&token=1%3A2&downloadname=b.jpg",
                "https://h.org/static/Fish/thumbnails/a.att_200.JPG",
                "https://h.org/fileget?coll=Fish&type=T&filename=a.att.JPG&scale=123",
            ],
        ),
        (
            "content.eol.org/data/media/7f/32/a6/542.1465431668",
            [
                "https://content.eol.org/data/media/7f/32/a6/542.1465431668.jpg",
                "https://content.eol.org/data/media/7f/32/a6/542.1465431668.580x360.jpg",
                "https://content.eol.org/data/media/7f/32/a6/542.1465431668.98x68.jpg",
            ],
        ),
        (
            "archive.org/download/item/a/b.jpg",
            ["https://archive.org/download/item/a/b.jpg", "https://ia800203.us.archive.org/12/items/item/a/b.jpg"],
        ),
        (
            "image.laji.fi/MM.1",
            [
                "https://image.laji.fi/MM.1/a_full.jpg",
                "https://image.laji.fi/MM.1/a_large.jpg",
                "https://image.laji.fi/MM.1/b_thumb.jpg",
            ],
        ),
        (
            "x.org/imglib/a/B1_1666637167",
            [
                "https://x.org/imglib/a/B1_1666637167_orig.tif",
                "https://x.org/imglib/a/B1_1666637167.jpg",
                "https://x.org/imglib/a/B1_1666637167_web.jpg",
                "https://x.org/imglib/a/B1_1666637167_tn.jpg",
            ],
        ),
        (
            "museum.example.org/sites/default/files/2019-06/leaf.jpg",
            [
                "https://museum.example.org/sites/default/files/2019-06/leaf.jpg",
                "https://museum.example.org/sites/default/files/styles/large/public/2019-06/leaf.jpg?itok=Ab12Cd34",
            ],
        ),
    ],
)
def test_ladders(key: str, best_first: list[str]) -> None:
    found = [resolve(url) for url in best_first]
    assert {one.key for one in found} == {key}
    ranks = [one.rank for one in found]
    assert ranks == sorted(set(ranks))


def test_a_smithsonian_specimen_is_no_photo() -> None:
    found = resolve("http://n2t.net/ark:/65665/3d9e26a6e-f500-46c6-b537-a3e143067c6e")
    assert found.kind is CandidateKind.PAGE


def test_a_wiki_may_keep_pictures_below_its_pages() -> None:
    assert resolve("http://x.org/wiki/images/a/ab/Leaf.jpg").kind is CandidateKind.IMAGE


def test_ladder_counts_joins_and_sets() -> None:
    assert ladder("O|- large thumb=6 square") == {"o": 1, "": 1, "large": 2, "thumb": 6, "square": 7}


def test_a_new_family_is_one_entry() -> None:
    family = Family(
        "Herbarium",
        hosts="h#.example.org *.herbarium.org",
        key="herbarium.org/{id}/{n}",
        forms=(image(r"/pic/<id:\w\d+>", "n=<n> ?fmt=<size> ?w=<px>"), page(r"/pic/<id>", "view=")),
        sizes="tif jpg=3",
        clean={"n": lambda text: text or "1"},
        example="",
        source="",
    )
    table = FamilyTable([family])
    assert table.of_host("h12.example.org") == table.of_host("a.b.herbarium.org") == table.of_host("herbarium.org") == (family,)
    assert table.of_host("example.org") == ()
    assert family.match("h", "/pic/E1", "n=2&fmt=TIF") == ("herbarium.org/E1/2", 1, CandidateKind.IMAGE, "Herbarium", True)
    assert family.match("h", "/pic/E1", "n=2&fmt=tif&w=300") == ("herbarium.org/E1/2", 6, CandidateKind.IMAGE, "Herbarium", True)
    assert family.match("h", "/pic/E1", "view") == ("herbarium.org/E1/1", 9, CandidateKind.PAGE, "Herbarium", True)
    assert family.match("h", "/pic/E1", "n=1&n=2") is None
    assert family.match("h", "/pic/E1", "") is None
    assert family.match("h", "/pic/..", "n=2") is None


def test_a_key_with_a_query_keeps_its_plus() -> None:
    family = Family("F", hosts="h.org", key="h.org/p?id={id}", forms=(image(r"/p", "id=<id:.+>"),), example="", source="")
    table = FamilyTable([family])
    (found,) = table.of_host("h.org")
    match = found.match("h.org", "/p", "id=a%2Bb+c/d%3D")
    assert match is not None
    assert match[0] == "h.org/p?id=a%2Bb%20c/d="


@pytest.mark.parametrize(
    "url",
    [
        "https://portal.torcherbaria.org/portal/collections/individual/index.php?occid=24923936",
        "https://www.gbif.org/occurrence/2005380410",
        "https://www.gbif.org/es/occurrence/2005380410",
        "https://www.inaturalist.org/observations/1",
        "https://www.jacq.org/detail.php?ID=1",
        "https://mczbase.mcz.harvard.edu/guid/MCZ:Ent:1",
        "http://arctos.database.museum/guid/UAM:Mamm:1",
        "http://n2t.net/ark:/65665/3d9e26a6e-f500-46c6-b537-a3e143067c6e",
        "http://sweetgum.nybg.org/science/vh/specimen-details/?irn=1",
        "https://observation.org/observation/1/",
        "https://example.org/specimen/1.html",
        "https://example.org/",
    ],
)
def test_pages_of_records_name_no_photo(url: str) -> None:
    found = resolve(url)
    assert (found.kind, found.rank, found.names_photo) == (CandidateKind.PAGE, 9, False)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.inaturalist.org/photos/7",
        "https://arctos.database.museum/media/7",
        "https://commons.wikimedia.org/wiki/File:X.jpg",
        "https://iiif.bgbm.org/?manifest=https://herbarium.bgbm.org/object/B1/manifest.json",
    ],
)
def test_pages_of_one_photo_name_it(url: str) -> None:
    found = resolve(url)
    assert (found.kind, found.rank, found.names_photo) == (CandidateKind.PAGE, 9, True)
