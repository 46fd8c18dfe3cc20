"""A crontab's entries become jobs that do what cron does, or it is said why not."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.export.crontab import read
from provider.job.ownership import OWNER_TAG_KEY
from provider.job.validation import check_job
from tests.commands.support import export, load, resolve


def one(text: str, *, system: bool = False) -> dict[str, Any]:
    """The only job of a crontab."""
    (job,) = read(text, system=system).jobs
    return job


@pytest.mark.parametrize(
    ("when", "schedule"),
    [
        ("*/5 * * * *", "0 */5 * * * *"),
        ("0 6 * * 7", "0 0 6 * * 0"),
        ("0 6 * * 5-7", "0 0 6 * * 5-6,0"),
        ("0 6 * * 5-7/2", "0 0 6 * * 5,0"),
        ("15 2 * * mon-fri", "0 15 2 * * mon-fri"),
        ("15 2 * * fri-mon", "0 15 2 * * FRI,SAT,SUN,MON"),
        ("0 22-2 * jan,feb *", "0 0 22-23,0-2 * jan,feb *"),
        ("0 0 1,15 * 5", "0 0 0 1,15 * 5"),
        ("0\t0  *\t* *", "0 0 0 * * *"),
        ("@daily", "@daily"),
        ("@midnight", "@midnight"),
        ("@annually", "@annually"),
    ],
)
def test_a_schedule_is_written_as_dkron_reads_it(when: str, schedule: str) -> None:
    job = one(f"{when} /opt/run")
    assert (job["schedule"], job["executor"]) == (schedule, "shell")
    assert job["executor_config"] == {"shell": "true", "command": "/opt/run"}
    assert check_job({**job, "metadata": {OWNER_TAG_KEY: "x"}}) == []


def test_with_a_zone_of_its_own_a_descriptor_is_written_out_for_dkron_ignores_the_zone_of_one() -> None:
    found = read("CRON_TZ=Europe/Berlin\n@weekly /a\n0 1 * * * /b\n@reboot /c\n")
    assert [job["timezone"] for job in found.jobs] == ["Europe/Berlin"] * 3
    assert [job["schedule"] for job in found.jobs] == ["0 0 0 * * 0", "0 0 1 * * *", "@reboot"]


@pytest.mark.parametrize("when", ["@reboot", "61 * * * *", "@every_minute"])
def test_what_dkron_cannot_do_is_left_out_with_the_reason(when: str) -> None:
    text, (job,), _ = export(read(f"{when} /opt/run").jobs)
    assert job.against
    assert load(text)[0] == []


@pytest.mark.parametrize(("when", "said"), [("0 0 */2 * 1", True), ("0 0 1 * */2", True), ("0 0 */2 * *", False)])
def test_days_that_cron_wants_to_match_both_are_told(when: str, said: bool) -> None:
    assert bool(read(f"{when} /opt/run").against) is said


def test_a_percent_sign_ends_the_command_and_begins_its_input() -> None:
    config = one(r"0 0 * * * mail -s 100\% root%Hello%50\% off\n").get("executor_config", {})
    assert config["command"] == "mail -s 100% root"
    assert base64.b64decode(config["payload"]) == b"Hello\n50% off\\n\n"
    assert one(r'30 4 * * * cd /srv && ./run "$(date +\%F)"')["executor_config"]["command"].endswith('"$(date +%F)"')
    assert "payload" not in one("0 0 * * * a%")["executor_config"]


def test_variables_hold_for_the_entries_below_them() -> None:
    found = read("0 0 * * * /a\nA=1\n B = 'x y' \n0 0 * * * /b\nA=2\n0 0 * * * /c\n")
    assert [job["executor_config"].get("env") for job in found.jobs] == [None, "A=1,B=x y", "A=2,B=x y"]


def test_a_variable_that_dkron_would_split_is_set_in_the_command() -> None:
    config = one("NO_PROXY=a,b\nX=1\n0 0 * * * /a\n")["executor_config"]
    assert config == {"shell": "true", "command": "export NO_PROXY=a,b; /a", "env": "X=1"}


def test_what_cron_reads_itself_is_told_and_is_no_variable() -> None:
    found = read('MAILTO=ops@example.com\nMAILFROM=""\nSHELL=/bin/bash\nHOME=/srv\n0 0 * * * /a\n')
    config = found.jobs[0]["executor_config"]
    assert (config["env"], config["cwd"]) == ("SHELL=/bin/bash,HOME=/srv", "/srv")
    assert found.notes[0].startswith("note: MAILTO=ops@example.com was left out: Dkron mails no output")
    assert "write /bin/bash -c '...'" in found.notes[1]
    assert "time zone" in found.notes[2]
    assert len(found.notes) == 3


def test_the_users_column_of_a_systems_crontab_is_no_part_of_the_command() -> None:
    found = read("0 0 * * * root /a\n0 0 * * *\twww-data\t/b c\n0 0 * * * x:daemon /d\n0 0 * * * /e\n", system=True)
    configs = [job["executor_config"] for job in found.jobs]
    assert [(config["command"], config.get("su")) for config in configs] == [
        ("/a", None),
        ("/b c", "www-data"),
        ("/d", "x"),
    ]
    assert found.notes[0] == "left out: line 4: has no column for the user: leave --system out for a user's own crontab"


def test_root_and_a_path_are_a_users_column_without_a_word() -> None:
    assert one("0 0 * * * root /usr/local/bin/poll")["executor_config"]["command"] == "/usr/local/bin/poll"
    assert one("0 0 * * * root -l")["executor_config"]["command"] == "root -l"


def test_a_comment_right_above_an_entry_is_its_display_name() -> None:
    text = """# m h  dom mon dow   command
