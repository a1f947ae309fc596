# All set-up is done here. Nothing is written outside of .venv, demo and the XDG cache and data folders.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Any of these that has venv will do; `make PYTHON=...` names another.
PYTHON := python3.11 python3.12 python3.13 python3

# Older ones download a whole package to learn its name.
PIP := pip>=25

# `make NATIVE=OFF` compiles llama.cpp for any processor of this kind, not for this very one.
NATIVE ?= ON
export NATIVE

# What the tests use of the system: a sound server of their own, a look at system calls, a network of their own.
SYSTEM := pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 strace iproute2 util-linux

# The models that the tests need beside the default ones.
BUNDLES := piper-joe whisper-tiny-en

bin := .venv/bin

.PHONY: help demo test bench lint clean FORCE

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

demo: .venv/runtime ## ask the assistant a recorded question; its answer goes to demo/reply.wav
	@$(bin)/edgevoice pull
	@mkdir -p demo
	@$(bin)/edgevoice talk --input tests/data/which-folder.wav --output demo/reply.wav
	@echo "The answer, to be played: demo/reply.wav"

test: .venv/dev ## run all tests, on the real models; ARGS='-k barge' chooses some
	@.ci/packages $(SYSTEM)
	@$(bin)/edgevoice pull
	@$(bin)/edgevoice pull $(BUNDLES)
	@$(bin)/python -m pytest $(ARGS)

lint: .venv/dev ## ruff and mypy
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy

bench: .venv/dev ## measure latency, memory and accuracy of the default models on this device
	@$(bin)/edgevoice pull
	@$(bin)/python -m bench.latency --only small --only cascade
	@$(bin)/python -m bench.memory
	@$(bin)/python -m bench.accuracy --stt moonshine-tiny-en
	@$(bin)/python -m bench.intelligibility --tts hibari-heart

clean: ## remove what make made here; models and compiled wheels stay in the XDG folders
	rm -rf .venv demo dist .mypy_cache .ruff_cache .pytest_cache

.venv/python:
	@for python in $(PYTHON); do \
	    if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	        echo "Making .venv with $$(command -v $$python)"; \
	        $$python -m venv --clear .venv; \
	        $(bin)/python -m pip install --quiet '$(PIP)'; \
	        touch $@; \
	        exit; \
	    fi; \
	done; \
	echo "edgevoice needs Python 3.11, 3.12 or 3.13 with its venv module." >&2; \
	echo "  Try: apt-get install python3 python3-venv, or: make PYTHON=/path/to/python3.11" >&2; \
	exit 1

# Looked at every time, since the folder may have come from another machine; written when another wheel is due.
.venv/llama-wheel: .venv/python FORCE
	@wheel=$$(.ci/llama_wheel $(bin)/python); \
	if [ "$$wheel" != "$$(cat $@ 2>/dev/null)" ]; then \
	    $(bin)/python -m pip install --quiet --no-deps --force-reinstall "$$wheel"; \
	    echo "$$wheel" > $@; \
	fi

.venv/runtime: .venv/llama-wheel pyproject.toml
	@echo "Installing the runtime"
	@$(bin)/python -m pip install --editable .
	@$(bin)/python -c 'import llama_cpp; llama_cpp.llama_backend_init()' || \
	    { echo "llama.cpp does not run on this processor. Try: make NATIVE=OFF" >&2; exit 1; }
	@touch $@

.venv/dev: .venv/runtime
	@echo "Installing what tests, checks and benchmarks need"
	@$(bin)/python -m pip install --editable '.[dev]'
	@touch $@
