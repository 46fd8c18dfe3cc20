import inspect
import json

import pytest

from provider.job import executors, http_executor, shell_executor
from provider.job.executors import HTTP_OPTIONS, SHELL_OPTIONS, Executor, http, plugin, shell
from provider.job.references import Reference, secret, setting


def test_the_least_http_job_says_method_and_url() -> None:
    assert http("http://gw/") == Executor("http", {"method": "GET", "url": "http://gw/"})


def test_every_option_of_http_is_written_as_dkron_reads_it() -> None:
    made = http(
        "https://gw/",
        method="PUT",
        headers={"A": "b", "C": 'd"e'},
        body="{}",
        timeout=0,
        expect_code=204,
        expect_body="^ok$",
        debug=True,
        tls_no_verify_peer=True,
        tls_root_cas_file="/ca",
        tls_certificate_file="/crt",
        tls_certificate_key_file="/key",
    )
    assert made.config == {
        "method": "PUT",
        "url": "https://gw/",
        "headers": '["A: b", "C: d\\"e"]',
        "body": "{}",
        "timeout": "0",
        "expectCode": "204",
        "expectBody": "^ok$",
        "debug": "true",
        "tlsNoVerifyPeer": "true",
        "tlsRootCAsFile": "/ca",
        "tlsCertificateFile": "/crt",
        "tlsCertificateKeyFile": "/key",
    }
    assert set(made.config) == set(HTTP_OPTIONS)
    assert list(http_executor.problems(made.config)) == []


def test_debug_is_left_out_when_off_because_any_text_turns_it_on() -> None:
    assert "debug" not in http("http://gw/", debug=False).config


def test_headers_may_be_a_list_and_codes_a_text() -> None:
    config = http("http://gw/", headers=["A: b", "A: c"], expect_code="200,204").config
    assert json.loads(str(config["headers"])) == ["A: b", "A: c"]
    assert config["expectCode"] == "200,204"


def test_a_secret_makes_only_the_option_that_holds_it_secret() -> None:
    config = http(setting("gatewayUrl") + "/x", headers={"X-Api-Key": secret("serviceKey"), "B": "c"}).config
    assert isinstance(config["headers"], Reference)
    assert config["headers"].secret
    assert isinstance(config["url"], Reference)
    assert not config["url"].secret
    assert json.loads(config["headers"].resolve({"serviceKey": 'k"y'}.__getitem__)) == ['X-Api-Key: k"y', "B: c"]


def test_the_least_shell_job_says_its_command() -> None:
    assert shell("/bin/true") == Executor("shell", {"command": "/bin/true"})


def test_every_option_of_shell_is_written_as_dkron_reads_it() -> None:
    made = shell(
        "echo $A",
        shell=True,
        env={"A": "1", "B": "2"},
        cwd="/tmp",
        timeout="1h30m",
        mem_limit="64MB",
        payload="e30=",
        su="nobody",
    )
    assert made.config == {
        "command": "echo $A",
        "shell": "true",
        "env": "A=1,B=2",
        "cwd": "/tmp",
        "timeout": "1h30m",
        "mem_limit": "64MB",
        "payload": "e30=",
        "su": "nobody",
    }
    assert set(made.config) == set(SHELL_OPTIONS)
    assert list(shell_executor.problems(made.config)) == []


def test_a_secret_in_the_environment_of_a_command_stays_a_reference() -> None:
    env = shell("x", env={"A": "1", "KEY": secret("serviceKey")}).config["env"]
    assert isinstance(env, Reference)
    assert env.secret
    assert env.resolve({"serviceKey": "k"}.__getitem__) == "A=1,KEY=k"


def test_variables_that_one_text_cannot_hold_stay_a_map_for_the_check_to_name() -> None:
    assert shell("x", env={"A": "1,2"}).config["env"] == {"A": "1,2"}
    assert shell("x", env={"A=B": secret("k")}).config["env"] == {"A=B": secret("k")}
    assert "env" not in shell("x", env={}).config


@pytest.mark.parametrize("name", [*sorted(executors.SHIPPED - {"http", "shell"}), "our-own"])
def test_any_other_executor_is_taken_by_name(name: str) -> None:
    assert plugin(name, {"topic": "t"}) == Executor(name, {"topic": "t"})
    assert plugin(name) == Executor(name, {})


def test_a_plugin_s_config_is_its_own_copy() -> None:
    config = {"a": "b"}
    made = plugin("x", config)
    config["a"] = "c"
    assert made.config == {"a": "b"}


def test_each_builder_has_an_argument_for_each_option() -> None:
    assert set(inspect.signature(http).parameters) == set(HTTP_OPTIONS.values())
    assert set(inspect.signature(shell).parameters) == set(SHELL_OPTIONS.values())
