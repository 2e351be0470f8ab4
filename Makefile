# Driftline. Each target prepares what it needs: only python3.13, git and make must be there.

ARCHITECTURE ?= x86_64
CONFIG_ENV ?= local
PYTHON := .venv/bin/python
UV := .venv/bin/uv
COMPILE := $(UV) pip compile -q --no-header --no-emit-index-url
STATE := .venv/ready .venv-aws/ready .venv-sam/ready
export SAM_CLI_TELEMETRY = 0

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-detection build deploy clean requirements

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | expand -t 18

demo: $(STATE)  ## train, deploy to a local AWS, drift, watch the alarm
	$(PYTHON) -m scripts.demo

test: $(STATE)  ## every test, with the end-to-end tests on a local AWS
	$(PYTHON) -m pytest

check: $(STATE)  ## formatting, style, types and the template
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/cfn-lint sam_template.yaml
	.venv-sam/bin/sam validate --lint --template sam_template.yaml

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
	rm -rf build .aws-sam .venv .venv-aws .venv-sam .venv-peers .venv-peers-older .*_cache .hypothesis

requirements: .venv/ready  ## compile requirements/*.in
	for name in dev local-aws sam peers; do $(COMPILE) -o requirements/$$name.txt requirements/$$name.in || exit 1; done
	for name in ingest consumer evaluator; do \
	  $(COMPILE) -c requirements/dev.txt -o requirements/$$name.txt requirements/$$name.in || exit 1; done
	$(COMPILE) --python-version 3.11 -o requirements/peers-older.txt requirements/peers-older.in

# ---- environments: three, because their pins conflict ----

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
