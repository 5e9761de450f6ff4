"""What holds for every text that someone may publish as a URL."""

from hypothesis import example, given, settings
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
_PARAMETERS = st.tuples(
    st.sampled_from(
        sorted(
            words(
                "id v t token w width size quality scale imgType imgSize filename coll type source manifest url iiif FIF i X-Amz-Date a"
            )
        )
    ),
    st.one_of(
        st.sampled_from(sorted(words("1 300 thumb large jpeg image O a%26b a+b http://example.org/x http%3A%2F%2Fexample.org"))),
        st.text(max_size=6),
    ),
).map("=".join)


@st.composite
def urls(draw: st.DrawFn) -> str:
    scheme = draw(st.sampled_from(["http://", "https://", "HTTP://", "", "//", "http:/"]))
    path = "/".join(draw(st.lists(_SEGMENTS, max_size=9)))
    query = "&".join(draw(st.lists(_PARAMETERS, max_size=3)))
    return f"{scheme}{draw(_HOSTS)}/{path}" + (f"?{query}" if query else "")


_TEXTS = st.one_of(urls(), urls(), urls(), st.text(max_size=60), st.text("htps:/.@[]%?#&=\\ \t1a", max_size=40))


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
def test_a_key_is_its_own_key(text: str) -> None:
    key = resolve(text).key
    if key:
        assert resolve(key).key == key
        assert resolve("https://" + key).key == key


@given(urls())
def test_scheme_and_www_do_not_matter(url: str) -> None:
    if url.startswith("http://") and not url.startswith("http://www.") and resolve(url).key:
        assert resolve("https" + url[4:]).key == resolve(url).key


@given(
    st.lists(st.sampled_from(["http://a.org/1,2.jpg", "https://b.org/x;y.jpg", "http://c.org/?u=1|2"]), unique=True),
    st.sampled_from(["|", " | ", ";", " ", "\n", ","]),
)
def test_a_cell_gives_back_what_was_joined(parts: list[str], separator: str) -> None:
    assert split_urls(separator.join(parts)) == parts
