"""What should run: the declared jobs, as plain data. One module for each service that owns jobs, with a list `JOBS`.

Importing this package imports neither Pulumi nor anything that talks to Dkron. A new module is found by itself; a
module whose name begins with an underscore holds helpers.
"""

import importlib
import pkgutil

from provider.job_spec import JobSpec


class DuplicateJob(Exception):
    """Two declarations have one name; the message names both places."""


def declared_jobs() -> list[JobSpec]:
    """Every declared job, by module and then in order of declaration. Raises DuplicateJob."""
    found: dict[str, JobSpec] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        if module.name.startswith("_"):
            continue
        for spec in getattr(importlib.import_module(f"{__name__}.{module.name}"), "JOBS", ()):
            count = len(found)
            first = found.setdefault(spec.name, spec)
            if len(found) == count:
                places = f"at {first.declared_at} and at {spec.declared_at}"
                raise DuplicateJob(f'job "{spec.name}" is declared twice, {places}: rename or remove one')
    return list(found.values())
