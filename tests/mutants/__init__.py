"""Each guard of the design taken away in turn: the tests must notice."""
