import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.executors import SHELL_OPTIONS, shell
from provider.job.shell_env import LONGEST_ARGUMENT
from provider.job.shell_executor import advice, problems
from provider.job.spec import UNKNOWN
from tests.provider.examples import CANARY


def shell_problems(**options: str) -> list[tuple[str, str]]:
    return list(problems({"command": "/bin/true", **options}))


def codes(command: str, **options: str) -> list[str]:
    return [found.code for found in advice({"command": command, **options})]


def test_the_good_example_is_fine() -> None:
    assert shell_problems() == []
    assert codes("/bin/true") == []


@pytest.mark.parametrize("option", ["command", "timeout", "mem_limit", "shell", "payload"])
def test_a_shell_option_that_is_not_known_yet_passes(option: str) -> None:
    assert shell_problems(**{option: UNKNOWN}) == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("command", "", "is missing"),
        ("timeout", "10", "no duration"),
        ("timeout", "ten seconds", "no duration"),
        ("timeout", "1d", "no duration"),
        ("timeout", "-5s", "negative"),
        ("shell", "yes", "true"),
        ("payload", "not base64!", "base64"),
        ("payload", "e30", "base64"),
        ("payload", "é", "base64"),
        ("mem_limit", "lots", "no size"),
        ("mem_limit", "10XB", "no size"),
        ("mem_limit", "64 MB", "no size"),
        ("mem_limit", "1e3", "no size"),
        ("mem_limit", "-1", "no size"),
        ("mem_limit", "1.2.3MB", "no size"),
        ("mem_limit", "MB", "no size"),
        ("mem_limit", "64mib", "no size"),
        ("mem_limit", "٣٤", "no size"),
        ("mem_limit", "0", "less than one byte"),
        ("mem_limit", "0.1", "less than one byte"),
        ("mem_limit", "99999999999TB", "more than"),
        ("Command", "x", "no such option"),
    ],
)
def test_a_shell_option_that_would_not_work_is_refused(option: str, value: str, words: str) -> None:
    ((found, reason),) = shell_problems(**{option: value})
    assert found == option
    assert words in reason


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", "0"),
        ("timeout", "1h30m"),
        ("timeout", "1.5s"),
        ("shell", "1"),
        ("payload", "e30="),
        ("payload", ""),
        ("su", "a:b"),
        ("mem_limit", "64MB"),
        ("mem_limit", "1.5GB"),
        ("mem_limit", "  64MB "),
        ("mem_limit", "512kb"),
        ("mem_limit", "10"),
        ("mem_limit", "5"),
        ("mem_limit", "+64"),
        ("mem_limit", "1024bytes"),
        ("mem_limit", "2T"),
        ("mem_limit", "1k"),
        ("mem_limit", "1B"),
        ("env", "A=1"),
        ("cwd", "/x"),
    ],
)
def test_a_shell_option_that_works_is_taken(option: str, value: str) -> None:
    assert shell_problems(**{option: value}) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("echo x | mail a", 'stands before "|"'),
        ("a && b", 'stands before "&"'),
        ("a; b", 'stands before ";"'),
        ("a > b", 'stands before ">"'),
        ("a 2>&1", 'stands before ">"'),
        ("cat < a", 'stands before "<"'),
        ("curl http://h/?a=1&b=2", 'stands before "&"'),
        ("(cd /srv; ./run)", 'an unquoted "("'),
        ("echo f(x)", 'an unquoted "("'),
        ("echo :)", "an unquoted parenthesis"),
        ("echo $(date", "an unquoted parenthesis"),
        ("echo `date", "an unclosed `"),
        ("echo \"don't", 'an unclosed "'),
        ("echo don't", "an unclosed '"),
        ("echo a\\", "ends in a backslash"),
        ("  \n", "names no program"),
        ("''", "names no program"),
        ("| a", 'stands before "|"'),
        ("a\0b", "NUL"),
        ("echo " + "x" * LONGEST_ARGUMENT, "128 KiB"),
        ("echo " + "é" * (LONGEST_ARGUMENT // 2), "128 KiB"),
    ],
)
def test_a_command_that_would_not_run_as_written_is_refused_without_a_shell(command: str, words: str) -> None:
    ((option, reason),) = shell_problems(command=command)
    assert option == "command"
    assert words in reason
    assert codes(command) == []
    if "NUL" not in words and "128" not in words:
        assert shell_problems(command=command, shell="true") == []


