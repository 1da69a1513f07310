# make demo  - install into .venv and follow the faces of the sample clip
# make test  - what CI runs: ruff, mypy --strict, pytest
# make test-gpu - the tests that need a CUDA card; without one they fail
# make bench, bench-gpu, bench-peers - speed: of every graph and node, on a card, beside other programs
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# The GPU build of ONNX Runtime and the CPU one overwrite each other, so the card has an environment of its own.
GPU ?= .venv/gpu

.PHONY: demo test test-gpu lint format bench bench-gpu bench-peers clean

demo: $(STAMP)
	$(BIN)/vidface run graphs/track.yaml samples/two_people.mp4 -o out/demo --overwrite
	@echo "The video with the faces followed is out/demo/video.mp4"

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

test-gpu: $(GPU)/.installed
	VIDFACE_REQUIRE_CUDA=1 $(GPU)/bin/pytest -m gpu

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/vidface bench -o tests/bench/results

bench-gpu: $(GPU)/.installed
	$(GPU)/bin/vidface bench --device cuda -o tests/bench/results/gpu

PEERS ?= .venv/peers
bench-peers: $(STAMP)
	$(BIN)/python -m tests.bench.peers --envs $(PEERS) --out tests/bench/results

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[cpu,tables,norfair,web,mqtt,dev]"
	@touch $(STAMP)

$(GPU)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(GPU)
	$(GPU)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[gpu,tables,norfair,web,mqtt,dev]"
	@touch $@

clean:
	rm -rf .venv out build dist .mypy_cache .ruff_cache .pytest_cache
