# `make up` and `make test` are all a newcomer needs; the rest are their parts.
# PYTHON=/path/to/python makes the environment anew with that Python.
VENV := .venv
RUN := $(VENV)/bin/python
UV := .tools/uv/bin/uv
export PYTHON

.PHONY: help
help: ## show this list
	@awk -F':.*## ' '/^## /{ print "\n" substr($$0, 4) } /^[a-z0-9]+:.*## /{ printf "  make %-11s %s\n", $$1, $$2 }' Makefile

## Use it
.PHONY: up preview down destroy watch image setup
up: setup ## get a Dkron and the Pulumi CLI, run `pulumi up`, show the jobs
preview: setup ## show what `make up` would change
down: setup ## stop the Dkron that `make up` started
destroy: setup ## delete our jobs and remove the stack
watch: setup ## run the watcher, without a container
up preview down destroy watch:
	@exec $(RUN) -m dev $@

IMAGE ?= dkron-jobs
image: ## build the watcher's container image (IMAGE=name, BASE=another base, BUILD=more of docker build's options)
	docker build $(if $(BASE),--build-arg BASE=$(BASE)) $(BUILD) -t $(IMAGE) .

setup: ## make the virtual environment .venv (PYTHON=another Python); all other targets do it as needed
	@VENV=$(VENV) dev/setup.sh

## Change it
.PHONY: check lint unit e2e test histories soak
check: setup ## run lint, and the unit tests of what changed since main: under a minute
	@$(RUN) -m dev.checks lint changed
lint: setup ## run ruff, mypy, import-linter, codespell and pymarkdown
	@$(RUN) -m dev.checks lint
unit: setup ## run the tests that need neither pulumi nor dkron, and measure the pure modules' coverage
	@$(RUN) -m dev.checks unit
e2e: setup ## run the end-to-end tests on each pair of real and sandbox pulumi and dkron that is here
	@$(RUN) -m dev.checks e2e
test: setup ## run every check and every test that can run here
	@$(RUN) -m dev.checks lint unit e2e

histories: setup ## try random histories (HISTORIES=200 on the model, HISTORIES_E2E=20 on each pair, HISTORIES_STEPS=5 of each)
	$(RUN) -m pytest -n 2 -v tests/test_histories.py tests/e2e/test_histories.py

soak: setup ## try faults at random under a running watcher (SECONDS=3600, SEED=what an earlier one printed)
	$(RUN) -m tests.soak --seconds $(or $(SECONDS),3600) $(if $(SEED),--seed $(SEED))

## Keep it
.PHONY: lock audit sbom wheel screenshot bench
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(UPGRADE)
lock: setup ## write the lock files from pyproject.toml (UPGRADE=--upgrade for the newest versions of everything)
	$(UV) $(LOCK) pyproject.toml --group app -o requirements.txt
	$(UV) $(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(UV) $(LOCK) --group pyproject.toml:uv -o requirements-uv.txt

audit: setup ## look for known vulnerabilities in what the image installs
	$(UV) tool run pip-audit==2.10.1 --require-hashes --disable-pip -r requirements.txt

sbom: setup ## write build/sbom.json, what the image installs as a CycloneDX bill of materials
	@mkdir -p build
	$(UV) tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.txt -o build/sbom.json

wheel: setup ## build the provider as a package for other Pulumi programs (build/pulumi_dkron-*.whl)
	$(RUN) -m hatchling build -t wheel -d build

screenshot: setup ## draw docs/status.png, the status page with example data (needs chromium)
	@PICTURE=$(CURDIR)/docs/status.png $(RUN) -m pytest -n 0 tests/watcher/web/test_page_in_a_browser.py -k light

bench: setup ## measure what it costs: docs/bench.json and a table; takes long (BENCH="--jobs 8 --rounds 2" for less)
	@exec $(RUN) -m bench $(BENCH)
