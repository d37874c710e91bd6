# Every command makes what it needs first; run again, it does only what is missing.

.DEFAULT_GOAL := help
.PHONY: help up cluster preview outputs predict status env recover down mirror upgrade clean test test-unit test-platform test-training test-serving test-groups test-all lint bench docs environment
SHELL := /bin/bash

PYTHON := .local/venv/bin/python
STACK ?= dev

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

up: environment ## from an empty machine to a prediction: tools, cluster, images, pulumi up, outputs
	@$(PYTHON) -m local --stack $(STACK) up

cluster: environment ## only the embedded cluster, for plain pulumi
	@$(PYTHON) -m local --stack $(STACK) cluster

preview: environment ## what pulumi up would change, what the policies say of it, and on AWS what it costs
	@$(PYTHON) -m local --stack $(STACK) preview

outputs: environment ## the stack outputs as JSON
	@$(PYTHON) -m local --stack $(STACK) outputs

predict: environment ## held-out samples through the Service: label, prediction, accuracy
	@$(PYTHON) -m local --stack $(STACK) predict

status: environment ## what runs, what waits and why
	@$(PYTHON) -m local --stack $(STACK) status

env: environment ## shell lines for plain pulumi and kubectl: source <(make -s env)
	@$(PYTHON) -m local --stack $(STACK) env

recover: environment ## after a killed command: waits for what still runs, settles what it left pending
	@$(PYTHON) -m local --stack $(STACK) recover

down: environment ## destroy the stack, stop the cluster
	@$(PYTHON) -m local --stack $(STACK) down

mirror: environment ## charts, manifests and images of the catalog for the embedded cluster (ENTRIES="kueue …": only these)
	@$(PYTHON) -m local mirror $(ENTRIES)

upgrade: environment ## what an upgrade of a catalog entry changes: ENTRY=kueue VERSION=0.20.0
	@$(PYTHON) -m local.upgrade $(ENTRY) $(VERSION)

clean: environment ## stop the clusters and remove what make made here (CACHE=1: built tools and images too)
	@$(PYTHON) -m local clean $(if $(CACHE),--cache)

test: test-environment ## lint, unit, cluster and end-to-end tests
	@$(PYTHON) -m local test

test-unit: test-environment ## the tests that need no cluster
	@$(PYTHON) -m pytest --numprocesses=auto --dist=loadfile tests/unit tests/policy tests/aws tests/tools

test-training: test-environment ## the engines of training with their operators, on clusters of their own (builds the operators first)
	@$(PYTHON) -m local test-groups $(@:test-%=%)

test-serving: test-environment ## the engines of serving, on clusters of their own (builds their images first)
	@$(PYTHON) -m local test-groups $(@:test-%=%)

test-platform: test-environment ## every service of the platform, on clusters of its own (builds the operators first)
	@$(PYTHON) -m local test-groups $(@:test-%=%)

test-groups: test-environment ## the groups of tests that need the mirror (GROUPS="platform-queues …": only these)
	@$(PYTHON) -m local test-groups $(GROUPS)

test-all: test-environment ## all tests and all groups, from any state; recorded in docs/results/tests.json
	@$(PYTHON) -m local test-all

lint: test-environment ## ruff, pyright, and which way imports point
	@$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m tests.imports && $(PYTHON) -m pyright

bench: test-environment ## the figures of docs/benchmarks.md
	@$(PYTHON) -m tests.bench

docs: environment ## the documentation site in .local/site, its generated pages first
	@local/environment.sh docs
	@$(PYTHON) -m ops.pages
	@.local/venv/bin/zensical build --strict

environment:
	@local/environment.sh run

.PHONY: test-environment
test-environment:
	@local/environment.sh dev
