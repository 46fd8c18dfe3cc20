"""Where a text may hold a secret: each rule by example, and none that takes long over a text made for it."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.export.suspicion import apart, secret_spans

HOOK = "https://hooks.slack.com/services/T01AB/B02CD/XyZabcdef"


def hide(text: str, *, command: bool = True) -> str:
    """The text with [secret] in the place of its secrets."""
    for start, end in reversed(secret_spans(text, command=command)):
        text = text[:start] + "[secret]" + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("curl -uadmin:hunter2 http://h", "curl -u[secret] http://h"),
        ("curl -u 'admin:two words' http://h", "curl -u '[secret]' http://h"),
        ('curl --user="admin:pw" http://h', 'curl --user="[secret]" http://h'),
        ("run -user:admin -pass:hunter22 -level:Error", "run -user:admin -pass:[secret] -level:Error"),
        ("curl -u admin http://h", "curl -u admin http://h"),
        ("redis-cli -h r -p 6379 -a hunter2 ping", "redis-cli -h r -p 6379 -a [secret] ping"),
        ("redis-cli -a 'two words' ping", "redis-cli -a '[secret]' ping"),
        ('redis-cli -a "$PW" ping', 'redis-cli -a "$PW" ping'),
        ("docker login -u me -p hunter2 reg.example", "docker login -u me -p [secret] reg.example"),
        ("docker login -phunter2 reg.example", "docker login -p[secret] reg.example"),
        ("docker run -p 8080:80 web", "docker run -p 8080:80 web"),
        ("docker login -p pw && docker run -p 80:80 web", "docker login -p [secret] && docker run -p 80:80 web"),
        ("az acr login -p pw", "az acr login -p [secret]"),
        ("mysqldump -uroot -p'a;b' db", "mysqldump -uroot -p'[secret]' db"),
        ("mysql -uroot -p db", "mysql -uroot -p db"),
        ("mysql -e 'x;y' -phunter2", "mysql -e 'x;y' -p[secret]"),
        ("sh -c 'mongodump -p hunter2'", "sh -c 'mongodump -p [secret]'"),
        ("ldapsearch -x -w pw", "ldapsearch -x -w [secret]"),
        ("redis-cli ping\ntar -a x", "redis-cli ping\ntar -a x"),
        ("aws configure set aws_secret_access_key hunter2", "aws configure set aws_secret_access_key [secret]"),
        ("rclone config create r s3 secret_access_key V", "rclone config create r s3 secret_access_key [secret]"),
        ("redis-cli config set requirepass hunter2", "redis-cli config set requirepass [secret]"),
        ("git config http.proxy http://p", "git config http.proxy http://p"),
        ("curl https://ntfy.sh/hunter2 -d x", "curl https://ntfy.sh/[secret] -d x"),
        (f"curl {HOOK}", "curl https://hooks.slack.com/[secret]"),
        ("say --token -v", "say --token -v"),
        ("pass", "pass"),
    ],
)
def test_a_secret_in_a_command_is_found(text: str, shown: str) -> None:
    assert hide(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOOK, "https://hooks.slack.com/[secret]"),
        ("https://discord.com/api/webhooks/12/ab-cd", "https://discord.com/api/webhooks/[secret]"),
        ("https://api.telegram.org/bot12:AA-b/send?x=1", "https://api.telegram.org/bot[secret]"),
        ("https://shop.webhook.office.com/webhookb2/a@b", "https://shop.webhook.office.com/[secret]"),
        ("https://hc-ping.com/word", "https://hc-ping.com/[secret]"),
        ("http://chat.internal/services/T000/B000/XXXXX", "http://chat.internal/services/[secret]"),
        ("http://gw/api/services/purge", "http://gw/api/services/purge"),
        ("http://gw/api/webhooks/retry", "http://gw/api/webhooks/retry"),
        ("http://h/x?sign=ab,c&page=2", "http://h/x?sign=[secret]&page=2"),
        ("http://h/x?accountIdentifier=wFHXHD0RRQWoO8tIZT5YVw&page=2", "http://h/x?accountIdentifier=[secret]&page=2"),
        ("http://h/x?data[api_key]=abc", "http://h/x?data[api_key]=[secret]"),
        (r"http:\/\/u:p@h\/x", r"http:\/\/[secret]@h\/x"),
        ('{"password": "ab\\"cd", "a": 1}', '{"password": "[secret]", "a": 1}'),
        (r'{"b": "{\"password\": \"a\\\"b\", \"c\": 1}"}', r'{"b": "{\"password\": \"[secret]\", \"c\": 1}"}'),
        ('{"tokens": ["abc", "def"], "a": 1}', '{"tokens": [[secret]], "a": 1}'),
        ('{"auth": {"user": "u", "password": "p"}}', '{"auth": {"user": "u", "password": "[secret]"}}'),
        ("{password:abc}", "{password:[secret]}"),
        ("password='unclosed and long", "password='[secret]"),
        ('{"token":null,"a":1}', '{"token":null,"a":1}'),
        ("authorization: one two\nnext", "authorization: [secret]\nnext"),
        ("password=", "password="),
        ("eyJhbGciOi.eyJzdWIi." + "a" * 5000, "[secret]"),
    ],
)
def test_a_secret_in_any_text_is_found(text: str, shown: str) -> None:
    assert hide(text, command=False) == shown


MADE_TO_TAKE_LONG = (
    *("a=", "key=", 'key="', "key='", 'key=\\"', "key:[", "a[", "[a", "key=$a", "key=true "),
    *("key=\\", "a.", "a_", "a", "--a ", "-a ", "-", " ", "\n", "\\"),
    *('"', "'", "=", ":", "@", "/", "{", "é", "\u2028", "pass"),
    *("A1b2C3d4E5", "http://", "http://a", "a://b:", "u:p@", "x-key", "x-key-", "x-key: ", "cookie:", "bearer "),
    *(
        "token ",
        "key ,",
        "mysql ",
        "mysql -p",
        "mysql -pa;",
        "redis-cli -a ",
        "docker ",
        "docker a login ",
        "az login ",
        "ldapx -w ",
    ),
    *(
        "eyJaaaaaa.",
        "-eyJ-",
        "eyJaaaaa.eyJbbbbb",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "sk-",
        "-u ",
        "-ua:",
        "--user ",
    ),
    *(
        "set ",
        "set key ",
        "secret_access_key ",
        "https://hooks.slack.com/",
        "https://hook.a.",
        "https://a/services",
        "https://a/services/TAAA/",
        "https://aaaaaaaaa.webhook",
    ),
)


@pytest.mark.parametrize("piece", MADE_TO_TAKE_LONG)
@pytest.mark.parametrize("before", ["", 'key="', "mysql -p"])
def test_a_text_eight_times_as_long_takes_no_more_than_its_share(piece: str, before: str) -> None:
    def once(text: str) -> float:
        start = process_time()
        secret_spans(text, command=True)
        return process_time() - start

    def took(length: int) -> float:
        # The least of three: the garbage of other tests may be collected in the middle of one.
        text = before + piece * (length // len(piece)) + "!"
        return min(once(text) for _ in range(3))

    shorter = took(4_000)
    # A quadratic pattern would take 64 times as long; what is added is for a clock of few ticks.
    assert took(32_000) < 24 * shorter + 0.2


def test_a_megabyte_of_pairs_is_read_in_seconds() -> None:
    start = process_time()
    secret_spans("a=" * 500_000, command=True)
    assert process_time() - start < 20  # it took hours when each pair was read to the end of the text


@given(st.text(alphabet="ak =:'\"\\[]{},&-p\n", max_size=60), st.booleans())
def test_spans_are_in_order_apart_and_inside(text: str, command: bool) -> None:
    spans = secret_spans(text, command=command)
    assert spans == apart(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
