"""`python -m asyncdl` is the same as `asyncdl`."""

from asyncdl.cli import main

main()
