"""`import-legacy`: files that an earlier tool saved become files of the collection, on proof and without a request."""
