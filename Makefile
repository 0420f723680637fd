# Every command that a person types. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH_VENV := .venv-bench
CLUSTER_VENV := .venv-distributed
DOCS_VENV := .venv-docs

# Options of `run` and `up`. Empty: the default.
DATASET ?=
INBOX ?=
DAY ?=
ENCODER ?=
PORT ?=
# Languages of scanned documents, by Tesseract's names: eng+spa.
OCR_LANGUAGES ?= eng
# Options of `bench`. Empty: the default. `python -m benchmarks.peers --help` explains each.
MODEL ?=
RIGHT_SIZED ?=
SNAPSHOT ?=
ENGINES ?=
LEVEL ?=
SHAPE ?=
ROUNDS ?=
THREADS ?=
SENTENCES ?=
# Base of the container image. Empty: the one that docker/Dockerfile pins. `debian`: made of Debian's packages, without a registry.
BASE ?=
# Arguments for pytest, such as ARGS="-k store -x".
ARGS ?=
# Processes that run the tests. Each grows to 1 GiB, besides what its tests start.
JOBS ?= 2

export PYTHONPATH := .:plugins
# Keep compiled modules even where the environment says not to: compiling TensorFlow takes each process seven seconds.
unexport PYTHONDONTWRITEBYTECODE

# Print a progress line.
say = @printf '%s\n'

.DEFAULT_GOAL := help
.PHONY: help run up down setup test coverage test-distributed image test-image lint docs bench clean \
	python install install-dev install-docs install-bench install-cluster install-ocr

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n  make run DATASET=ner_dataset.csv INBOX=folder DAY=2026-01-31 ENCODER=folder-or-hub:id PORT=8081\n'
	@printf '  make bench ENGINES="ours-*,openvino-*" LEVEL=text ROUNDS=5 MODEL=folder RIGHT_SIZED=folder SNAPSHOT=folder\n'
	@printf '  make test JOBS=1 ARGS="-k store"   PYTHON=python3.12 chooses the interpreter of .venv\n'

run: install  ## set up, start Airflow, retrain, quantize, tag a day of documents, print the results
	@$(BIN)/python -m launcher run $(if $(DATASET),--dataset '$(DATASET)') $(if $(INBOX),--inbox '$(INBOX)') \
		$(if $(DAY),--day '$(DAY)') $(if $(ENCODER),--encoder '$(ENCODER)') $(if $(PORT),--port '$(PORT)')

up: install  ## start Airflow and leave it running; print URL, user and password
	@$(BIN)/python -m launcher up $(if $(ENCODER),--encoder '$(ENCODER)') $(if $(PORT),--port '$(PORT)')

down: install  ## stop Airflow and its tasks
	@$(BIN)/python -m launcher down

setup: install  ## create secrets, download the encoder, migrate the database; start nothing
	@$(BIN)/python -m launcher setup $(if $(ENCODER),--encoder '$(ENCODER)')

test: install-dev  ## run all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

# Tracing slows Python down several times, so only quick tests are measured. The packages and the floor are in pyproject.toml.
covered := files monitoring registry review test_records.py
coverage: install-dev  ## measure coverage of the core by its quick tests; fails below the floor
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'not slow and not distributed' \
		--cov --cov-report=term $(ARGS) $(addprefix tests/core/,$(covered))

# Fails if a server is not installed; `make test` skips these tests instead.
test-distributed: install-cluster  ## kill workers, servers and S3 of a cluster during a run; needs PostgreSQL and Redis
	@NIGHTLY_DRILLS_REQUIRED=1 $(CLUSTER_VENV)/bin/python -m pytest -m distributed $(ARGS)

image: install-dev  ## build the container image with docker or buildah; BASE=debian where no registry is reachable
	@docker/build $(if $(BASE),--base '$(BASE)')

# Fails if a program is missing; `make test` skips these tests.
test-image: image  ## start the whole stack of docker/compose.yaml from the image, and retrain, quantize and tag a night in it
	@$(BIN)/python -m tests.image $(ARGS)

lint: install-dev  ## check style, types, import layers and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy
	@$(BIN)/typos

docs: install install-docs  ## build the documentation into site/; fails on a broken link
	@$(BIN)/python docs/generate.py
	@rm -rf site
	@$(DOCS_VENV)/bin/zensical build --strict --clean
	@! grep -rlE --include='*.html' '<(script|link|img|iframe)[^>]* (src|href)="(https?:)?//' site || { \
		printf 'error: found pages above that load from other hosts, expected none\n' >&2; exit 1; }
	@printf 'documentation: site/index.html; to read it: %s -m http.server --bind 127.0.0.1 --directory site\n' '$(BIN)/python'

bench: install install-bench  ## compare speed, F1 and memory with other engines: same weights, and as documented; takes long
	@$(BIN)/python -m benchmarks.peers --peers_python $(BENCH_VENV)/bin/python $(if $(MODEL),--model '$(MODEL)') \
		$(if $(RIGHT_SIZED),--right_sized '$(RIGHT_SIZED)') $(if $(SNAPSHOT),--snapshot '$(SNAPSHOT)') $(if $(ENGINES),--engines '$(ENGINES)') $(if $(LEVEL),--level '$(LEVEL)') \
		$(if $(SHAPE),--shape '$(SHAPE)') $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(THREADS),--threads '$(THREADS)') \
		$(if $(SENTENCES),--sentences '$(SENTENCES)')

