"""Getting at the declarations, checking, listing and drawing them."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands import check, listing, picture
from provider.job.declarations import gather
from provider.job.executors import http, shell
from provider.job.references import secret, setting
from provider.job.spec import JobSpec
from provider.schedule.calendar import Entry, lay_out, next_runs

AT = datetime(2026, 11, 24, tzinfo=UTC)
HEAD = "from provider.job.spec import JobSpec\nfrom provider.job.executors import shell\n"
Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Makes a package of modules with these texts."""
    names: list[str] = []

    def make(**modules: str) -> str:
        name = f"declared_{len(names)}_{tmp_path.name.replace('-', '_')}"
        names.append(name)
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        for module, text in modules.items():
            (tmp_path / name / f"{module}.py").write_text(HEAD + text, encoding="utf-8")
        importlib.invalidate_caches()
        return name

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    for module in [m for m in sys.modules if m.partition(".")[0] in names]:
        del sys.modules[module]


def job(name: str) -> str:
    return f'JobSpec(name="{name}", schedule="@daily", executor=shell("x"))'


def test_every_problem_of_every_module_is_gathered(package: Package) -> None:
    name = package(
        a=f"JOBS = [{job('one')}, {job('two')}]",
        b=f"JOBS = [\n{job('one')},\n'no job',\nNone,\n]",
        c="JOBS = [",
        d="import nothing_of_that_name",
        e="JOBS = [JobSpec(nme='x')]",
        f="JOBS = 3",
        g="",
        h="import sys\nsys.exit(3)",
        i="JOBS = None",
        j=f"JOBS = {job('alone')}",
        k=f"JOBS = {{'x': {job('mapped')}}}",
        l="JOBS = [JobSpec(name=5)]",
        m="JOBS = (1 / 0 for _ in range(2))",
        _n="raise ValueError",
    )
    found = gather(name)
    assert [spec.name for spec in found.specs] == ["one", "two"]
    assert found.modules == {f"{name}/a.py": ["one", "two"], f"{name}/b.py": ["one"], f"{name}/l.py": ["5"]}
    wanted = [
        'P/b.py:4: job "one" is declared twice, first at P/a.py:3: rename or remove one',
        "P/b.py: item 2 of JOBS is a str, not a JobSpec",
        "P/b.py: item 3 of JOBS is a NoneType, not a JobSpec",
        "P/c.py:3: SyntaxError: ",
        "P/d.py:3: ModuleNotFoundError: ",
        "P/e.py:3: JobSpec has no nme; did you mean name?",
        "P/f.py: JOBS must be a list of JobSpec, not a int",
        "P/g.py has no JOBS, so it declares nothing: give it JOBS = [...]",
        "P/h.py:4: the module ends the program (sys.exit); declarations must not",
        "P/i.py: JOBS must be a list of JobSpec, not None",
        "P/j.py: JOBS must be a list of JobSpec, not a JobSpec",
        "P/k.py: JOBS must be a list of JobSpec, not a dict",
        "P/l.py:3: a job's name must be a text, not 5",
        "P/m.py:3: ZeroDivisionError: ",
    ]
    problems = [problem.replace(name, "P") for problem in found.problems]
    assert [problem[: len(start)] for problem, start in zip(problems, wanted, strict=True)] == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("JobSpec(name='a', disable=True)", "JobSpec has no disable; did you mean disabled?"),
        ("JobSpec(name='a', displayName='x')", "JobSpec has no displayName; did you mean displayname?"),
        ("JobSpec(name='a', success_count='0,1')", "JobSpec has no success_count: Dkron itself keeps it"),
        ("JobSpec(name='a', xyzzy=1)", "JobSpec has no xyzzy (there are accept, concurrency"),
        ("shell('x', comand='y')", "shell has no comand; did you mean command?"),
        ("max(1, 2, kye=3)", "TypeError: "),
        ("unheard(of=3)", "TypeError: "),
    ],
)
def test_a_misspelt_keyword_is_told_with_the_near_name_and_its_line(package: Package, text: str, words: str) -> None:
    name = package(a=f"def unheard(): ...\nJOBS = [\n{text},\n]", b=f"JOBS = [{job('one')}]")
    found = gather(name)
    (problem,) = found.problems
    assert problem.startswith(f"{name}/a.py:5: {words}")
    assert list(found.by_name) == ["one"]


def test_any_iterable_of_declarations_will_do(package: Package) -> None:
    name = package(a=f"JOBS = (j for j in [{job('one')}])", b=f"JOBS = {{'x': {job('two')}}}.values()", c="JOBS = []")
    found = gather(name)
    assert (list(found.by_name), found.problems) == (["one", "two"], [])
    assert found.modules == {f"{name}/a.py": ["one"], f"{name}/b.py": ["two"], f"{name}/c.py": []}


