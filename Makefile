# Targets of the collection; `make help` lists them. `.ci/run` calls `make test` and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup

PYTHON ?= python3
VENV := .venv
LINK := .collections/ansible_collections/llmops/tenancy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(LINK) ## virtual environment, dependencies and the link that makes the checkout a collection

$(VENV)/.ready: requirements.txt tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet 'ansible-core>=2.19' -r requirements.txt
	@touch $@

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

include tests/tests.mk
