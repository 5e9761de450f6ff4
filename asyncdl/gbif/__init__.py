"""Getting the archive: a filter becomes a request to GBIF's occurrence download API, the request a download, the download a file.

`parameters`, `predicates`, `predicatefile`, `request`, `downloads` are values and rules; `api` asks, `ordering` requests without asking
twice, `waiting` waits, `archive` fetches, `receipt` remembers, and `errand` strings them together. See docs/gbif.md.
"""
