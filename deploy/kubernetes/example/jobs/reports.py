"""An example of a module of declarations; the image brings `provider`."""

from provider import JobSpec, http, setting

JOBS = [
    JobSpec(
        name="reports-weekly",
        schedule="0 30 6 * * 1",
        executor=http(setting("gatewayUrl") + "/api/v1/reports/weekly", method="POST"),
        tags={"dc": "dc1:1"},
    ),
]
