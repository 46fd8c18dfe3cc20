"""`Job`, the resource: all that the author of a Pulumi program sees, typed.

It is a custom resource of the dynamic provider's type and not a `pulumi.dynamic.Resource`: that class serialises its
provider anew for each resource and dies of recursion at about 967 of them; here one reference serves them all.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, Final

import pulumi
from pulumi.resource import DependencyResource

from .job.executors import Executor
from .job.ownership import OWNER_TAG_KEY, RETAINED_KEY, STACK_MARK_KEY, mark_of
from .job.spec import DEFAULTS, UNKNOWN
from .job.stacks import NoValue, in_stack
from .job.tags import accepted_codes
from .node_advice import note
from .program import end_quietly, filled_in, program_settings, require_dkron
from .reference import reference_of

JOB_TYPE: Final = "pulumi-python:dynamic/dkron:Job"


# In every state file, a plain string and never a secret. The package is `provider` here, else `pulumi_dkron`.
PROVIDER_REFERENCE: Final = reference_of(__package__)

TextMap = pulumi.Input[Mapping[str, pulumi.Input[str]]]


class Job(pulumi.CustomResource):
    """One job in Dkron. Its attributes are outputs, one for each of Dkron's fields.

    `name` is the job's name in Dkron, the resource's own name if left out; another name replaces the job. `executor` is
    what a builder of `provider.job.executors` gives, or a name with `executor_config` beside it. A parent in the same
    program is created first and deleted last, also when it is only named by `parent_job`, if it was declared before.
    Without `tags` the stack's default holds; `ALL_NODES` is every node. `accept`: codes of warnings that are meant.
    Raises pulumi.RunError for settings that are missing or malformed, and for an executor that is none.
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
        accept: Collection[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        end_quietly()
        settings = program_settings()
        require_dkron(settings.dkron)
        owner_tag = settings.owner_tag
        if tags is None:
            tags = dict(settings.default_tags) or None
        try:
            executor = in_stack(executor, pulumi.get_stack())
        except NoValue as error:
            raise pulumi.RunError(f'job "{resource_name}": executor: {error}') from None
        if executor is not None and not isinstance(executor, Executor | str | pulumi.Output | Awaitable):
            raise pulumi.RunError(
                f'job "{resource_name}": executor must be what http(), shell() or plugin() gives, or a name, '
                f"not a {type(executor).__name__}"
            )
        if isinstance(executor, Executor):
            executor_config = executor.config
            executor = executor.name
        parent = DECLARED.get(parent_job) if isinstance(parent_job, str) else None
        if isinstance(parent_job, Job):
            parent = parent_job
        given = {
            "name": resource_name if name is None else name,
            "displayname": displayname,
            "timezone": timezone,
            "schedule": schedule,
            "owner": owner,
            "owner_email": owner_email,
            "disabled": disabled,
            "tags": tags,
            "metadata": metadata,
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
        retained = opts is not None and bool(opts.retain_on_delete)
        known = filled_in({resource_name: {k: v for k, v in given.items() if v is not None}}, pulumi.Output.secret)
        props = with_ownership(known[resource_name], owner_tag, retained)
        _register(self, resource_name, props, parent, opts)
        _warn(self, props, accept)
        note(known_inputs(props), accepted_codes(accept, tags), settings.dkron)

    def __getattr__(self, attribute: str) -> Any:
        """An output that wasn't given: Dkron's default, which an upsert without the field restores."""
        if attribute in DEFAULTS:
            return pulumi.Output.from_input(DEFAULTS[attribute])
        raise AttributeError(f"a Dkron job has no {attribute}")


# What the program has declared so far, by the job's name; of what `provider.registration` registers, the URN to come.
DECLARED: Final[dict[str, Job | asyncio.Task[str]]] = {}


def _register(
    job: Job,
    resource_name: str,
    props: dict[str, Any],
    parent: Job | asyncio.Task[str] | None,
    opts: pulumi.ResourceOptions | None,
) -> None:
    """Registers the resource with the engine, after its parent."""
    if parent is not None:
        urn: Any = parent
        first = parent if isinstance(parent, Job) else pulumi.Output.from_input(urn).apply(_dependency)
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[first]))
    pulumi.CustomResource.__init__(job, JOB_TYPE, resource_name, {**props, "__provider": PROVIDER_REFERENCE}, opts)
    if isinstance(props["name"], str):
        DECLARED[props["name"]] = job


def _warn(job: Job, props: Mapping[str, Any], accept: Collection[str]) -> None:
    """Warns of what is likely to be a mistake, and isn't accepted."""
    from .job.validation import warnings_for  # the grammar of schedules takes as long as all else

    for warning in warnings_for(known_inputs(props), accept):
        pulumi.log.warn(warning, job)


def _dependency(urn: Any) -> pulumi.Resource:
    return DependencyResource(urn)


def with_ownership(inputs: Mapping[str, Any], owner_tag: str, retained: bool = False) -> dict[str, Any]:
    """The inputs with our owner tag and our stack's mark in the metadata, `retained`: and that it is never a stray.

    A tag that the declaration gives stays, for check to refuse; a mark that it gives was copied and is replaced.
    """
    mark = {STACK_MARK_KEY: mark_of(pulumi.get_project(), pulumi.get_stack())}
    if retained:
        mark[RETAINED_KEY] = "true"
    return {**inputs, "metadata": {OWNER_TAG_KEY: owner_tag, **(inputs.get("metadata") or {}), **mark}}


def known_inputs(value: Any) -> Any:
    """What is known of an input while the program runs; anything else stands for itself as unknown."""
    if isinstance(value, Mapping):
        return {key: known_inputs(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool) else UNKNOWN
