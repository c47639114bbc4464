# The verbs people type. Every one works on a fresh machine (Debian 12, root, Go, Python 3.11, git).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test clean venv check unit integration e2e e2e-kind cluster bench verdicts gate-trials generate

help: ## list the verbs
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: venv ## a real cluster, leaking and healthy pods, the operator, and what it finds
	@$(PYTHON) -m hack.demo

test: check unit integration e2e ## everything: linters, types, contracts, unit, API server and end-to-end tests

clean: ## stop what demo and tests started, and forget its state (caches of built tools stay)
	@$(PYTHON) -m hack.demo --stop
	@$(PYTHON) -m hack.cluster down --all
	@rm -rf .state

venv: $(VENV)/.installed ## the Python environment, from the locked versions

$(VENV)/.installed: pyproject.toml requirements.lock
	@echo "Python environment: installing the locked versions into $(VENV) (about a minute)"
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

check: venv ## formatting, lint, types, import contracts, generated files are current
	@echo "ruff";            $(BIN)/ruff check .
	@echo "mypy --strict";   $(BIN)/mypy
	@echo "import contracts"; $(BIN)/lint-imports --verbose >/dev/null || $(BIN)/lint-imports
	@echo "generated files"; $(BIN)/python -m hack.gen_proto --check && $(BIN)/python -m hack.gen_crds --check && $(BIN)/python -m hack.gen_values --check

unit: venv ## tests that need nothing but Python and Go, a process a core
	@$(BIN)/pytest -q -n auto --dist loadfile -m "not integration and not e2e"

integration: venv ## tests against a real kube-apiserver
	@$(PYTHON) -m hack.cluster tools --control-plane-only
	@$(BIN)/pytest -q -m integration

e2e: venv ## tests on a real node: kubelet, containers, gopls, evictions
	@$(PYTHON) -m hack.cluster tools
	@$(BIN)/pytest -q -m e2e

e2e-kind: venv ## the same end-to-end tests on kind (needs Docker; LEAKWARDEN_KIND_NODE_IMAGE names a node image)
	@LEAKWARDEN_BACKEND=kind $(BIN)/pytest -q -m e2e

cluster: ## just the local cluster; `python3 -m hack.cluster --help` says more
	@$(PYTHON) -m hack.cluster up

bench: venv ## the figures in docs/: sampling against kubectl and pprof, decoding against pprof
	@$(BIN)/python -m bench.decode
	@$(BIN)/python -m bench.sampling

verdicts: venv ## replay the labelled recordings against the bars and other detectors; writes docs/verdicts.md
	@$(BIN)/python -m bench.verdicts

gate-trials: venv ## leakwarden gate on leaking programs, and 50 times on each fixed twin (about an hour)
	@$(BIN)/python -m bench.gate

generate: venv ## write crds/, the chart's CRD, docs/values.md and the protobuf module anew
	@$(BIN)/python -m hack.gen_proto
	@$(BIN)/python -m hack.gen_crds
	@$(BIN)/python -m hack.gen_values
