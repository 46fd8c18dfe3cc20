"""Random histories of two stacks on one Dkron, and what must hold at their end, whatever plays them.

A history is made of a seed. It is played on `Hands`: a model of the engine in this process, or the CLI itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

STACKS = ("dev", "prod")
TAG = "d2-dkron-mgr"
NAMES = tuple("abcdefghij")
THEIRS = {"managed_by": "somebody"}

Program = dict[str, tuple[str, str]]  # resource -> name of its job, command
Live = dict[str, dict[str, Any]]


class Hands(Protocol):
    """What people and machines do to the stacks and to Dkron."""

    def declare(self, stack: str, program: Program) -> None: ...
    def cycle(self, stack: str, adopt: bool = False, allow: bool = False) -> str:
        """One cycle of the stack's watcher; `allow`: a person allows its deletions. Returns its outcome."""

    def crash(self, stack: str, writes: int) -> None:
        """A run that is killed at the write of that number, and its watcher with it."""

    def replace(self, stack: str, resource: str) -> None: ...
    def lose_state(self, stack: str) -> None: ...
    def meanwhile(self, stack: str, name: str) -> None:
        """Between the next preview and its up somebody deletes this job by hand."""

    def live(self) -> Live: ...
    def post(self, name: str, metadata: dict[str, str], command: str) -> None: ...
    def delete(self, name: str) -> None: ...


