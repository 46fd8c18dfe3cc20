"""What all calls to our services have in common, so that a declaration says only what is its own."""

from provider import JobSpec, http, secret, setting


def service_job(service: str, name: str, *, schedule: str, displayname: str) -> JobSpec:
    """A call to {gatewayUrl}/api/v1/{service}/jobs/{name without "{service}-"}, authorised by the service key.

    POST, 30 seconds (Dkron counts in whole seconds), success is 200, no overlap, two retries, in UTC.
    """
    path = f"/api/v1/{service}/jobs/{name.removeprefix(f'{service}-')}"
    return JobSpec(
        name=name,
        displayname=displayname,
        schedule=schedule,
        timezone="UTC",
        concurrency="forbid",
        retries=2,
        executor=http(
            setting("gatewayUrl") + path,
            method="POST",
            headers={"X-Api-Key": secret("serviceKey")},
            timeout=30,
            expect_code=200,
        ),
    )
