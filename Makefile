# Targets of the collection; `make help` lists them. `.ci/run` calls `make test` and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup onboard clean-demo

# As they were given: neither make nor a shell evaluates anything in them. The recipes take them from the environment.
# ARGS is split into words, with quotes as in a shell; variables, globs and commands in it stay as they are.
override TENANT := $(value TENANT)
override MODEL := $(value MODEL)
override ARGS := $(value ARGS)
export TENANT MODEL ARGS

PYTHON ?= python3
VENV := .venv
LINK := .collections/ansible_collections/llmops/tenancy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(LINK) ## virtual environment, dependencies and the link that makes the checkout a collection
	@:

$(VENV)/.ready: requirements.txt
	@scripts/venv.sh $(PYTHON) $(VENV)
	@touch $@

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

onboard: ## a tenant with an agent that answers: make onboard TENANT=empresa-corp [MODEL=phi4-mini] [ARGS='-e memory_limit=6g']
	@[ -n "$$TENANT" ] || { echo "make onboard: name the tenant, for example: make onboard TENANT=empresa-corp" >&2; exit 2; }
	@[ -e $(VENV)/.ready ] || { mkdir -p .cache/onboard; touch .cache/onboard/setup; }
	@$(MAKE) --no-print-directory setup
	@$(PYTHON) scripts/with_args.py scripts/onboard.sh "$$TENANT" "$$MODEL"

clean-demo: ## take away everything that `make onboard` added, and nothing else
	@$(PYTHON) scripts/with_args.py scripts/clean_demo.sh

include tests/tests.mk
