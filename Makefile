# `make help` lists the targets. All but setup, audit, deploy-check and lock work without a network once setup is done.
.DEFAULT_GOAL := help
.PHONY: help setup up down demo test drops planted orders faults simulation mutants lint audit bench schemas dashboards deploy-check lock

VITALS := .venv/bin/vitals
INSTALLED := .venv/.installed
DEMO_HOME := $(CURDIR)/.demo
DEMO_FLEET ?= --groups 200 --days 180 --seed 1
DEMO_TIMEOUT ?= 600

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Install everything into .venv (PYTHON=… chooses the interpreter)

$(INSTALLED): deploy/requirements.lock deploy/setup pyproject.toml
	@deploy/setup
	@touch $@

up: setup ## Start Kafka, ClickHouse and the workers
	@$(VITALS) up

down: setup ## Stop the demo's stack and the one of `make up`, in order; data stay
	@if [ -d $(DEMO_HOME) ]; then VITALS_HOME=$(DEMO_HOME) $(VITALS) down; fi
	@$(VITALS) down

demo: export VITALS_HOME = $(DEMO_HOME)
demo: export VITALS_TICK_SECONDS ?= 5
demo: setup ## From nothing to a ranking of dying groups, on a simulated fleet
	@$(VITALS) up
	@[ -f $(DEMO_HOME)/fleet/events.jsonl.gz ] || $(VITALS) simulate --out $(DEMO_HOME)/fleet $(DEMO_FLEET)
	@$(VITALS) import jsonl $(DEMO_HOME)/fleet/events.jsonl.gz
	@$(VITALS) wait --timeout $(DEMO_TIMEOUT)
	@$(VITALS) groups
	@echo
	@echo "The stack is running. To look further:"
	@echo "  export VITALS_HOME=$(DEMO_HOME)"
	@echo "  $(VITALS) status"
	@echo "  $(VITALS) group GROUP_ID        one of the ids above"
	@echo "  $(VITALS) sql 'SELECT verdict, count() FROM group_health GROUP BY verdict'"
	@echo "What was planted in which group is in $(DEMO_HOME)/fleet/truth.csv. Stop with: make down"

test: setup ## All tests, on real stacks of their own (ARGS='-m "not integration"': the fast ones; PROCESSES=2)
	@.venv/bin/python -m pytest --numprocesses $(or $(PROCESSES),2) --dist loadfile $(ARGS)

faults: setup ## Rounds of faults on a stack of their own, and an oracle (ROUNDS=… MINUTES=… SEED=… PER_ROUND=… FAULT=… BROKERS=3)
	@.venv/bin/python -m tests.faults $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(PER_ROUND),--per-round $(PER_ROUND)) $(if $(FAULT),--fault $(FAULT)) \
	  $(if $(BROKERS),--brokers $(BROKERS)) $(ARGS)

drops: setup ## Plant 100 drops of engagement among 300 groups and say which are found (SEED=N, ARGS='--dispersion 20')
	@.venv/bin/python -m tests.drops --seed $(or $(SEED),1) $(ARGS)

planted: setup ## Plant ten kinds of things in fleets of 200 groups and say which are found (SEEDS="1 2", ARGS=--misses)
	@.venv/bin/python -m tests.planted $(foreach seed,$(or $(SEEDS),1),--seed $(seed)) $(ARGS)

orders: setup ## Bring the orders of two shops through importers and folds and compare every sum (ARGS=--stack)
	@.venv/bin/python -m tests.orders $(ARGS)

lint: setup ## Style, types, layers
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

simulation: setup ## Thousands of bad nights on a Kafka in memory, each drawn from a seed (SEEDS=10000)
	@.venv/bin/python -m tests.simulation --seeds $(or $(SEEDS),10000) $(ARGS)

mutants: setup ## Take each guard of the design away in turn: the tests must notice
	@.venv/bin/python -m tests.mutants $(ARGS)

bench: setup ## Throughput, latency and size, measured on this machine
	@.venv/bin/python -m tests.bench $(ARGS)

schemas: setup ## Write schemas/events and schemas/examples anew from streams/events.py
	@.venv/bin/python -m streams.schemas

dashboards: setup ## Write dashboards/ anew from streams/dashboards/
	@.venv/bin/python -m streams.dashboards.files

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

deploy-check: setup ## Image, compose file and chart, checked by the tools that know them (needs Go)
	@deploy/check

audit: setup ## Look the locked packages up among known vulnerabilities (needs osv.dev)
	@deploy/audit

lock: ## Resolve deploy/*.lock anew (needs uv)
	@$(COMPILE) --extra embedded --extra fit --group dev pyproject.toml --output-file deploy/requirements.lock
	@$(COMPILE) --constraint deploy/requirements.lock pyproject.toml --output-file deploy/image.lock
	@sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | \
	  $(COMPILE) --constraint deploy/requirements.lock - --output-file deploy/build.lock
	@echo pip-audit==2.10.1 | $(COMPILE) - --output-file deploy/audit.lock
