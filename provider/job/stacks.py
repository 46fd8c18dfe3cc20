"""Declarations that differ by stack, as plain data: `per_stack` for a value, `only_in` for a whole job.

A value is chosen when it is known which stack is meant: the program knows its own, and `python -m jobs check` judges
all of them. Nothing here knows which stacks there are. Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")
_NONE: Final[Any] = object()  # no default


class NoValue(Exception):
    """A value has nothing for a stack; the text is the whole reason."""


@dataclass(frozen=True, slots=True)
class PerStack:
    """A value for each stack, and for all others the default, if there is one."""

    values: Mapping[str, Any]
    default: Any = _NONE

    def of(self, stack: str) -> Any:
        """The value in a stack. Raises NoValue."""
        found = self.values.get(stack, self.default)
        if found is _NONE:
            named = ", ".join(self.values) or "no stack"
            raise NoValue(f"per_stack names {named} and has no default, so there is no value in stack {stack}")
        return found

    def __add__(self, other: object) -> "PerStack":
        return _each((self, other), lambda left, right: left + right)

    def __radd__(self, other: object) -> "PerStack":
        return _each((other, self), lambda left, right: left + right)

    def __str__(self) -> NoReturn:
        """Refused: a text made of it would be the same in every stack."""
        raise TypeError("per_stack(...) can't be put into a text by an f-string or str(): join it with +")

    def __format__(self, _spec: str) -> NoReturn:
        self.__str__()

    def __bool__(self) -> NoReturn:
        raise TypeError("per_stack(...) can't be asked here, since no stack is known yet: give it to a field")


def per_stack(values: Mapping[str, T] | None = None, /, *, default: T = _NONE, **named: T) -> T:
    """A value by the stack's name: `per_stack(prod="0 0 2 * * *", default="@manually")`.

    Names that are no Python names go into a map: `per_stack({"eu-prod": 3}, default=1)`. To type checkers it is the
    value itself. Raises TypeError if it gives no value at all.
    """
    every = {**(values or {}), **named}
    if not every and default is _NONE:
        raise TypeError('per_stack needs a value: per_stack(prod="0 0 2 * * *", default="@manually")')
    return cast(T, PerStack(every, default))


def only_in(*stacks: str) -> tuple[str, ...]:
    """The stacks in which a job is declared: `JobSpec(stacks=only_in("prod", "staging"), ...)`.

    Raises TypeError for none, and for what is no name.
    """
    if not stacks or not all(isinstance(stack, str) and stack for stack in stacks):
        raise TypeError('only_in needs the names of stacks: only_in("prod", "staging")')
    return stacks


def stacks_in(value: object) -> Iterator[str]:
    """The names of the stacks that a value, or what is in it, tells apart."""
    if isinstance(value, PerStack):
        yield from value.values
        for item in (*value.values.values(), value.default):
            yield from stacks_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from stacks_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from stacks_in(item)


def varies(value: object) -> bool:
    """Whether a value, or something in it, differs by stack."""
    if isinstance(value, Mapping):
        return any(map(varies, value.values()))
    if isinstance(value, list | tuple):
        return any(map(varies, value))
    return isinstance(value, PerStack)


def in_stack(value: Any, stack: str) -> Any:
    """The value in a stack; what doesn't differ by stack is given back as it is. Raises NoValue."""
    if not varies(value):
        return value
    if isinstance(value, PerStack):
        return in_stack(value.of(stack), stack)
    if isinstance(value, Mapping):
        return {key: in_stack(item, stack) for key, item in value.items()}
    return [in_stack(item, stack) for item in value]


def by_stack(build: Callable[P, T]) -> Callable[P, T]:
    """A builder that may be given values by stack; what it builds then differs by stack, too."""

    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> T:
        if not varies(args) and not varies(kwargs):
            return build(*args, **kwargs)
        names = list(kwargs)
        return cast(
            T,
            _each(
                [*args, *kwargs.values()],
                lambda *chosen: cast(Any, build)(
                    *chosen[: len(args)], **dict(zip(names, chosen[len(args) :], strict=True))
                ),
            ),
        )

    return built


def _each(parts: Sequence[Any], build: Callable[..., Any]) -> PerStack:
    """What is built of the parts in each stack that they name, and in any other."""
    named = dict.fromkeys(stacks_in(list(parts)))
    values = {}
    for stack in named:
        try:
            values[stack] = build(*(in_stack(part, stack) for part in parts))
        except NoValue:
            continue
    try:
        # A name that no stack has: what is left for all others.
        return PerStack(values, build(*(in_stack(part, "") for part in parts)))
    except NoValue:
        return PerStack(values)
