"""An upstream that costs next to nothing: the rows of a sandbox's world, rendered once and served from memory.

`rows` makes and keeps them, `book` answers windows, `changes` changes them, `api` knows the addresses, `server` the wire.
The sandbox of the tests computes every answer from its records and spends more on a page than a pull does; here a page
of 100 rows is a slice.
"""