def test_a_package_that_cannot_be_imported_is_one_line() -> None:
    (problem,) = gather("no_such_package_here").problems
    assert problem.startswith("no_such_package_here/__init__.py: ModuleNotFoundError: ")


def test_the_projects_own_declarations_have_no_problem() -> None:
    found = gather()
    assert found.problems == []
    assert check.problems(found.specs, "us") == []


def spec(**fields: object) -> JobSpec:
    given = {"name": "a", "schedule": "@daily", "executor": shell("x"), **fields}
    return JobSpec(**given)  # type: ignore[arg-type] # wrong ones are the point


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (spec(name="A b"), "name: the name"),
        (spec(schedule="x"), "schedule: schedule"),
        (spec(executor=http(setting("u") + "/x", method="GET", headers={"A": secret("k")}, timeout=3)), ""),
        (spec(executor=http("http://h/" + secret("k"), method="GET")), ""),
        (spec(executor=http(setting("u"), method="GET", headers=["no colon" + secret("k")])), "has no colon"),
        (spec(executor=http(setting("u"), method="GET", headers={"A": "b:" + secret("k")})), "second colon"),
        (spec(executor=shell(secret("k"))), ""),
        (spec(metadata={"a": secret("k")}), ""),
        (spec(metadata=3), "metadata: must be a map"),
    ],
)
def test_a_declaration_is_checked_around_its_references(made: JobSpec, problem: str) -> None:
    found = check.problems([made], "us")
    assert (problem in "".join(found)) if problem else found == []
    assert all(line.startswith("commands/test_declarations.py:") for line in found)


def test_a_cycle_of_parents_is_told_once_and_a_missing_parent_is_a_warning() -> None:
    specs = [spec(name="a", parent_job="b"), spec(name="b", parent_job="a"), spec(name="c", parent_job="gone")]
    (problem,) = check.problems(specs, "us")
    assert "closes a cycle (a -> b -> a)" in problem
    *others, warning = check.warnings(specs, "us")
    assert ["never fires" in other for other in others] == [True] * 3
    assert 'its parent "gone" is not declared' in warning


def test_a_declared_owner_tag_is_warned_of() -> None:
    (warning,) = check.warnings([spec(metadata={"managed_by": "them"})], "us")
    assert "leave it out" in warning


def test_a_warning_carries_its_code_and_a_job_can_accept_it() -> None:
    (warning,) = check.warnings([spec(schedule="* * * * * *")], "us")
    assert warning.endswith("[every-second]")
    assert check.warnings([spec(schedule="* * * * * *", accept=("every-second",))], "us") == []
    assert check.warnings([spec(parent_job="gone", schedule="", accept=["undeclared-parent"])], "us") == []
    assert "accept" not in spec(accept=("every-second",)).inputs()


@pytest.mark.parametrize(
    ("accept", "words"),
    [
        (("every-secnd",), '"every-secnd"; did you mean every-second?'),
        ((5,), 'names no warning: "5" [unknown-accept]'),
        ("xyzzy", '"xyzzy" [unknown'),
    ],
)
def test_an_accepted_code_that_is_none_is_told(accept: object, words: str) -> None:
    (warning,) = check.warnings([spec(accept=accept)], "us")
    assert words in warning


def test_the_table_says_on_which_nodes_a_job_runs() -> None:
    specs = [spec(timezone="UTC", tags={"dc": "dc1:1"}), spec(name="b"), spec(name="c", tags=3)]
    assert [job["where"] for job in json.loads(listing.as_json(specs, AT))] == [
        "one node of dc1",
        "every node",
        "bad tags",
    ]
    assert "UTC        one node of dc1  2026" in listing.as_table(specs, AT)


