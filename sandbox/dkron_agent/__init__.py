"""A stand-in for the Dkron agent, for development and tests on machines that can install no Dkron.

It serves the REST API of Dkron 4.0.9 on a single node, keeps its jobs in SQLite and really runs them with the shell and
http executors. What it is held to are the recordings in tests/data/dkron-4.0.9, by status, fields and effects; what it
leaves out is listed in sandbox/README.md. The product must never import it: it finds `dkron` on PATH like the real one.
"""

VERSION = "4.0.9-sandbox"
