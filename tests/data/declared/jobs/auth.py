"""Jobs of the auth service."""

from jobs._service import service_job

JOBS = [
    service_job(
        "auth",
        "auth-purge-sessions",
        schedule="0 30 2 * * *",
        displayname="Purge expired auth sessions",
    ),
    service_job(
        "auth",
        "auth-purge-sign-in-events",
        schedule="0 45 2 * * *",
        displayname="Purge old sign-in events beyond retention period",
    ),
    service_job(
        "auth",
        "auth-cleanup-invitations",
        schedule="0 0 3 * * *",
        displayname="Clean up expired org invitations",
    ),
    service_job(
        "auth",
        "auth-cleanup-emulation-consents",
        schedule="0 15 3 * * *",
        displayname="Clean up expired or revoked emulation consents",
    ),
]
