"""The slice behind `asyncdl run`: due rows in, verified files and recorded reasons out."""
