"""A stand-in for the Dkron agent, for development and tests on machines that can install no Dkron.

It speaks the recorded REST API of Dkron 4.0.9 (tests/data/dkron-4.0.9) on a single node, keeps its jobs in SQLite
and really runs them with the shell and http executors. It refuses what it does not do: clusters, other executors'
work, restore, leave, the UI. The product must never import it: it finds `dkron` on PATH like the real one.
"""

VERSION = "4.0.9-sandbox"
