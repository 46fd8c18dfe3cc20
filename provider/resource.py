"""`Job`, the resource: all that the author of a Pulumi program sees, typed.

It is a custom resource of the dynamic provider's type and not a `pulumi.dynamic.Resource`: that class serialises its
provider anew for each resource and dies of recursion at about 967 of them; here one reference serves them all.
"""

import base64
import os
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

import pulumi
from pulumi.runtime.config import is_config_secret

from provider.errors import SettingsError
from provider.executors import Executor
from provider.job_provider import JobProvider
from provider.job_spec import DEFAULTS, UNKNOWN, JobSpec
from provider.ownership import OWNER_TAG_KEY
from provider.references import Reference
from provider.settings import SECRET_KEYS, Settings, load, load_owner
from provider.validate import warnings_for

JOB_TYPE: Final = "pulumi-python:dynamic/dkron:Job"
# By reference: the class's import path and no state. A plain string, never a secret.
PROVIDER_REFERENCE: Final = base64.b64encode(pickle.dumps(JobProvider(), protocol=4)).decode()

TextMap = pulumi.Input[Mapping[str, pulumi.Input[str]]]


class Job(pulumi.CustomResource):
    """One job in Dkron. Its attributes are outputs, one for each of Dkron's fields.

    `name` is the job's name in Dkron, the resource's own name if left out; another name replaces the job. `executor` is
    what a builder of `provider.executors` gives, or a name with `executor_config` beside it. A parent in the same
    program is created first and deleted last, also when it is only named by `parent_job`, if it was declared before.
    """

    name: pulumi.Output[str]
    displayname: pulumi.Output[str]
    timezone: pulumi.Output[str]
    schedule: pulumi.Output[str]
    owner: pulumi.Output[str]
    owner_email: pulumi.Output[str]
    disabled: pulumi.Output[bool]
    tags: pulumi.Output[Mapping[str, str]]
    metadata: pulumi.Output[Mapping[str, str]]
    retries: pulumi.Output[int]
    parent_job: pulumi.Output[str]
    processors: pulumi.Output[Mapping[str, Mapping[str, str]]]
    concurrency: pulumi.Output[str]
    executor: pulumi.Output[str]
    executor_config: pulumi.Output[Mapping[str, str]]
    ephemeral: pulumi.Output[bool]
    starts_at: pulumi.Output[str | None]
    expires_at: pulumi.Output[str | None]

    _declared: ClassVar[dict[str, "Job"]] = {}

    def __init__(  # noqa: PLR0913 - one argument for each of Dkron's fields
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str] | None = None,
        displayname: pulumi.Input[str] | None = None,
        timezone: pulumi.Input[str] | None = None,
        schedule: pulumi.Input[str] | None = None,
        owner: pulumi.Input[str] | None = None,
        owner_email: pulumi.Input[str] | None = None,
        disabled: pulumi.Input[bool] | None = None,
        tags: TextMap | None = None,
        metadata: Mapping[str, pulumi.Input[str]] | None = None,
        retries: pulumi.Input[int] | None = None,
        parent_job: "pulumi.Input[str] | Job | None" = None,
        processors: pulumi.Input[Mapping[str, TextMap]] | None = None,
        concurrency: pulumi.Input[str] | None = None,
        executor: pulumi.Input[str] | Executor | None = None,
        executor_config: TextMap | None = None,
        ephemeral: pulumi.Input[bool] | None = None,
        starts_at: pulumi.Input[str] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        owner_tag = load_owner(pulumi.Config().get)[0]
        if isinstance(executor, Executor):
            executor_config = _resolve(executor.config, pulumi.Config().require)
            executor = executor.name
        parent = parent_job if isinstance(parent_job, Job) else None
        if isinstance(parent_job, str):
            parent = self._declared.get(parent_job)
        given = {
            "name": resource_name if name is None else name,
            "displayname": displayname,
            "timezone": timezone,
            "schedule": schedule,
            "owner": owner,
            "owner_email": owner_email,
            "disabled": disabled,
            "tags": tags,
            "metadata": {OWNER_TAG_KEY: owner_tag, **(metadata or {})},
            "retries": retries,
            "parent_job": parent_job.name if isinstance(parent_job, Job) else parent_job,
            "processors": processors,
            "concurrency": concurrency,
            "executor": executor,
            "executor_config": executor_config,
            "ephemeral": ephemeral,
            "starts_at": starts_at,
            "expires_at": expires_at,
        }
        props = {key: value for key, value in given.items() if value is not None}
        _register(self, resource_name, props, parent, opts)

    def __getattr__(self, attribute: str) -> Any:
        """An output that wasn't given: Dkron's default, which an upsert without the field restores."""
        if attribute in DEFAULTS:
            return pulumi.Output.from_input(DEFAULTS[attribute])
        raise AttributeError(f"a Dkron job has no {attribute}")


