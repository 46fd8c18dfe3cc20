# The watcher in a container: the program, its virtual environment and an init, on a base that holds the tools.
#
#   docker build -t dkron-jobs .
#   docker run --read-only --tmpfs /tmp -v dkron-jobs-state:/state -p 127.0.0.1:8080:8080 --env-file .env dkron-jobs
#
# BASE is any Debian-like image with Python 3.11 or newer (with venv) and, on PATH, the Pulumi CLI with its Python
# language host. On a closed network pass one of your own; tini and git are installed only where BASE lacks them.
ARG BASE=pulumi/pulumi-python-3.12:3.260.0

FROM ${BASE} AS build
# pip's settings for a closed network. Only this stage knows them, so they aren't in the image's history.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
WORKDIR /app
COPY requirements.txt ./
# Where Pulumi.yaml looks for it. It keeps pip: the language host asks it which packages there are.
RUN python3 -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
# .dockerignore names what may be here; anything else in the directory doesn't even reach the engine.
COPY . ./
# The root file system is read-only at run time, so nothing could be compiled then.
RUN .venv/bin/python -m compileall -q __main__.py commands jobs provider watcher && chmod -R a+rX,go-w .

FROM ${BASE}
# git serves GIT_URL only: where no package can be had, a base without it must do.
RUN { command -v tini && command -v git; } >/dev/null \
    || { apt-get update && apt-get install -y --no-install-recommends tini git && rm -rf /var/lib/apt/lists/*; } \
    || command -v tini >/dev/null
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin watcher \
    && install -d -o watcher -g watcher -m 0700 /state
COPY --from=build /app /app
WORKDIR /app
# The state's place in Pulumi.yaml and WORK_DIR's default.
RUN ln -s /state .state

# Only /state (a volume) and /tmp (a tmpfs) are ever written. No update check, no plugin download: Dkron is all it calls.
ENV PATH=/app/.venv/bin:${PATH} \
    HOME=/tmp \
    USER=watcher \
    PROGRAM_DIR=/app \
    PULUMI_HOME=/tmp/.pulumi \
    PULUMI_LOGS=off \
    PULUMI_SKIP_UPDATE_CHECK=true \
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HEALTH_ADDR=0.0.0.0:8080

# By number, for Kubernetes cannot see from a name that it is not root.
USER 10001:10001
VOLUME ["/state"]
EXPOSE 8080
# http.client, because urllib would ask a proxy of the environment. A certificate of its own is for another name.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os, ssl, sys; at = ('127.0.0.1', int(os.environ['HEALTH_ADDR'].rpartition(':')[2])); c = h.HTTPSConnection(*at, timeout=4, context=ssl._create_unverified_context()) if os.environ.get('HTTP_CERT_FILE') else h.HTTPConnection(*at, timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
STOPSIGNAL SIGTERM
# tini reaps what a killed run leaves behind, and passes the signals and the exit code on.
ENTRYPOINT ["tini", "--", "python", "-m", "watcher"]