@dataclass
class History:
    """One history, as it goes on. `faults`: what must not happen and did; `told`: its steps, for a person."""

    seed: int
    hands: Hands
    programs: dict[str, Program] = field(default_factory=lambda: {stack: {} for stack in STACKS})
    foreign: Live = field(default_factory=dict)
    ever: dict[str, set[str]] = field(default_factory=lambda: {stack: set() for stack in STACKS})
    faults: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    # -- what it watches

    @property
    def declared(self) -> dict[str, str]:
        """The name of each declared job, and the stack that declares it (the last one, in the middle of a move)."""
        return {name: stack for stack, program in self.programs.items() for name, _ in program.values()}

    def on_delete(self, stack: str, name: str, live: Mapping[str, Any] | None) -> None:
        """Called before each deletion by a stack. A job of its own that another stack waits for is its to delete."""
        if live is None:
            return
        if live["metadata"].get("managed_in") != f"dkron-jobs/{stack}":
            self.faults.append(f"{stack} deleted {name}, which carries {live['metadata']}")
        if name in (name for name, _ in self.programs[stack].values()):
            self.faults.append(f"{stack} deleted {name}, which it declares")
        if name not in self.ever[stack]:
            self.faults.append(f"{stack} deleted {name}, which it has never declared")

    # -- its steps

    def play(self, steps: int) -> None:
        """Raises AssertionError with the seed and the steps."""
        for stack in STACKS:
            for _ in range(3):
                self.add(stack)
            self.cycle(stack)
        moves = (
            self.add, self.remove, self.rename_job, self.rename_resource, self.swap, self.move, self.replace,
            self.drift, self.delete, self.lose_state, self.crash, self.meanwhile, self.strange, self.cycle, self.cycle,
        )  # fmt: skip
        for _ in range(steps):
            self.random.choice(moves)(self.random.choice(STACKS))
        self.end()

    def say(self, *words: str) -> None:
        self.told.append(" ".join(words))

    def change(self, stack: str, program: Program) -> None:
        self.programs[stack] = program
        self.ever[stack] |= {name for name, _ in program.values()}
        self.hands.declare(stack, program)

    def _free(self) -> list[str]:
        return [name for name in NAMES if name not in self.declared]

    def _one(self, stack: str) -> str | None:
        program = self.programs[stack]
        return self.random.choice(sorted(program)) if program else None

    def add(self, stack: str) -> None:
        free = self._free()
        if free:
            self.made += 1
            resource, name = f"r{self.made}", self.random.choice(free)
            self.say(stack, "declares", resource, "for", name)
            self.change(stack, {**self.programs[stack], resource: (name, f"/bin/{self.made}")})

    def remove(self, stack: str) -> None:
        resource = self._one(stack)
        if resource is not None and len(self.programs[stack]) > 1:
            self.say(stack, "removes", resource)
            self.change(stack, {r: job for r, job in self.programs[stack].items() if r != resource})

    def rename_job(self, stack: str) -> None:
        resource, free = self._one(stack), self._free()
        if resource is not None and free:
            name = self.random.choice(free)
            self.say(stack, "renames the job of", resource, "to", name)
            self.change(stack, {**self.programs[stack], resource: (name, self.programs[stack][resource][1])})

    def rename_resource(self, stack: str) -> None:
        resource = self._one(stack)
        if resource is not None:
            self.made += 1
            self.say(stack, "renames", resource, "to", f"r{self.made}")
            program = dict(self.programs[stack])
            job = program.pop(resource)
            self.change(stack, {**program, f"r{self.made}": job})

    def swap(self, stack: str) -> None:
        program = self.programs[stack]
        if len(program) > 1:
            one, two = self.random.sample(sorted(program), 2)
            self.say(stack, "swaps", one, "and", two)
            names = program[one][0], program[two][0]
            self.change(stack, {**program, one: (names[1], program[one][1]), two: (names[0], program[two][1])})

    def move(self, stack: str) -> None:
        """The new stack adopts the job, then the old one lets it go."""
        other = STACKS[stack == STACKS[0]]
        resource = self._one(stack)
        if (
            resource is not None
            and len(self.programs[stack]) > 1
            and self.programs[stack][resource][0] not in self.foreign
        ):
            self.made += 1
            self.say(resource, "moves from", stack, "to", other)
            program = dict(self.programs[stack])
            job = program.pop(resource)
            self.change(other, {**self.programs[other], f"r{self.made}": job})
            # Adopting takes whatever is declared, a stranger's too; a person looks first.
            if not any(name in self.foreign for name, _ in self.programs[other].values()):
                self.say(other, "adopts:", self.hands.cycle(other, adopt=True))
            self.change(stack, program)

    def replace(self, stack: str) -> None:
        resource = self._one(stack)
        if resource is not None:
            self.say(stack, "replaces", resource)
            self.hands.replace(stack, resource)

    def _any_of_ours(self, stack: str) -> str | None:
        live = self.hands.live()
        names = sorted(n for n, _ in self.programs[stack].values() if n in live and n not in self.foreign)
        return self.random.choice(names) if names else None

    def drift(self, stack: str) -> None:
        name = self._any_of_ours(stack)
        if name is not None:
            self.say("somebody changes", name)
            self.hands.post(name, self.hands.live()[name]["metadata"], "/bin/drift")

    def delete(self, stack: str) -> None:
        name = self._any_of_ours(stack)
        if name is not None:
            self.say("somebody deletes", name)
            self.hands.delete(name)

    def strange(self, _stack: str) -> None:
        """A stranger makes a job, perhaps of a name that will be declared."""
        live = self.hands.live()
        names = [name for name in (*self._free(), "z") if name not in live]
        if names:
            name = self.random.choice(names)
            self.say("a stranger makes", name)
            self.hands.post(name, THEIRS, "/bin/theirs")
            self.foreign[name] = self.hands.live()[name]

    def lose_state(self, stack: str) -> None:
        self.say(stack, "loses its state")
        self.hands.lose_state(stack)

    def crash(self, stack: str) -> None:
        writes = self.random.randrange(4)
        self.say(stack, "is killed at write", str(writes))
        self.hands.crash(stack, writes)

    def meanwhile(self, stack: str) -> None:
        name = self._any_of_ours(stack)
        if name is not None:
            self.say("somebody deletes", name, "under a run of", stack)
            self.hands.meanwhile(stack, name)
            self.cycle(stack)

    def cycle(self, stack: str) -> None:
        self.say(stack, "cycle:", self.hands.cycle(stack))

    # -- its end

    def end(self) -> None:
        """Quiet cycles of both stacks, then what must hold."""
        for number in range(6):
            outcomes = [self.hands.cycle(stack) for stack in STACKS]
            for stack, outcome in zip(STACKS, outcomes, strict=True):
                # What a lost state left waits for a person, and so does who wants its name.
                if outcome == "refused" or number == 2:
                    self.say(stack, "is allowed to delete:", self.hands.cycle(stack, allow=True))
            self.say("quiet:", *outcomes)
            if set(outcomes) == {"unchanged"}:
                break
        live = self.hands.live()
        for stack, program in self.programs.items():
            for name, command in program.values():
                if name not in self.foreign:
                    self._must_live(live, name, stack, command)
        for name, job in self.foreign.items():
            if live.get(name) != job:
                self.faults.append(f"the stranger's {name} was changed to {live.get(name)}")
        assert not self.faults, f"seed {self.seed}:\n" + "\n".join((*self.told, *self.faults))

    def _must_live(self, live: Live, name: str, stack: str, command: str) -> None:
        job = live.get(name)
        if job is None:
            self.faults.append(f"{name} of {stack} is gone")
            return
        found = job["metadata"], job["executor_config"]["command"]
        other = STACKS[stack == STACKS[0]]
        if found[0].get("managed_in") == f"dkron-jobs/{other}" and self._is_blocked(other):
            return  # a stranger's name keeps the other stack from letting go of this one; so it is refused here
        if found != ({"managed_by": TAG, "managed_in": f"dkron-jobs/{stack}"}, command):
            self.faults.append(f"{name} of {stack} is {found}")

    def _is_blocked(self, stack: str) -> bool:
        """Whether the stack declares a job whose name a stranger has."""
        return any(name in self.foreign for name, _ in self.programs[stack].values())
