"""`--once` and `--report`: one cycle, or one look, and the exit code that tells how it ended.

Beside a running watcher a person's allowance is handed over to it; nothing else is decided here.
"""

import sys

from provider.errors import DkronJobsError
from watcher import report
from watcher.allowance import OLDEST_S
from watcher.cycle import Cycle
from watcher.endings import Ended, Stopped
from watcher.loop import Loop
from watcher.recovery.recovery import Tools
from watcher.status import EXIT_CODES, Outcome, Reason

LOOK_S = 0.5


def run_once(tools: Tools, cycle: Cycle, loop: Loop) -> int:
    """One cycle, or the allowance handed over to the watcher that runs already."""
    if cycle.keeper.allowance.given:
        code = _hand_over(tools, cycle)
        if code is not None:
            return code
    done = loop.once(Reason.FORCED)
    return EXIT_CODES[done.outcome] if done is not None else 0


def _hand_over(tools: Tools, cycle: Cycle) -> int | None:
    """Leaves the allowance to a running watcher and waits until it has taken it. None if there is no such watcher."""
    control, keeper = tools.control, cycle.keeper
    try:
        space = keeper.workspace()
        if not cycle.recovery.other_watcher(space):
            return None
        file = keeper.allowance_file(space)
        file.leave(keeper.allowance, control.clock.now())
    except (OSError, DkronJobsError):
        return None  # the cycle itself says what is wrong
    tools.log.info("allowance.waiting", detail="another watcher works on this stack; waiting until it takes this over")
    end = control.clock.monotonic() + OLDEST_S
    while file.waiting() and control.clock.monotonic() < end and control.sleep(LOOK_S):
        continue
    if not file.waiting():
        tools.log.info("allowance.taken", detail="the running watcher uses it in the cycle that it starts now")
        return 0
    file.withdraw()
    tools.log.error("allowance.withdrawn", detail="the running watcher did not take it; nothing was allowed")
    return EXIT_CODES[Outcome.LOCKED]


def report_once(tools: Tools, cycle: Cycle, style: str = "text") -> int:
    """What a cycle would do, on standard output; the exit code tells whether it could be found out."""
    problem: tuple[Outcome, str] | None = None
    try:
        work, verdict = cycle.look_only()
    except Stopped:
        return 0
    except Ended as end:
        problem = end.outcome, end.detail
    except DkronJobsError as error:
        problem = Outcome.FAILED, str(error)
    if problem is not None:
        outcome, detail = problem
        detail = "; ".join(filter(None, (detail, cycle.wrong(outcome))))
        tools.log.error("report.failed", outcome=outcome.value, detail=tools.redactor(detail))
        return EXIT_CODES[outcome]
    tools.log.progress.clear()
    found = tools.redactor.within(report.document(work, verdict, tools.settings.stack))
    if style == "text" and len(tools.settings.stacks) > 1:
        sys.stdout.write(f"stack {tools.settings.stack}:\n")
    sys.stdout.write(report.render(found, style) + "\n")
    return 0
