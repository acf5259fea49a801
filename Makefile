# Alpha Panda: `make demo` runs the product, `make test` proves it. Both need Python 3.11 with pip and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
UV := .venv/bin/uv
COMPILE := $(UV) pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--override requirements/overrides.txt --custom-compile-command "make lock"

.PHONY: demo dev test lint mutants scale chaos bench rivals nightly lock static clean

demo: .venv/.demo static
	@$(PY) manage.py demo $(ARGS)

# What tests need, and nothing run.
dev: .venv/.dev

test: .venv/.dev static lint
	@$(PY) -m pytest -n auto --maxprocesses=4 --dist loadfile --no-loadscope-reorder --durations=15 $(ARGS)

lint: .venv/.dev
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/lint-imports && .venv/bin/mypy \
		&& .venv/bin/djlint --lint --quiet templates

bench: .venv/.dev .venv-rivals/.made
	@for script in benchmarks/p*.py; do $(PY) -m benchmarks.$$(basename $$script .py) || exit 1; done

# The trades other engines make of our rules and walks, made anew: what differs afterwards, they do differently now.
rivals: .venv/.dev .venv-rivals/.made
	@$(PY) -m benchmarks.rivals.record

# Each wrong change to the money path must be killed by the tests nearest to it: scripts/mutants.toml.
mutants: .venv/.dev
	@$(PY) -m scripts.mutants $(ARGS)

# What `make test` tries a part of (tests/scale.py), whole.
scale: .venv/.dev
	@TESTS_AT_NIGHT=1 $(PY) -m pytest -n auto --maxprocesses=4 --dist loadfile $$(grep -rl "by_night(" --include='test_*.py' .) $(ARGS)

# Processes and servers killed at named points, on whole installations.
chaos: .venv/.dev
	@$(PY) -m pytest tests/chaos $(ARGS)

# What takes longer than anybody waits for before a commit. All of it is tried; it fails if any of it does.
nightly: .venv/.dev
	@$(MAKE) --no-print-directory --keep-going mutants scale chaos bench

lock: .venv/bin/uv
	@for name in base demo dev node rivals; do $(COMPILE) requirements/$$name.in -o requirements/$$name.txt || exit 1; done

# The page says what is missing when the front-end package cannot be fetched; everything else works without it.
static: .venv/.npm

clean:
	rm -rf .venv .venv-rivals node_modules staticfiles .state

.venv/bin/uv:
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install -q --disable-pip-version-check "uv>=0.9,<1"

# A plain `pip install -r` downgrades kiteconnect (requirements/overrides.txt says why), so uv installs what was resolved.
.venv/.demo: .venv/bin/uv requirements/demo.txt
	@echo "Installing Alpha Panda into .venv …"
	@$(UV) pip install -q --python $(PY) --no-deps --require-hashes -r requirements/demo.txt
	@touch $@

.venv/.dev: .venv/bin/uv requirements/dev.txt
	@echo "Installing Alpha Panda and its tests into .venv …"
	@$(UV) pip install -q --python $(PY) --no-deps --require-hashes -r requirements/dev.txt
	@touch $@ .venv/.demo

# Other people's engines have requirements of their own, and must not come into the product's environment.
.venv-rivals/.made: .venv/bin/uv requirements/rivals.txt
	@echo "Installing other engines into .venv-rivals …"
	@$(UV) venv -q --clear --python $(PY) .venv-rivals
	@$(UV) pip install -q --python .venv-rivals/bin/python --no-deps --require-hashes -r requirements/rivals.txt
	@touch $@

.venv/.npm: .venv/bin/uv package-lock.json
	@$(PY) -m scripts.npm && touch $@ || true
