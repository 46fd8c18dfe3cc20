"""The scheduled jobs of this project. `pulumi up` makes those of the Dkron cluster equal to them."""

from pulumi_dkron import Job, shell

ONE_NODE = {"dc": "dc1:1"}

backup = Job(
    "example-backup",
    displayname="Nightly backup",
    schedule="0 30 4 * * *",  # seconds first
    timezone="Europe/Berlin",
    retries=2,
    tags=ONE_NODE,
    executor=shell("echo backing up"),
)
Job("example-report", parent_job=backup, tags=ONE_NODE, executor=shell("echo done"))