def _register(
    job: Job, resource_name: str, props: dict[str, Any], parent: Job | None, opts: pulumi.ResourceOptions | None
) -> None:
    """Registers the resource with the engine, after its parent, and warns of what is likely to be a mistake."""
    if parent is not None:
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[parent]))
    pulumi.CustomResource.__init__(job, JOB_TYPE, resource_name, {**props, "__provider": PROVIDER_REFERENCE}, opts)
    if isinstance(props["name"], str):
        Job._declared[props["name"]] = job  # noqa: SLF001 - this function is the class's own
    for warning in warnings_for(_known(props)):
        pulumi.log.warn(warning, job)


def _known(value: Any) -> Any:
    """What is known of an input while the program runs; anything else stands for itself as unknown."""
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool) else UNKNOWN


def _resolve(value: Any, lookup: Callable[[str], str]) -> Any:
    """`value` with its references to the stack's config looked up; one with a secret in it becomes a secret output."""
    if isinstance(value, Reference):
        text = value.resolve(lookup)
        return pulumi.Output.secret(text) if value.secret else text
    if isinstance(value, Mapping):
        return {key: _resolve(item, lookup) for key, item in value.items()}
    return value


def declare(specs: Iterable[JobSpec], settings: Settings) -> list[Job]:
    """Registers declared jobs, parents before their children, with the settings filled in.

    Raises pulumi.RunError, one line each, for references to config that isn't set.
    """
    values = {"gatewayUrl": settings.gateway_url, "serviceKey": settings.service_key}
    config = pulumi.Config()
    missing: dict[str, str] = {}

    def lookup(key: str) -> str:
        value = values.get(key) or config.get(key)
        if not value:
            missing[key] = f"{key} is not set: run `pulumi config set --secret {key} VALUE`"
        return value or ""

    resolved = {spec.name: _resolve(spec.inputs(), lookup) for spec in specs}
    if missing:
        raise pulumi.RunError("\n".join(missing.values()))
    ordered = parents_first(resolved)
    return [Job(name, **resolved[name]) for name in ordered]


def parents_first(jobs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names, each after its parent; otherwise as declared. Jobs in a cycle keep their place: check refuses them."""
    ordered: dict[str, None] = {}
    for name in jobs:
        line = {name: None}  # the name, its parent, its parent's parent, as far as they have no place yet
        parent = jobs[name].get("parent_job", "")
        while parent in jobs and parent not in ordered and parent not in line:
            line[parent] = None
            parent = jobs[parent].get("parent_job", "")
        ordered.update(dict.fromkeys(reversed(line)))
    return list(ordered)


def program_settings() -> Settings:
    """The settings of the running program. Raises pulumi.RunError, which the CLI shows without a traceback."""
    config = pulumi.Config()
    problems = [
        f"{key} stands in the stack's config unencrypted: run `pulumi config set --secret {key} VALUE`"
        for key in sorted(SECRET_KEYS)
        if config.get(key) and not is_config_secret(config.full_key(key))
    ]
    settings = None
    try:
        settings = load(config.get, os.environ)
    except SettingsError as error:
        problems.extend(error.problems)
    if problems or settings is None:
        raise pulumi.RunError("\n".join(problems)) from None
    return settings
