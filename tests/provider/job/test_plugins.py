import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.executors import SHIPPED
from provider.job.plugins import executor_advice, processor_advice
from provider.job.spec import UNKNOWN

GOOD = {
    "kafka": {"brokerAddress": "b:9092", "topic": "t", "message": "m"},
    "nats": {"url": "nats://h", "subject": "s"},
    "rabbitmq": {"url": "amqp://h", "queue.name": "q", "message.delivery_mode": "2"},
    "grpc": {"url": "h:9000/demo.Demo/Demo", "timeout": "30", "expectCode": "0", "headers": '["a: b"]'},
    "gcppubsub": {"project": "p", "topic": "t", "data": "e30=", "attributes": '{"a": "b"}'},
}


def told(executor: str, **changes: str | None) -> list[tuple[str, str]]:
    config = {k: v for k, v in {**GOOD.get(executor, {}), **changes}.items() if v is not None}
    return [(found.code, found.text) for found in executor_advice(executor, config)]


@pytest.mark.parametrize("executor", GOOD)
def test_a_good_config_of_a_shipped_executor_is_no_warning(executor: str) -> None:
    assert told(executor) == []
    assert list(executor_advice(executor, dict.fromkeys(GOOD[executor], UNKNOWN))) == []


@pytest.mark.parametrize(
    ("executor", "option"),
    [
        ("kafka", "brokerAddress"),
        ("kafka", "topic"),
        ("nats", "url"),
        ("nats", "subject"),
        ("rabbitmq", "url"),
        ("rabbitmq", "queue.name"),
        ("grpc", "url"),
        ("gcppubsub", "project"),
        ("gcppubsub", "topic"),
    ],
)
def test_an_option_that_the_executor_cannot_do_without_is_missed(executor: str, option: str) -> None:
    for value in (None, ""):
        ((code, text),) = told(executor, **{option: value})
        assert code == "missing-option"
        assert text.startswith(f"{executor}: {option} is missing")


@pytest.mark.parametrize("executor", GOOD)
def test_an_unknown_option_is_told_with_the_near_name(executor: str) -> None:
    near = next(iter(GOOD[executor]))
    ((code, text),) = told(executor, **{f"{near.upper()}s": "x"})
    assert code == "unknown-option"
    assert text.endswith(f"did you mean {near}?")


@pytest.mark.parametrize(
    ("executor", "changes", "words"),
    [
        ("kafka", {"saslUsername": "u", "saslPassword": "p"}, "saslMechanism must be"),
        ("kafka", {"saslUsername": "u", "saslPassword": "p", "saslMechanism": "plain"}, "saslMechanism must be"),
        ("rabbitmq", {"message.body": "a", "message.base64Body": "e30="}, "are both set"),
        ("rabbitmq", {"message.base64Body": "%%%"}, "base64"),
        ("rabbitmq", {"message.delivery_mode": "two"}, "message.delivery_mode must be a number"),
        ("rabbitmq", {"message.delivery_mode": "256"}, "message.delivery_mode must be a number"),
        ("grpc", {"url": "h:9000"}, "url must look like"),
        ("grpc", {"timeout": "30s"}, "timeout must be whole seconds"),
        ("grpc", {"expectCode": "OK"}, "expectCode must be the number"),
        ("grpc", {"headers": "a: b"}, "headers must be a JSON list"),
        ("gcppubsub", {"data": None, "attributes": None}, "are both missing"),
        ("gcppubsub", {"data": "%%%"}, "base64"),
        ("gcppubsub", {"attributes": "{"}, "attributes must be a JSON map"),
        ("gcppubsub", {"attributes": '{"a": 1}'}, "attributes must be a JSON map"),
        ("gcppubsub", {"attributes": "[" * 100_000}, "attributes must be a JSON map"),
    ],
)
def test_a_value_with_which_every_run_would_fail_is_told(executor: str, changes: dict[str, str], words: str) -> None:
    ((code, text),) = told(executor, **changes)
    assert code == "bad-option"
    assert words in text


@pytest.mark.parametrize(
    "changes", [{"saslUsername": "u"}, {"saslUsername": "u", "saslPassword": "p", "saslMechanism": "sha512"}]
)
def test_a_login_that_works_is_no_warning(changes: dict[str, str]) -> None:
    assert told("kafka", **changes) == []


@pytest.mark.parametrize(
    ("executor", "near"), [("htpp", "http"), ("Shell", "shell"), ("rabbit-mq", "rabbitmq"), ("pubsub", "gcppubsub")]
)
def test_an_executor_that_is_not_shipped_is_told_with_the_near_name(executor: str, near: str) -> None:
    ((code, text),) = told(executor)
    assert code == "unknown-executor"
    assert f"did you mean {near}?" in text


def test_an_executor_that_is_like_no_other_is_told_with_all_there_are() -> None:
    ((_, text),) = told("our-own")
    assert all(name in text for name in SHIPPED)


def test_the_processors_are_known() -> None:
    good = {"files": {"forward": "true", "log_dir": "/x"}, "log": {}, "syslog": {"forward": UNKNOWN}, "fluent": {}}
    assert list(processor_advice(good)) == []
    bad = {"slack": {"team": "x"}, "file": {}, "log": {"foward": "true"}, "syslog": {"forward": "yes"}}
    assert [(found.code, found.text.rpartition(" ")[2]) for found in processor_advice(bad)] == [
        ("unknown-processor", "syslog)"),
        ("unknown-processor", "files?"),
        ("unknown-option", "forward?"),
        ("bad-option", '"false"'),
    ]


@given(st.sampled_from([*GOOD, "x"]), st.dictionaries(st.text(), st.text()))
def test_any_config_gets_advice_on_one_line(executor: str, config: dict[str, str]) -> None:
    for found in [*executor_advice(executor, config), *processor_advice({executor: config, "log": config})]:
        assert found.text.isprintable()
