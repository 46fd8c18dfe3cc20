"""A stand-in for the Dkron agent. It serves the REST API of Dkron 4.0.9 on a single node, keeps its jobs in SQLite and
really runs them with the shell and http executors. It is held to the recordings in tests/data/dkron-4.0.9, by status,
fields and effects. The product never imports it: it finds `dkron` on PATH like the real one.
"""

VERSION = "4.0.9-sandbox"
