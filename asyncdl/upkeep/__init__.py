"""Care for a collection that has run: re-open failures (`retry`), compare rows with files and repair (`verify`, `repair`)."""
