"""Jobs of the geo service."""

from jobs._service import service_job

JOBS = [
    service_job(
        "geo",
        "geo-purge-stale-whois",
        schedule="0 0 2 * * *",
        displayname="Purge WhoIs records older than retention period",
    ),
    service_job(
        "geo",
        "geo-cleanup-orphaned-locations",
        schedule="0 15 2 * * *",
        displayname="Remove locations with zero contact and WhoIs references",
    ),
]
