# The only task runner; CI calls these words and no others. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
XDIST := -n 2
CLANG := clang
FUZZ_SECONDS := 60
export CMAKE_BUILD_PARALLEL_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help dev demo test test-py test-c test-s3 test-slow test-wheel neighbours fuzz lint format bench clean

help: ## list these words
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# The stamp is older than any source that goes into the wheel, as soon as one changes.
sources := $(shell find csrc src vendor -type f -not -name '*.pyc' -not -path 'vendor/xdelta3/source/*') \
	CMakeLists.txt pyproject.toml

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade 'pip>=25.1'

$(VENV)/installed: $(BIN)/python $(sources)
	$(BIN)/python -m pip install -q .
	touch $@

$(VENV)/dev: $(VENV)/installed
	$(BIN)/python -m pip install -q --group dev
	touch $@

dev: $(VENV)/dev ## a virtual environment in .venv with deltaloft and the tools of its developers

demo: $(VENV)/installed ## five releases of a real package into a folder store and back
	$(BIN)/python benchmarks/demo.py

test: test-c test-py ## all tests but the slow ones

test-py: $(VENV)/dev
	$(BIN)/python -m pytest $(XDIST)

test-c: $(VENV)/dev ## the C tests, under address and undefined-behaviour sanitizers
	$(BIN)/cmake -S . -B build/c -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
		-DDELTALOFT_TESTS=ON -DDELTALOFT_STRICT=ON -DDELTALOFT_SANITIZE=address,undefined \
		-DCMAKE_BUILD_TYPE=Debug >/dev/null
	$(BIN)/cmake --build build/c
	$(BIN)/ctest --test-dir build/c --output-on-failure

# Their dependencies would quarrel with ours, so each has an environment of its own.
.venv-deltaglider/bin/deltaglider:
	$(PYTHON) -m venv .venv-deltaglider
	.venv-deltaglider/bin/python -m pip install -q deltaglider==6.2.0

.venv-awscli/bin/aws:
	$(PYTHON) -m venv .venv-awscli
	.venv-awscli/bin/python -m pip install -q awscli

neighbours: .venv-deltaglider/bin/deltaglider .venv-awscli/bin/aws ## DeltaGlider and awscli, for tests that compare with them

test-s3: $(VENV)/dev ## faults and the store, on the S3 server that S3_ENDPOINT names
	DELTALOFT_TEST_REQUIRE=rgw $(BIN)/python -m pytest $(XDIST) -k rgw tests/faults tests/store

test-slow: $(VENV)/dev ## tests with files of gigabytes, and those of the wheel
	$(BIN)/python -m pytest -m slow

test-wheel: $(VENV)/dev ## the wheel, built and installed into fresh environments of each Python from 3.11 on
	$(BIN)/python -m pytest -m slow tests/test_wheel.py

fuzz: $(VENV)/dev ## the fuzzers of tests/fuzz, which need clang; FUZZ_SECONDS=60 for each
	CC=$(CLANG) $(BIN)/cmake -S . -B build/fuzz -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
		-DDELTALOFT_FUZZ=ON -DDELTALOFT_STRICT=ON >/dev/null
	$(BIN)/cmake --build build/fuzz
	$(BIN)/python tests/fuzz/run.py build/fuzz/tests/fuzz --seconds $(FUZZ_SECONDS)

lint: $(VENV)/dev ## ruff, mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/dev ## ruff and clang-format, in place
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	clang-format -i csrc/*.[ch] csrc/deflate/*.[ch] tests/c/*.[ch] tests/fuzz/*.c

bench: $(VENV)/dev ## the codec against its peers; BENCH="--corpus DIR --runs 3"
	$(BIN)/python benchmarks/codec.py $(BENCH)

clean: ## everything that was made here
	rm -rf $(VENV) .venv-deltaglider .venv-awscli build dist demo-store .pytest_cache .mypy_cache .ruff_cache .hypothesis