clean:  ## remove .venv and caches; keep var/ (store, models, secrets)
	@rm -rf $(VENV) $(BENCH_VENV) $(CLUSTER_VENV) $(DOCS_VENV) build site docs/reference .cache *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +
	@printf 'removed .venv and caches; kept var/\n'

# The same bounds as requires-python in pyproject.toml.
python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
		printf 'error: found %s, expected Python 3.11 to 3.13, as PYTHON=%s; choose another: make PYTHON=python3.12 ...\n' \
			"$$($(PYTHON) --version 2>&1 | tail -n 1)" '$(PYTHON)' >&2; exit 1; }

$(BIN)/python: | python
	$(say) 'python: creating $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV) || { \
		printf 'error: found no venv module in %s, expected one (Debian: apt install python3-venv)\n' '$(PYTHON)' >&2; \
		rm -rf $(VENV); exit 1; }

# A stamp file holds the checksum of the requirements: packages are installed when that changes.
install: $(BIN)/python
	@$(call ensure,installed,requirements.txt)

install-dev: install
	@$(call ensure,installed-dev,requirements-dev.txt)

# Tesseract and its language data come from Debian. Without apt-get or root, print the command to run instead.
ocr_packages = tesseract-ocr $(addprefix tesseract-ocr-,$(subst _,-,$(subst +, ,$(OCR_LANGUAGES))))
ocr_missing = $(BIN)/python -c 'from ner_tasks.documents.ocr import ocr; print(ocr.find_missing("$(OCR_LANGUAGES)"))'

install-ocr: install  ## install Tesseract for scanned documents (NER_OCR=1); OCR_LANGUAGES=eng+spa for more than English
	@missing="$$($(ocr_missing))" || exit 1; \
	if [ -n "$$missing" ] && command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
		printf 'packages: installing %s\n' '$(ocr_packages)'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(ocr_packages) > /dev/null; \
	fi; \
	missing="$$($(ocr_missing))" || exit 1; \
	[ -z "$$missing" ] || { \
		printf 'error: found no %s, expected it installed (Debian: sudo apt-get install %s)\n' "$$missing" '$(ocr_packages)' >&2; \
		exit 1; }
	@printf 'OCR is installed: %s, %s\n' "$$(tesseract --version 2>&1 | head -n 1)" '$(OCR_LANGUAGES)'

# A separate environment: the product does not depend on the peers' packages.
install-bench: | python
	@sum="$$(cksum < benchmarks/requirements.txt)"; \
	if [ "$$(cat $(BENCH_VENV)/installed 2>/dev/null)" != "$$sum" ]; then \
		printf 'packages: installing benchmarks/requirements.txt into $(BENCH_VENV)\n'; \
		{ [ -x $(BENCH_VENV)/bin/python ] || $(PYTHON) -m venv $(BENCH_VENV); } && \
		$(BENCH_VENV)/bin/python -m pip install -qq --disable-pip-version-check -r benchmarks/requirements.txt && \
		printf '%s' "$$sum" > $(BENCH_VENV)/installed; \
	fi

# A separate environment: the site's tools share no versions with the product.
install-docs: $(BIN)/python
	@sum="$$(cksum < requirements-docs.txt)"; \
	if [ "$$(cat $(DOCS_VENV)/installed 2>/dev/null)" != "$$sum" ]; then \
		printf 'packages: installing requirements-docs.txt into $(DOCS_VENV)\n'; \
		{ [ -x $(DOCS_VENV)/bin/python ] || $(BIN)/python -m venv $(DOCS_VENV); } && \
		$(DOCS_VENV)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-docs.txt && \
		printf '%s' "$$sum" > $(DOCS_VENV)/installed; \
	fi

# The packages of the container image, and pytest. A separate environment, so that the tests in .venv fail if the code
# needs Celery or its drivers. uv links the files from its cache, so this takes seconds.
install-cluster: install-dev
	@files='requirements.txt requirements-dev.txt docker/requirements.txt'; sum="$$(cat $$files | cksum)"; \
	if [ "$$(cat $(CLUSTER_VENV)/installed 2>/dev/null)" != "$$sum" ]; then \
		printf 'packages: installing %s into $(CLUSTER_VENV)\n' "$$files"; \
		{ [ -x $(CLUSTER_VENV)/bin/python ] || $(BIN)/python -m venv --without-pip $(CLUSTER_VENV); } && \
		$(BIN)/uv pip install --quiet --python $(CLUSTER_VENV)/bin/python --require-hashes $$(printf ' -r %s' $$files) && \
		printf '%s' "$$sum" > $(CLUSTER_VENV)/installed; \
	fi

define ensure
	sum="$$(cat requirements-uv.txt $(2) | cksum)"; \
	if [ "$$(cat $(VENV)/$(1) 2>/dev/null)" != "$$sum" ]; then \
		printf 'packages: installing %s from %s, hashes checked\n' "$$(grep -c '==' $(2))" '$(2)'; \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-uv.txt && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(2) && \
		printf '%s' "$$sum" > $(VENV)/$(1); \
	fi
endef
