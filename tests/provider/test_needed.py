from provider import JobSpec, http, secret, setting
from provider.needed import needed


def test_each_key_is_named_once_and_is_a_secret_if_anybody_says_so() -> None:
    call = http(setting("gatewayUrl") + "/x", headers={"A": secret("serviceKey")}, body=setting("serviceKey"))
    jobs = [JobSpec(name="a", executor=call), JobSpec(name="b", displayname=setting("team"))]
    assert needed(job.inputs() for job in jobs) == {"gatewayUrl": False, "serviceKey": True, "team": False}
    assert needed([]) == {}
