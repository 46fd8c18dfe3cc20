"""Every setting of the watcher, one row each: the documents, .env.example and the compose file are checked against it.

Nothing is read here; `watcher.settings` does.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. `default` is text, "" for none; `minimum`: it is an integer; `choices` closes the list of values."""

    name: str
    default: str
    meaning: str
    secret: bool = False
    minimum: int | None = None
    choices: tuple[str, ...] = ()


_LOGS = ("keep", "off")
_BOOLEAN = ("true", "false", "1", "0")
TABLE: tuple[Setting, ...] = (
    Setting("STACK", "dev", "Pulumi stack to keep true; several by commas"),
    Setting("PROGRAM_DIR", ".", "directory with Pulumi.yaml and __main__.py"),
    Setting("JOBS_DIR", "", "directory of the declarations' modules, such as a volume; else jobs/ beside the program"),
    Setting("GIT_URL", "", "git repository to take the declarations from, by https, ssh or file"),
    Setting("GIT_REF", "", "its branch, tag or whole commit; else its default branch"),
    Setting("GIT_DIR", "jobs", "directory of the declarations' modules in it"),
    Setting("GIT_TOKEN", "", "password for it over https", secret=True),
    Setting("GIT_MAX_MB", "100", "how large one commit of it may be", minimum=1),
    Setting("DKRON_URL", "", "address of Dkron's API, several servers by commas; else the stack's dkronUrl"),
    Setting("GATEWAY_URL", "", "address of the gateway that the jobs call; else the stack's gatewayUrl"),
    Setting("SERVICE_KEY", "", "key that the jobs send; else the stack's serviceKey", secret=True),
    Setting("DKRON_TOKEN", "", "bearer token for a proxy in front of Dkron", secret=True),
    Setting("DKRON_USER", "", "user for basic authentication at that proxy"),
    Setting("DKRON_PASSWORD", "", "password for basic authentication at that proxy", secret=True),
    Setting("DKRON_CA_FILE", "", "file with the CA certificates of that proxy"),
    Setting("DKRON_CERT_FILE", "", "file with our certificate in PEM, where that proxy asks for one"),
    Setting("DKRON_KEY_FILE", "", "file with that certificate's key"),
    Setting("DKRON_INSECURE", "", "true sends token or password over plain http as well", choices=_BOOLEAN),
    Setting("OWNER_TAG", "", "metadata.managed_by of our jobs; else the stack's ownerTag"),
    Setting("ADOPT", "", "true takes over declared jobs that lack our tag", choices=_BOOLEAN),
    Setting("DEFAULT_TAGS", "", "tags of jobs that declare none, such as dc=dc1:1; else the stack's defaultTags"),
    Setting("RECONCILE_INTERVAL_MS", "300000", "from the start of one cycle to the start of the next", minimum=1000),
    Setting("PROBE_INTERVAL_MS", "", "how often to look for drift between cycles, 0 never; else each 2 s, but at most a"
            " fiftieth of the time", minimum=0),
    Setting("MAX_DELETES", "", "most deletions in a cycle and in an hour, a number or a share such as 20%; else 5 or"
            " a third of the jobs, whichever is less"),
    Setting("MAX_UPDATES", "", "the same for updates by the program or the config, never for repairs; else no limit"),
    Setting("STRAYS", "delete", "jobs with our tag, in no state and no program", choices=("delete", "report")),
    Setting("FREEZE", "", "windows in which nothing is changed, by commas, such as Fri 18:00-Mon 06:00 Europe/Berlin"),
    Setting("FREEZE_DRIFT", "wait", "drift in such a window", choices=("wait", "repair")),
    Setting("PLAN_ONLY", "false", "true shows a change set and waits for --once, but repairs drift; strict: not even"
            " that", choices=("true", "false", "strict")),
    Setting("UP_TIMEOUT_MS", "600000", "time limit of one pulumi process", minimum=1000),
    Setting("GRACE_MS", "30000", "how long SIGTERM waits for the operation in hand", minimum=0),
    Setting("LEADER_WAIT_MS", "30000", "how long one cycle waits for Dkron's leader", minimum=0),
    Setting("HEALTH_ADDR", "127.0.0.1:8080", "host:port of /healthz, /readyz and /metrics; off for none"),
    Setting("METRICS_ADDR", "", "host:port of /metrics, apart from the page and without its login"),
    Setting("HTTP_USER", "", "user for the page, /api/status and /metrics, by basic authentication"),
    Setting("HTTP_PASSWORD", "", "password for the page", secret=True),
    Setting("HTTP_CERT_FILE", "", "file with the page's certificate in PEM: the page is then on https"),
    Setting("HTTP_KEY_FILE", "", "file with that certificate's key"),
    Setting("JOB_METRICS", "on", "metrics with the names of the jobs: on, or off", choices=("on", "off")),
    Setting("SHOW_OUTPUT", "false", "true shows what runs printed on a job's page", choices=("true", "false")),
    Setting("NOTIFY", "", "whom to tell, by commas, in apprise's syntax (json://, slack://, mailto://)", secret=True),
    Setting("NOTIFY_ON", "refused,failed,person,job,plan,recovered", "what to tell, by commas; drift, too"),
    Setting("PUBLIC_URL", "", "address of the page for people, for links; its path is where a proxy serves the page"),
    Setting("LOG_FORMAT", "json", "json, or text for people", choices=("json", "text")),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error", choices=("debug", "info", "warning", "error")),
    Setting("WATCHER_HOSTS", "", "hosts of a shared state's watchers or patterns, by commas: their old locks are dead"),
    Setting("WORK_DIR", ".state", "the watcher's own files where the state isn't in a directory"),
    Setting("PULUMI_BACKEND_URL", "", "where the state is; else Pulumi.yaml's backend", secret=True),
    Setting("PULUMI_CONFIG_PASSPHRASE", "", "decrypts the stack's secrets", secret=True),
    Setting("PULUMI_ACCESS_TOKEN", "", "for Pulumi Cloud", secret=True),
    Setting("PULUMI_HOME", "", "Pulumi's own directory: plugins, logs, workspaces"),
    Setting("PULUMI_LOGS", "keep", "keep or off: the CLI's own log of each run, at a third of its time", choices=_LOGS),
)  # fmt: skip
