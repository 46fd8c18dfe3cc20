"""A git repository with declarations: what may be asked of it, how git is called, what its answers mean. Pure.

The token reaches git by the environment and a helper that only answers for the repository's own host, so it stands in
no argument, no file and no address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from provider.credentials import is_exposed
from provider.text import one_line

DEFAULT_DIR: Final = "jobs"
PROTOCOLS: Final = ("http", "https", "ssh", "file")
TOKEN: Final = "GIT_TOKEN"  # noqa: S105 - the name of a variable
# What the watcher is told of the repository. Git itself means something else by GIT_DIR.
SETTINGS: Final = ("GIT_URL", "GIT_REF", "GIT_DIR", "GIT_MAX_MB", TOKEN, f"{TOKEN}_FILE")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NO_REF: Final = re.compile(r"[\s\x00-\x1f\x7f:*?\[\\^~]|\.\.|@\{|^-|^/|/$")
_SCP: Final = re.compile(r"[\w.-]+@[\w.-]+:[^:]+")

_PASSED: Final = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TMPDIR|(https?|all|no)_proxy|SSL_CERT_\w+|SSH_AUTH_SOCK|GIT_SSH\w*|GIT_SSL_\w+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Repository:
    """`ref`: a branch, a tag or a whole commit, "" for the default branch; `folder`: the declarations' in it, "." for
    the whole; `most_mb`: how large it may be."""

    url: str
    ref: str = ""
    folder: str = DEFAULT_DIR
    most_mb: int = 100

    @property
    def commit(self) -> str:
        """The commit that `ref` is, "" if it is a name."""
        return self.ref if _COMMIT.fullmatch(self.ref) else ""

    def problems(self, with_token: bool) -> list[str]:
        """One line for each setting that can't be used."""
        found = [_bad_url(self.url, with_token)]
        if _NO_REF.search(self.ref):
            found.append("GIT_REF must be a branch, a tag or a whole commit")
        if self.folder.startswith("/") or ".." in self.folder.split("/"):
            found.append("GIT_DIR must be a directory in the repository, such as jobs")
        return [problem for problem in found if problem]


def is_commit(text: str) -> bool:
    return _COMMIT.fullmatch(text) is not None


def _bad_url(url: str, with_token: bool) -> str:
    """Why an address can't be used, "" if it can. It is not repeated: it may hold a password."""
    if _SCP.fullmatch(url):
        return ""
    parts = _parts(url)
    if parts is None or parts.scheme not in PROTOCOLS or not (parts.hostname or parts.scheme == "file"):
        return "GIT_URL must look like https://host/path, ssh://user@host/path, user@host:path or file:///path"
    if parts.password is not None:
        return "GIT_URL must hold no password: use GIT_TOKEN_FILE"
    if with_token and is_exposed(url):
        return "GIT_URL is http://, over which everybody could read GIT_TOKEN: use https://"
    return ""


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 and url.isprintable() and " " not in url else None
    except ValueError:
        return None


# -- calling git


def environment(repository: Repository, env: Mapping[str, str], token: str) -> dict[str, str]:
    """Git's whole environment: no prompt, no hook, no configuration of this machine, no other protocol."""
    options = {"core.hooksPath": "/dev/null", "gc.auto": "0", "credential.helper": ""}
    given = {name: value for name, value in env.items() if _PASSED.fullmatch(name)}
    if token:
        options |= _helper(repository.url)
        given[TOKEN] = token
    config = {"GIT_CONFIG_COUNT": str(len(options))}
    for number, (key, value) in enumerate(options.items()):
        config |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        **given,
        **config,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }


def _helper(url: str) -> dict[str, str]:
    """Answers git's question for a login, for this host only. The user of the address is left as it is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return {}
    user = "" if parts.username else "echo username=x-access-token; "
    place = parts.netloc.rpartition("@")[2]
    return {f"credential.{parts.scheme}://{place}.helper": f'!f() {{ {user}echo "password=${TOKEN}"; }}; f'}


def patterns(ref: str) -> list[str]:
    """What to ask the repository for."""
    if not ref:
        return ["HEAD"]
    return [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}"]


def tip(listed: str, ref: str) -> tuple[str, str] | None:
    """(name, commit) of what `git ls-remote` listed, a branch before a tag. None where there is no such thing."""
    rows = (line.split("\t", 1) for line in listed.splitlines() if "\t" in line)
    commits = {name: commit for commit, name in rows if is_commit(commit)}
    for name in patterns(ref):
        if name in commits and not name.endswith("^{}"):
            return name, commits.get(f"{name}^{{}}", commits[name])
    return None


def total_size(listed: str) -> int:
    """Bytes of the files that `git ls-tree -r -l` listed: mode, type, object, size, path."""
    sizes = (line.split("\t", 1)[0].split() for line in listed.splitlines())
    return sum(int(row[3]) for row in sizes if len(row) > 3 and row[3].isdigit())


def reason(stderr: str) -> str:
    """What git, ssh or the server said first, in one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("warning:", "hint:", "Warning:"))]
    return one_line(re.sub(r"^(fatal|error|remote): ", "", said[0])) if said else "git gave no reason"
