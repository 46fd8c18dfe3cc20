"""The Pulumi program: settings -> declare the jobs -> export what was declared. Run by `pulumi`, never by hand."""

import gc
import signal

# Over a third of a large program's time was the cyclic garbage collector, and a process of seconds needs none.
gc.disable()
# A failed run interrupts the program; Python's own handler would print a KeyboardInterrupt traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import pulumi  # noqa: E402

from provider.jobs_dir import gather  # noqa: E402
from provider.program import declared_here, hand_over, program_settings, schedules  # noqa: E402
from provider.registration import declare  # noqa: E402

found = declared_here(gather())
settings = program_settings(found.specs, found.problems)
hand_over(found)
declare(found.specs, settings)
pulumi.export("jobs", schedules(found.specs))
pulumi.export("ownerTag", settings.owner_tag)
pulumi.export("dkronUrl", settings.dkron.shown)
