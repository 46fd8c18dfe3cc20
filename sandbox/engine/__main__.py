"""`python -m sandbox.engine`: what sandbox/bin/pulumi starts."""

from .cli import entry

entry()
