# make demo | make test | make lint | make conformance | make bench
PYTHON ?= python3
PIP := .venv/bin/pip install --quiet --constraint ci/constraints.txt
TENSORFLOW := $(if $(filter Linux,$(shell uname)),tensorflow-cpu,tensorflow)  # without hundreds of MB of CUDA
# engines in environments of their own
PRIVATE := cntk theano-original
installed = .venv/bin/python -c "import sys; from cornu.contract import registry; sys.exit(not registry.is_installed('$(1)'))"
private = .venv/bin/python -m cornu engines install $(1) || echo "!!! $(1) IS LEFT OUT, see above"
FUZZED := numpy jax torch tensorflow onnxruntime
ENGINES ?=

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(PIP) -e '.[demo]'
	touch $@

.venv/test: .venv/bin/python pyproject.toml ci/constraints.txt
	$(PIP) -e '.[jax,torch,onnxruntime,theano,demo,test]' $(TENSORFLOW)
	touch $@

.PHONY: demo test lint conformance bench docs
demo: .venv/demo
	for engine in $(patsubst all,jax torch tensorflow onnxruntime theano cntk,$(ENGINES)); do \
	  case $$engine in cntk) $(call private,cntk);; tensorflow) $(PIP) $(TENSORFLOW);; *) $(PIP) -e ".[$$engine]";; esac || exit 1; done
	.venv/bin/python -m cornu demo

test: .venv/test lint
	for engine in $(PRIVATE); do $(call private,$$engine); done
	.venv/bin/python -m cornu conformance -n 2 numpy jax torch tensorflow onnxruntime
	CORNU_THEANO_MODE=python PYTENSOR_FLAGS=cxx= .venv/bin/python -m cornu conformance -n 2 theano
	for engine in $(PRIVATE); do if $(call installed,$$engine); then \
	  CORNU_THEANO_MODE=python .venv/bin/python -m cornu conformance -n 2 $$engine || exit 1; \
	  CORNU_THEANO_MODE=python .venv/bin/python scripts/fuzz.py --cases 2000 --engines $$engine -n 2 || exit 1; \
	  else echo "!!! $$engine IS NOT TESTED: its environment is not installed"; fi; done
	.venv/bin/python scripts/fuzz.py --cases 10000 --engines $(FUZZED) -n 2
	.venv/bin/python scripts/fuzz.py --cases 1000 --seed 1 --gradients --engines jax torch tensorflow -n 2
	CORNU_THEANO_MODE=python PYTENSOR_FLAGS=cxx= .venv/bin/python scripts/fuzz.py --cases 2000 --engines theano -n 2
	.venv/bin/python -m pytest -n 2

lint: .venv/test
	.venv/bin/ruff check src tests benchmarks scripts examples
	.venv/bin/mypy

conformance: .venv/test
	.venv/bin/python -m cornu conformance -n 2

# the pages that are generated; docs/ops.md needs Keras's names beside the project
docs: .venv/test
	.venv/bin/python -m cornu.primitives.document > docs/primitives.md
	.venv/bin/python scripts/parity.py --document > docs/ops.md
	CORNU_THEANO_MODE=python PYTENSOR_FLAGS=cxx= .venv/bin/python scripts/fuzz.py --cases 10000 --engines $(FUZZED) theano cntk -n 2 --document > docs/accuracy.md

# make bench-ops: single ops; make bench ARGS='--engines jax --jobs mlp --json results.json'; KERAS_PYTHON=… adds real Keras, from an environment that has it
bench: .venv/test
	.venv/bin/python -m benchmarks $(ARGS)

# hot ops beside each engine's best native form, and what an eager call costs over the engine's own
.PHONY: bench-ops
bench-ops: .venv/test
	.venv/bin/python -m benchmarks.ops $(ARGS)
	.venv/bin/python -m benchmarks.dispatch || true
