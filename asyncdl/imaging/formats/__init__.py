"""One module per container format: is the body whole, and how many pixels does its header announce.

Each `check` takes a `ByteSource` and returns None, or the error type `truncated` or `damaged`; each `dimensions`
returns width and height in pixels, or None. Pure: no decoding, no library, and no exception for any input.
"""
