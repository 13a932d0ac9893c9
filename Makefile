# Everything a contributor runs. Each target does its own set-up; a second call is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TAPS := .venv-taps
TAPS_READY := $(TAPS)/.ready

.PHONY: setup test soak reliability lint format docs demo demo-trouble mutants bench bench-check \
	clean
.DEFAULT_GOAL := test

setup: $(READY) $(TAPS_READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[imports,postgres,sandbox]' --group dev
	touch $(READY)

# The file tap of tests/whole, which does not go with the Singer SDK in one environment.
$(TAPS_READY): tests/whole/taps.txt | $(READY)
	$(PYTHON) -m venv --without-pip $(TAPS)
	$(BIN)/python -m pip --python $(TAPS)/bin/python install --quiet --disable-pip-version-check \
		--no-deps --requirement tests/whole/taps.txt
	touch $(TAPS_READY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint $(TAPS_READY)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

soak: $(TAPS_READY)
	$(BIN)/python -m pytest tests/target_cordial/command tests/faults --ways each \
		--numprocesses auto --dist worksteal
	SOAK_SEED=$${SOAK_SEED:-$$(date +%s)} $(BIN)/python -m pytest tests/machine tests/fuzz \
		tests/target_cordial/command/test_poisoned.py tests/faults/test_soak.py --verbose \
		--numprocesses auto --hypothesis-profile soak

reliability: $(TAPS_READY)
	$(BIN)/python -m tests.faults.record --numprocesses auto

docs: $(READY)
	$(BIN)/python -m tools.settings_docs

demo: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" cordial-sandbox run -- demo/days.sh

demo-trouble: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" cordial-sandbox run -- demo/trouble.sh

mutants: $(READY)
	$(BIN)/python -m tests.mutants.check

bench: $(READY)
	$(BIN)/python -m benchmarks

bench-check: $(READY)
	$(BIN)/python -m benchmarks check

clean:
	rm -rf $(VENV) $(TAPS) .meltano .mypy_cache .ruff_cache .pytest_cache
