# Driftline. Each target prepares what it needs: only python3.13, git and make must be there.

ARCHITECTURE ?= x86_64
CONFIG_ENV ?= local
PROCESSES ?= 2
PYTHON := .venv/bin/python
UV := .venv/bin/uv
COMPILE := $(UV) pip compile -q --no-header --no-emit-index-url
STATE := .venv/ready .venv-aws/ready .venv-sam/ready
AUDIT := .venv-audit/bin
TEXTS := '*.py' '*.yaml' '*.toml' '*.md' '*.in' '*.sql' Makefile
export SAM_CLI_TELEMETRY = 0

.DEFAULT_GOAL := help
.PHONY: help browser pictures demo demo-retraining experiments notebook test faults fuzz check bench bench-detection build deploy clean requirements

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | expand -t 18

demo: $(STATE)  ## train, deploy to a local AWS, drift, watch the alarm
	$(PYTHON) -m scripts.demo

demo-retraining: $(STATE)  ## labels change, quality alarms, a challenger is trained and takes over
	$(PYTHON) -m scripts.demo_retraining

experiments: .venv/ready  ## the pictures and figures of docs/experiments.md, in two minutes
	$(PYTHON) -m scripts.experiment normal gradual sudden seasonal degradation concept

notebook: $(STATE)  ## notebooks/drift_analysis.ipynb, run on an incident in a local AWS of its own
	$(PYTHON) -m scripts.notebook

test: $(STATE) .venv-audit/ready browser  ## every test, with the end-to-end tests on a local AWS
	$(PYTHON) -m pytest -n $(PROCESSES) --dist loadgroup --no-loadscope-reorder

browser:  ## Debian's chromium, which the tests open reports with; nothing to do where one is
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null || { \
	  command -v apt-get > /dev/null || { echo "no chromium is installed: install one, e.g. from chromium.org"; exit 1; }; \
	  run=$$([ "$$(id -u)" = 0 ] || echo sudo); $$run apt-get update -q && $$run apt-get install -q -y chromium; }

pictures: .venv/ready browser  ## docs/images of the report that make demo wrote
	$(PYTHON) -m scripts.pictures

faults: $(STATE)  ## 5,100 schedules of faults, where make test draws 300; half an hour
	FAULT_SEEDS=0:17 $(PYTHON) -m pytest -s tests/properties/test_faults.py

check: $(STATE) .venv-audit/ready  ## formatting, style, types, the template and security
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/cfn-lint sam_template.yaml
	.venv-sam/bin/sam validate --lint --template sam_template.yaml
	$(AUDIT)/checkov -f sam_template.yaml --framework cloudformation --skip-download --compact --quiet
	$(AUDIT)/checkov -f $$(git ls-files $(TEXTS)) --framework secrets --skip-download --compact --quiet
	$(AUDIT)/bandit -q -r drift_core drift_consumer ingest_lambda queries report training scripts
	$(PYTHON) -m scripts.audit

fuzz: .venv-fuzz/ready  ## hostile records, guided by coverage: 120,000 inputs, a few minutes
	.venv-fuzz/bin/python -m tests.hostile.fuzz

bench: $(STATE) .venv-peers/ready .venv-peers-older/ready  ## speed, beside named alternatives; the soak is python -m benchmarks.speed.soak
	$(PYTHON) -m benchmarks.speed

bench-detection: $(STATE) .venv-peers/ready .venv-peers-older/ready  ## detection, against the peers; hours, but a second run goes on
	$(PYTHON) -m benchmarks.detection

build: $(STATE)  ## the functions' packages, in .aws-sam
	ARCHITECTURE=$(ARCHITECTURE) .venv-sam/bin/sam build --config-env $(CONFIG_ENV)

deploy: $(STATE)  ## train and deploy: make deploy CONFIG_ENV=dev
	$(PYTHON) -m scripts.deploy --config-env $(CONFIG_ENV)

clean:  ## remove what was built; a running local AWS is stopped
	if [ -x $(PYTHON) ]; then $(PYTHON) -m scripts.local down; fi
	rm -rf build .aws-sam .venv .venv-aws .venv-sam .venv-audit .venv-fuzz .venv-peers .venv-peers-older .*_cache .hypothesis

requirements: .venv/ready  ## compile requirements/*.in
	for name in dev local-aws sam audit peers; do $(COMPILE) -o requirements/$$name.txt requirements/$$name.in || exit 1; done
	for name in ingest consumer evaluator quality alert training fuzz; do \
	  $(COMPILE) -c requirements/dev.txt -o requirements/$$name.txt requirements/$$name.in || exit 1; done
	$(COMPILE) --python-version 3.11 -o requirements/peers-older.txt requirements/peers-older.in

# ---- environments: four, because their pins conflict ----

.venv/bin/uv:
	@command -v python3.13 > /dev/null || { echo "python3.13 is missing: install it, e.g. with https://docs.astral.sh/uv or pyenv install 3.13"; exit 1; }
	python3.13 -m venv .venv
	.venv/bin/pip install -q uv==0.13.9

.venv/ready: requirements/dev.txt .venv/bin/uv
	$(UV) pip install -q --python .venv -r requirements/dev.txt
	touch $@

.venv-aws/ready: requirements/local-aws.txt .venv/bin/uv
	$(UV) venv -q --clear --python .venv/bin/python .venv-aws
	$(UV) pip install -q --python .venv-aws -r requirements/local-aws.txt
	touch $@

.venv-sam/ready: requirements/sam.txt .venv/bin/uv
	$(UV) venv -q --clear --python .venv/bin/python .venv-sam
	$(UV) pip install -q --python .venv-sam -r requirements/sam.txt
	touch $@

# The fuzzer: only `make fuzz` needs it.
.venv-fuzz/ready: requirements/fuzz.txt .venv/bin/uv
	$(UV) venv -q --clear --python .venv/bin/python .venv-fuzz
	$(UV) pip install -q --python .venv-fuzz -r requirements/fuzz.txt
	touch $@

# checkov, bandit and pip-audit: only `make check` needs them.
.venv-audit/ready: requirements/audit.txt .venv/bin/uv
	$(UV) venv -q --clear --python .venv/bin/python .venv-audit
	$(UV) pip install -q --python .venv-audit -r requirements/audit.txt
	touch $@

# The libraries that the benchmarks compare with: only they need them, and 3 GB.
.venv-peers/ready: requirements/peers.txt .venv/bin/uv
	$(UV) venv -q --clear --python .venv/bin/python .venv-peers
	$(UV) pip install -q --python .venv-peers -r requirements/peers.txt
	touch $@

# uv takes a Python 3.11 that is installed, or fetches one.
.venv-peers-older/ready: requirements/peers-older.txt .venv/bin/uv
	$(UV) venv -q --clear --no-project --python 3.11 .venv-peers-older
	$(UV) pip install -q --python .venv-peers-older -r requirements/peers-older.txt
	touch $@

# ---- called by `sam build`, one for each function ----

build-%:
	$(PYTHON) -m scripts.package $* "$(ARTIFACTS_DIR)" --architecture $(ARCHITECTURE)
