# `make up` and `make test` are all a newcomer needs; the rest are their parts.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: help setup up preview down destroy watch image lint unit e2e test clean screenshot bench

help:
	@echo "make setup    virtual environment $(VENV) from the pinned requirements"
	@echo "make up       a Dkron, the Pulumi CLI, \`pulumi up\`, and the jobs as a table"
	@echo "make preview  what \`make up\` would change"
	@echo "make down     stop the Dkron that \`make up\` started"
	@echo "make destroy  delete our jobs and remove the stack"
	@echo "make watch    the watcher, without a container"
	@echo "make image    the watcher's container image (BASE=... for another base, BUILD=... for more of docker build's options)"
	@echo "make screenshot  docs/status.png, the status page with example data (needs chromium)"
	@echo "make bench    docs/bench.json, docs/bench.svg and a table of what it costs; takes long (BENCH=\"--jobs 8 --rounds 2\" for less)"
	@echo "make test     every check and every test that can run here"

# The stamp holds the requirements it was made from, so a changed pin sets the environment up anew.
$(VENV)/.stamp: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "setup: Python 3.11 or newer is needed, and $(PYTHON) is not: set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "setup:   $(VENV) with $$($(PYTHON) --version 2>&1) and the pinned requirements"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.stamp

screenshot: setup
	@$(RUN) -m dev.screenshot

# The picture's library stays out of $(VENV): what is installed there costs each pulumi run time.
PLOT := .tools/bench
bench: setup
	@test $(PLOT)/.stamp -nt requirements-bench.txt || { \
	  echo "bench:   $(PLOT) with the pinned requirements of the picture"; \
	  $(PYTHON) -m venv $(PLOT) \
	  && $(PLOT)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt \
	  && touch $(PLOT)/.stamp; \
	} || { rm -rf $(PLOT); echo "bench:   that failed, so there will be no picture"; }
	@exec $(RUN) -m bench $(BENCH)

up preview down destroy watch: setup
	@exec $(RUN) -m dev $@

IMAGE ?= dkron-jobs
image:
	docker build $(if $(BASE),--build-arg BASE=$(BASE)) $(BUILD) -t $(IMAGE) .

lint: setup
	$(RUN) -m dev.checks lint

unit: setup
	$(RUN) -m dev.checks unit

e2e: setup
	$(RUN) -m dev.checks e2e

test: setup
	@$(RUN) -m dev.checks lint unit e2e
