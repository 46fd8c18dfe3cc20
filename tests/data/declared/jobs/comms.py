"""Jobs of the comms service."""

from jobs._service import service_job

JOBS = [
    service_job(
        "comms",
        "comms-purge-deleted-messages",
        schedule="0 30 3 * * *",
        displayname="Purge soft-deleted messages beyond retention period",
    ),
    service_job(
        "comms",
        "comms-purge-delivery-history",
        schedule="0 45 3 * * *",
        displayname="Purge old delivery request and attempt history",
    ),
]