# Unrelated

# .---- minute
# Nightly
# backup
#0 1 * * * /old
# OLD=1
0 0 * * * /a
0 0 * * * /b
"""
    assert [job["displayname"] for job in read(text).jobs] == ["Nightly backup", ""]


def test_a_job_is_named_for_its_program_and_no_name_is_there_twice() -> None:
    text = """
0 0 * * * /opt/Backup_all.sh -v
0 0 * * * cd /srv/app && ./run --fast
0 0 * * * sudo -n nice -n 5 /opt/weekly/
0 0 * * * LANG=C php /srv/artisan schedule:run
0 0 * * * /usr/bin/run
0 0 * * * "$X"
"""
    names = [job["name"] for job in read(text, taken={"weekly"}).jobs]
    assert names == ["backup-all-sh", "run", "weekly-2", "artisan", "run-2", "x"]
    assert one("0 0 * * * ---")["name"] == "job"


@pytest.mark.parametrize("line", ["nonsense", "* * * * *", "@daily", "1 2 3 /opt/run"])
def test_a_line_that_is_no_entry_is_told_by_its_number(line: str) -> None:
    found = read(f"\n{line}\n")
    assert found.jobs == []
    assert found.notes == [
        "left out: line 2: a crontab's line has five fields, or one such as @daily, and then a command"
    ]


def test_line_breaks_of_windows_are_no_part_of_a_command() -> None:
    assert one("0 0 * * * /a\r\n")["executor_config"]["command"] == "/a"
    assert read("").notes == []


@given(st.text(alphabet="*/-,0157 \t\\%@#=ar'\"MON\r\n", max_size=80), st.booleans())
def test_any_crontab_becomes_a_module_that_holds_its_jobs(text: str, system: bool) -> None:
    found = read(text, system=system)
    module, _, keys = export(found.jobs)
    taken, left = load(module)
    specs = {spec.name: spec for spec in (*taken, *left)}
    assert len(specs) == len(found.jobs)
    for job in found.jobs:
        config = resolve(specs[job["name"]].inputs(), keys)["executor_config"]
        assert config == job["executor_config"]