def test_a_command_of_128_kib_is_refused_with_a_shell_too() -> None:
    ((option, reason),) = shell_problems(command="x" * LONGEST_ARGUMENT, shell="true")
    assert (option, "128 KiB" in reason) == ("command", True)
    assert shell_problems(command="x" * (LONGEST_ARGUMENT - 1), shell="true") == []
    assert shell_problems(command="echo" + " x" * LONGEST_ARGUMENT) == []


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("pg_dump -f /b/$(date +%F).sql", ["shell-substitution"]),
        ('pg_dump -f "/b/$(date +%F).sql"', ["shell-substitution"]),
        ('echo "a `date`"', ["shell-substitution"]),
        ("echo `date` x", ["shell-substitution"]),
        ("ls $HOME", ["shell-variable"]),
        ("ls ${HOME}", ["shell-variable"]),
        ("echo $1 $?", ["shell-variable"]),
        ('ls "$HOME"', ["shell-variable"]),
        ("rm /tmp/*.log", ["shell-glob"]),
        ("ls [ab].txt", ["shell-glob"]),
        ("ls ~", ["shell-tilde"]),
        ("ls ~/x ~bob", ["shell-tilde"]),
        ("~/bin/run", ["shell-tilde"]),
        ("FOO=bar cmd", ["shell-assignment"]),
        ("'hostname && whoami'", ["shell-one-word"]),
        ("cd /srv", ["shell-builtin"]),
        ("export A=1", ["shell-builtin"]),
        ("run # every night", ["shell-comment"]),
        (r"C:\Tools\run.exe", ["shell-backslash"]),
        (r'grep "a\.b" f', ["shell-backslash"]),
        ("run a\nrun b", ["shell-line-break"]),
        ("run a \\\n  b", ["shell-line-break"]),
        ("a $X *", ["shell-variable", "shell-glob"]),
    ],
)
def test_what_a_shell_would_have_done_is_warned_of(command: str, found: list[str]) -> None:
    assert shell_problems(command=command) == []
    assert codes(command) == found
    assert codes(command, shell="true") == []
    assert codes(command, shell=UNKNOWN) == []


@pytest.mark.parametrize(
    "command",
    [
        "grep -e 'a|b' \"x > y\" f",
        "find . -name '*.log' -exec rm {} \\;",
        "awk '{print $1}' f",
        'awk "{print $1}" f',
        'bash -c "cd $HOME && ls *.log"',
        'su - app -c "echo" sh "$X"',
        "grep 'a$' f",
        'grep "a$" f',
        "sed 's/a/b/' f~2",
        "curl http://h/?x=1",
        "  /bin/true  ",
        "run\n",
        "\n  run a\n",
        "[ -f x ]",
        r"echo a\ b \$HOME \*",
        r'echo "\$HOME \\ \" \`"',
        "echo 'a\nb'",
        "echo a=b",
        "'/opt/my app/run' x",
        "echo 5~ a#b",
    ],
)
def test_quoted_text_and_what_a_shell_would_not_touch_stays_silent(command: str) -> None:
    assert shell_problems(command=command) == []
    assert codes(command) == []


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ("NO_PROXY=a,b,EXTRA=1", "the value of NO_PROXY is cut at a comma"),
        ("JUST", "its beginning is cut at a comma"),
        ("BAD NAME=x", '"BAD NAME" is no name'),
        ("A=1, B=2", '" B" is no name'),
        ("=x", "without a name"),
        ("A=\0", "NUL"),
        ("A=" + "x" * LONGEST_ARGUMENT, "128 KiB"),
    ],
)
def test_an_env_that_dkron_would_cut_is_refused(env: str, words: str) -> None:
    ((option, reason),) = shell_problems(env=env)
    assert option == "env"
    assert words in reason


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"A": "1", "NO_PROXY": f"{CANARY},b"}, "the value of NO_PROXY holds a comma"),
        ({"JAVA": "x=y,server=y"}, "the value of JAVA holds a comma"),
        ({"A,B": "x"}, '"A,B" holds a comma'),
        ({"A=B": "x"}, '"A=B" is no name'),
        ({"": "x"}, "without a name"),
        ({"BAD NAME": "x"}, '"BAD NAME" is no name'),
    ],
)
def test_variables_that_one_text_cannot_hold_are_refused_by_name(env: dict[str, str], words: str) -> None:
    config = shell("x", env=env).config
    ((option, reason),) = problems(config)
    assert option == "env"
    assert words in reason
    assert "CANARY" not in reason
    assert list(advice(config)) == []


def test_quotes_around_a_value_are_warned_of() -> None:
    assert codes("x", env='A="q r",B=\'x\',C=",D=a"b"') == ["shell-env-quotes"] * 2
    assert shell_problems(env="A=1,,B=2,") == []


def test_no_refusal_quotes_the_command_or_a_value() -> None:
    for options in ({"command": f"x {CANARY} | y"}, {"command": f"x '{CANARY}"}, {"env": f"A={CANARY},{CANARY}"}):
        found = shell_problems(**options)
        assert found
        assert not any("CANARY" in reason for _, reason in found)


@given(st.dictionaries(st.one_of(st.text(), st.sampled_from(sorted(SHELL_OPTIONS))), st.text()))
def test_any_config_gets_a_verdict(config: dict[str, str]) -> None:
    assert all(reason for _, reason in problems(config))
    assert all(found.text for found in advice(config))
