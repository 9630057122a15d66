# Test targets of the Makefile. What each stage runs stands in tests/tools/run.py.
.PHONY: test test-setup test-unit lint sanity test-newest test-integration test-e2e molecule bench build

PY := $(VENV)/bin/python
STAGES := $(PY) tests/tools/run.py
NEWEST := .cache/venv-newest
# The community package, to be measured against.
STOCK := .cache/stock-venv
# The newest interpreter that the newest ansible-core supports, where there is one: on the path, or of pyenv.
NEWEST_PYTHON := $(shell for p in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do \
	"$$p" -c 'import venv' 2>/dev/null && command -v "$$p" && break; done)

test-setup: setup $(VENV)/.test-ready $(if $(NEWEST_PYTHON),$(NEWEST)/.ready)

$(VENV)/.test-ready: $(VENV)/.ready tests/requirements.txt
	@command -v shellcheck >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends shellcheck; }
	$(PY) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(NEWEST)/.ready: requirements.txt tests/requirements.txt
	$(NEWEST_PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check 'ansible-core>=2.20' \
		-r requirements.txt $$(sed -n 's/^\(pytest[^ ]*\)$$/\1/p' tests/requirements.txt)
	@touch $@

$(STOCK)/.ready: tests/bench/stock/requirements.txt
	$(PYTHON) -m venv $(STOCK)
	$(STOCK)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

test: test-setup ## all tests on real parts; ends with a table of stages and the total
	tests/support/bench prepare
	$(STAGES)

test-unit: test-setup ## unit tests (seconds)
	$(STAGES) unit

lint: test-setup ## ansible-lint (production), yamllint, shellcheck, changelog and docs
	$(STAGES) lint

sanity: test-setup ## ansible-test sanity, nothing ignored
	$(STAGES) sanity

test-newest: test-setup ## unit and sanity tests with the newest ansible-core, where Python 3.13 is found
	$(STAGES) newest

test-integration: test-setup ## a target for each module, on the bench (TARGETS="tenant ollama_agent" for some)
	$(STAGES) integration

molecule: test-setup ## scenarios of the roles, on the bench
	$(STAGES) molecule

test-e2e: test-setup ## whole playbooks, faults, kills and races, on the bench (TESTS=tests/e2e/test_x.py for some)
	$(STAGES) e2e

# Which one: run (onboarding), fleet, model_store, view_switch or m365_upsert.
BENCH := run

bench: setup $(STOCK)/.ready ## speed against the stock collections, in one run (BENCH=fleet for another, ARGS=--help for its options)
	tests/support/bench run --name speed -- $(PY) tests/bench/$(BENCH).py $(ARGS)

build: setup ## the collection's archive
	$(VENV)/bin/ansible-galaxy collection build --force --output-path .
