"""What an answer of Dkron's means: the JSON in it, or the error that it stands for, in one line for a person. Pure.

`errors` says which of them pass by themselves, `client` what is sent again.
"""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ..errors import BadAnswer, DkronError, Paused, Rejected, ServerFault, Unauthorised
from ..redaction import redact
from ..text import one_line

_ALIVE = 1
_AGAIN = "it will be tried again on the next run"


def json_body(status: int, body: bytes, what: str) -> Any:
    """The body as JSON. Raises BadAnswer for anything else.

    An empty 200 is Dkron's answer when a stored date can't be written as JSON (recorded: http.json p02-p14).
    """
    if not body:
        raise BadAnswer(
            f"Dkron answered 200 with an empty body for {what}: a job's starts_at or expires_at lies outside the years "
            "0 to 9999; delete that job by name",
            status,
        )
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer(f"the answer for {what} is no JSON: is dkronUrl the address of a Dkron?", status) from None


def live_nodes(members: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The tags of each node that runs jobs: it is alive, and of the region of the servers.

    None where the servers are of several regions, since each starts jobs in its own.
    """
    alive = [dict(one["Tags"]) for one in members if one.get("Status") == _ALIVE and isinstance(one.get("Tags"), dict)]
    regions = {tags.get("region") for tags in alive if "server" in tags}
    return [tags for tags in alive if regions == {tags.get("region")}]


def refusal(status: int, body: bytes, what: str, url: str, secrets: Iterable[str]) -> DkronError:
    """The error that a bad answer of the server at `url` stands for; Dkron's words redacted, then cut."""
    # As UTF-8, whatever the answer says of itself: a secret read in another encoding would not be recognised.
    said = one_line(redact(body.decode(errors="replace"), secrets))
    words = f": {said}" if said else ""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        mend = "set dkronToken, or dkronUser and dkronPassword; if that is done, run `pulumi up --run-program`"
        return Unauthorised(f"{url} refuses the credentials ({status}) for {what}; {mend}", status)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return BadAnswer(f"{url} answered {what} with {status}, which no Dkron does; check dkronUrl", status)
    if status < HTTPStatus.BAD_REQUEST:
        return BadAnswer(f"{url} redirects {what} elsewhere ({status}); set dkronUrl to the address behind it", status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Paused(f"{url} asks to wait before {what} (429{words}); {_AGAIN}", status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Paused(f"Dkron takes no job just now for {what} (503{words}); {_AGAIN}", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and "larger than max" not in said:
        return ServerFault(f"Dkron failed at {what} ({status}{words}); {_AGAIN}", status)
    return Rejected(f"Dkron refused {what} ({status}{words})", status)
