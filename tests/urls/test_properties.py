"""What holds for every text that someone may publish as a URL."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asyncdl.model import CandidateKind
from asyncdl.urls import host_of, resolve, split_urls
from asyncdl.urls.families import FAMILIES
from asyncdl.urls.normalise import words

_HOSTS = st.sampled_from(
    [
        *sorted(
            {host.replace("#", "3").replace("*.", "sub.") for family in FAMILIES for host in family.hosts.split() if host != "*"}
        ),
        *["example.org", "www.example.org", "EXAMPLE.org:8080", "127.0.0.1:8123", "[::1]:90"],
        *["s3.amazonaws.com", "b.s3-eu-west-1.amazonaws.com", "api.gbif.org", "wsrv.nl"],
    ]
)
_SEGMENTS = st.one_of(
    st.sampled_from(
        sorted(
            words(
                "iiif 2 3 v2 image images presentation manifest manifest.json manifests info.json full square max native.jpg default.jpg gray.png "
                "!720,720 1600, res:2 pct:50 0 90 thumbs large small original original.jpg photos imglib seinet torch fileget static originals wiki "
                "File:x.jpg fsi server styles files public thumb a ab 320px-a.jpg . .. %2e%2E %2F ark:%2F65665 x%2Fy %3A: ;jsessionid=1 "
                "0123_thumb.jpg tn_0123.jpg 0123_lg_tn.JPG 12345 E00719041 a-300x200.jpg wp-content x.html %C3%BC %zz % & &amp; + 00-abc"
            )
        )
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="/?#"), max_size=8),
    st.text("abc019_-.%25,:~", max_size=12),
)
_SAMPLES = Path(__file__).parents[1] / "data" / "urls"


def _sample(name: str) -> list[str]:
    with (_SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return [row["url"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


_KNOWN = st.sampled_from([*[family.example for family in FAMILIES], *_sample("url_groups.tsv"), *_sample("more_groups.tsv")])
_ENDINGS = st.sampled_from(
    [
        *sorted(words("_thumb _tn .jpg _lg.jpg %2F .. %2e .thumb.jpg -300x200 _ %20 + .JPG _orig.tif / // /manifest /info.json")),
        *sorted(words("%2B = ; & ? %25 é")),
        *[" ", "/full/max/0/default.jpg", "/square/10,/0/gray.jpg", "/full/300,/0/native.jpg"],
    ]
)
_PARAMETERS = st.tuples(
    st.sampled_from(
        sorted(
            words(
                "id v t token w width size quality scale imgType imgSize filename coll type source manifest url iiif FIF i X-Amz-Date a "
                "open irn occid ref fn dl raw page sequence title rect imageId zip file"
            )
        )
    ),
    st.one_of(
        st.sampled_from(
            sorted(
                words(
                    "1 300 thumb large jpeg image O a%26b a+b a%2Bb a=b a/b .. ../x //a/b.jp2 http://example.org/x http%3A%2F%2Fexample.org"
                )
            )
        ),
        st.text(max_size=6),
    ),
).map("=".join)


@st.composite
def urls(draw: st.DrawFn) -> str:
    scheme = draw(st.sampled_from(["http://", "https://", "HTTP://", "", "//", "http:/"]))
    path = "/".join(draw(st.lists(_SEGMENTS, max_size=9)))
    query = "&".join(draw(st.lists(_PARAMETERS, max_size=3)))
    return f"{scheme}{draw(_HOSTS)}/{path}" + (f"?{query}" if query else "")


@st.composite
def near_known_urls(draw: st.DrawFn) -> str:
    """Published URLs with a few pieces changed: what families nearly know."""
    head, mark, query = draw(_KNOWN).partition("?")
    scheme, slashes, rest = head.rpartition("//")
    parts, parameters = rest.split("/"), query.split("&") if mark else []
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(parts) - 1))
        match draw(st.integers(0, 7)):
            case 0:
                parts[0] = draw(_HOSTS)
            case 1:
                parts.insert(place + 1, draw(_SEGMENTS))
            case 2 if place:
                parts[place] = draw(_SEGMENTS)
            case 3 if place:
                del parts[place]
            case 4:
                parts.insert(place + 1, parts[place])
            case 5:
                parameters.append(draw(_PARAMETERS))
            case 6 if parameters:
                parameters[-1] += draw(_ENDINGS)
            case _:
                parts[place] += draw(_ENDINGS) if place else ""
    return scheme + slashes + "/".join(parts) + ("?" + "&".join(parameters) if parameters else "")


_TEXTS = st.one_of(
    urls(), urls(), near_known_urls(), near_known_urls(), st.text(max_size=60), st.text("htps:/.@[]%?#&=\\ \t1a", max_size=40)
)


def assert_own_key(text: str) -> None:
    key = resolve(text).key
    if key:
        assert resolve(key).key == key
        assert resolve("https://" + key).key == key


@given(_TEXTS)
@settings(max_examples=600)
def test_a_text_is_usable_or_it_has_no_key_and_no_host(text: str) -> None:
    found = resolve(text)
    assert bool(found.key) == bool(found.host) == bool(host_of(text) and found.key)
    assert 1 <= found.rank <= 9
    assert (found.rank == 9) == (found.kind is CandidateKind.PAGE or not found.key)
    assert found.key.isascii()
    assert found.key.isprintable()
    assert " " not in found.key


@given(_TEXTS)
@settings(max_examples=600)
def test_resolving_what_will_be_requested_changes_nothing(text: str) -> None:
    found = resolve(text)
    if found.key:
        assert resolve(found.url) == found


@given(_TEXTS)
@settings(max_examples=1500)
@example("http://example.org/a/thumbs/tn_original_thumb.jpg?v=3")
@example("http://s3.amazonaws.com/%2e%2E/0/!720,720")
@example("http://www.www.example.org/x.jpg")
@example("https://s3.amazonaws.com/herb%2Fab%2F0001.jp2%2F/info.json")
@example("https://ids.si.edu/ids/download?id=..")
@example("https://h.org/fileget?coll=A&filename=a%2Bb=c.jpg")
@example("https://waarneming.nl/media/photo/0123_thumb.jpg")
@example("https://upload.wikimedia.org/wikipedia/commons/thumb/c/c4/Puffin.jpg")
@example("https://iiif.rbge.org.uk/herb/iiif/E01152440/full/max/0%2F/default.jpg")
@example("https://unimus.no/felles/bilder/web_hent_bilde.php?id=13254255_thumb&type=jpeg&id=1")
@example("https://api.gbif.org/v1///image/unsafe/x260/https://data.nhm.ac.uk/media/a8387bd3-f58c-4fcc-9503-70c2182d7dc9")
@example("https://ap3.example.org/fcgi-bin/iipsrv.fcgi?fif=//a/../b.jp2")
@example("https://museum.example.org/sites/default/files/styles/large/public/imglib/leaf_thumb.jpg")
@example("https://x.org/imglib/seinet/a.jpg/.._lg.jpg")
def test_a_key_is_its_own_key(text: str) -> None:
    assert_own_key(text)


@pytest.mark.slow
@given(st.one_of(near_known_urls(), urls()))
@settings(max_examples=30_000, suppress_health_check=list(HealthCheck))
def test_keys_of_very_many_urls_are_their_own(url: str) -> None:
    assert_own_key(url)


@given(st.one_of(urls(), near_known_urls()))
def test_scheme_and_www_do_not_matter(url: str) -> None:
    if url.startswith("http://") and not url.startswith("http://www.") and resolve(url).key:
        assert resolve("https" + url[4:]).key == resolve(url).key


@given(
    st.lists(st.sampled_from(["http://a.org/1,2.jpg", "https://b.org/x;y.jpg", "http://c.org/?u=1|2"]), unique=True),
    st.sampled_from(["|", " | ", ";", " ", "\n", ","]),
)
def test_a_cell_gives_back_what_was_joined(parts: list[str], separator: str) -> None:
    assert split_urls(separator.join(parts)) == parts