@pytest.mark.parametrize("date", ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("field", ["starts_at", "expires_at"])
@pytest.mark.parametrize("schedule", ["@daily", "@every 1h", "@at 0001-01-01T00:00:00Z", "0 0 0 1 1 *"])
def test_dates_at_the_ends_of_the_calendar_end_in_no_traceback(date: str, field: str, schedule: str) -> None:
    specs = [spec(schedule=schedule, **{field: date})]
    assert listing.as_table(specs, AT)
    assert check.warnings(specs, "us") is not None
    assert picture.draw(lay_out([Entry.of(specs[0].inputs())], AT), UTC, AT)


def test_the_table_shows_the_next_three_runs() -> None:
    specs = [spec(schedule="0 0 4 * * *", timezone="UTC"), spec(name="kid", schedule="", parent_job="a")]
    lines = listing.as_table(specs, AT).splitlines()
    assert lines[1].split("  ")[-1] == "2026-11-24 04:00:00, 2026-11-25 04:00:00, 2026-11-26 04:00:00"
    assert lines[2].endswith("after a")
    assert lines[-1] == "2 jobs declared"
    assert "1 job declared" in listing.as_table(specs[:1], AT)
    hourly = listing.as_table([spec(schedule="@hourly")], AT)
    assert "2026-11-24 01:00:00, 02:00:00, 03:00:00" in hourly


def test_the_json_holds_the_runs_or_why_there_is_none() -> None:
    specs = [spec(schedule="0 0 4 * * *"), spec(name="b", schedule="nonsense"), spec(name="c", schedule="")]
    first, second, third = json.loads(listing.as_json(specs, AT))
    assert first["nextRuns"][0] == "2026-11-24T04:00:00Z"
    assert (second["nextRuns"], second["why"], second["words"]) == ([], "bad schedule", "not a schedule")
    assert third["words"] == "no schedule"


def test_a_job_that_ends_soon_has_fewer_runs() -> None:
    entry = Entry("a", "@hourly", expires_at="2026-11-24T02:30:00Z")
    assert next_runs(entry, AT, 3) == [AT.replace(hour=1), AT.replace(hour=2)]


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-11-24", 0), ("2026-11-24T05:00Z", 5), (" 2026-11-24T05:00+02:00", 3)]
)
def test_a_moment_may_be_written_in_the_usual_ways(text: str, hour: int) -> None:
    assert listing.parse_moment(text) == AT.replace(hour=hour)


@pytest.mark.parametrize("text", ["", "soon", "9999-12-31T00:00Z", "0001-01-01T00:00+14:00", "2026-13-01"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date such as"):
        listing.parse_moment(text)


def test_the_calendar_is_drawn_in_the_terminals_width() -> None:
    entries = [
        Entry("a", "0 0 3 * * *"),
        Entry("b", "0 0 3 * * *"),
        Entry("c" * 50, "0 0 9 * * *"),
        Entry("often", "* * * * * *"),
        Entry("off", "@daily", disabled=True),
    ]
    drawn = picture.draw(lay_out(entries, AT), UTC, AT.replace(hour=12), 84)
    lines = drawn.splitlines()
    assert all(len(line) <= 84 for line in lines[:-1])
    assert lines[2].index("◆") == lines[3].index("◆") == 36 + 6
    assert lines[4].startswith("c" * 33 + "…")
    assert "●" in lines[4]
    assert "━" * 48 in lines[5]
    assert lines[6].endswith("(disabled)")
    assert lines[2][36 + 24] == "│"
    assert "│" not in "".join(picture.draw(lay_out(entries, AT), UTC, AT.replace(year=2030), 84).splitlines()[:-3])
    assert "│" not in "".join(picture.draw(lay_out(entries, AT), UTC, AT.replace(year=2020), 84).splitlines()[:-3])
    assert "Wed" in picture.draw(lay_out([], AT, 72), UTC, AT)


def test_one_name_twice_is_fine_only_where_no_stack_has_both(package: Package) -> None:
    name = package(
        a='JOBS = [JobSpec(name="one", stacks=("dev",)), JobSpec(name="two", stacks="dev"), JobSpec(name="three")]',
        b='JOBS = [JobSpec(name="one", stacks=("qa", "prod")), JobSpec(name="two", stacks=("qa", "dev")),\n'
        'JobSpec(name="three", stacks=("dev",)), JobSpec(name="one", stacks=("prod",))]',
    )
    found = gather(name)
    assert [problem.partition(": ")[2].partition(",")[0] for problem in found.problems] == [
        'job "two" is declared twice',
        'job "three" is declared twice',
        'job "one" is declared twice',
    ]
    assert sorted(found.in_stack("prod").by_name) == ["one", "three"]
    assert sorted(found.in_stack("dev").by_name) == ["one", "three", "two"]
    assert sorted(found.stacks) == ["dev", "prod", "qa"]
    assert found.in_stack("dev").modules == found.modules


def test_a_name_that_could_differ_by_stack_is_refused(package: Package) -> None:
    imports = "from provider.job.references import setting\nfrom provider.job.stacks import per_stack\n"
    name = package(a=imports + 'JOBS = [JobSpec(name=setting("x")), JobSpec(name=per_stack(dev="a", default="b"))]')
    found = gather(name)
    assert [problem.partition(": ")[2] for problem in found.problems] == [
        "a job's name must be the same in every stack: another name is another job"
    ] * 2


def test_a_flag_of_a_builder_can_not_be_a_setting(package: Package) -> None:
    imports = "from provider.job.references import setting\n"
    name = package(a=imports + 'JOBS = [JobSpec(name="a", executor=shell("x", shell=setting("y", bool)))]')
    (problem,) = gather(name).problems
    assert problem.endswith("a.py:4: TypeError: shell must be True or False, and can't be a setting")
