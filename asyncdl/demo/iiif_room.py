"""The room of the IIIF host: its image services, its manifests, and what rows say of them.

Pure: adds to the `Builder` it is given. How the services answer is in `iiif.py`.
"""

from __future__ import annotations

from asyncdl.demo.catalogue import Builder, Exhibit, ImageService, Manifest, MediaRow, Place

HOST = "sheets"
NINE = 9
MANIFEST_TYPES = ("", "application/json", "application/ld+json")


def _service(build: Builder, version: int, name: str) -> Place:
    base = Place(HOST, f"/iiif/{version}/{name}")
    build.services[base] = ImageService(version, build.next_motif())
    return base


def _rendering(base: Place, size: str) -> Place:
    return Place(base.host, f"{base.path}/full/{size}/0/default.jpg")


def _publish_manifest(build: Builder, gbif_id: int, place: Place, manifest: Manifest) -> None:
    """A manifest's row has an empty type, as GBIF leaves it."""
    build.manifests[place] = manifest
    media_type = MANIFEST_TYPES[len(build.manifests) % len(MANIFEST_TYPES)]
    build.rows.append(MediaRow(gbif_id, place, media_type, kind=""))


def _nine_canvases(build: Builder) -> None:
    """One record, one manifest, nine photos, of which a row names the first at 300 pixels."""
    gbif_id = build.new_id()
    bases = tuple(_service(build, 2, f"SHT0000900_{n}") for n in range(1, NINE + 1))
    for n, base in enumerate(bases):
        build.show(Exhibit(gbif_id, base, (_rendering(base, "300,"),) if n == 0 else (), named=n == 0))
    _publish_manifest(build, gbif_id, Place(HOST, "/iiif/2/SHT0000900/manifest"), Manifest(2, "SHT0000900", bases))
    build.unmatched_manifests += 1


def _broken_manifest(build: Builder) -> None:
    gbif_id, place = build.new_id(), Place(HOST, "/iiif/2/SHT0000901/manifest")
    _publish_manifest(build, gbif_id, place, Manifest(2, "SHT0000901", (), broken=True))
    build.exhibits.append(Exhibit(gbif_id, place, (), ("manifest_error",)))


def _sheet(build: Builder, style: int, gbif_id: int, name: str) -> None:
    """One photo, published in one of five ways."""
    version = 2 if style < 2 else 3
    base = _service(build, version, name)
    manifest = Manifest(version, name, (base,))
    under_base = Place(HOST, f"{base.path}/manifest")
    elsewhere = Place(HOST, f"/presentation/{version}/{name}/manifest.json")
    if style == 0:  # a small rendering, and a manifest of the same base
        build.show(Exhibit(gbif_id, base, (_rendering(base, "300,"),)))
        _publish_manifest(build, gbif_id, under_base, manifest)
    elif style == 1:  # the full rendering alone
        build.show(Exhibit(gbif_id, base, (_rendering(base, "full"),)))
    elif style == 2:  # two renderings
        build.show(Exhibit(gbif_id, base, (_rendering(base, "max"), _rendering(base, "400,"))))
    elif style == 3:  # only a manifest
        build.show(Exhibit(gbif_id, base, ()))
        _publish_manifest(build, gbif_id, under_base, manifest)
    else:  # a small rendering, and a manifest whose address does not tell whose it is
        build.show(Exhibit(gbif_id, base, (_rendering(base, "300,"),)))
        _publish_manifest(build, gbif_id, elsewhere, manifest)
        build.unmatched_manifests += 1


def fill_sheets(build: Builder, total: int) -> None:
    """Fill the room with `total` photos (at least the nine canvases, the broken manifest and one of each style)."""
    singles = total - NINE - 1
    for n, gbif_id in enumerate(build.new_id() for _ in range(singles)):
        _sheet(build, n % 5, gbif_id, f"SHT{n + 101:07d}")
    _nine_canvases(build)
    _broken_manifest(build)
