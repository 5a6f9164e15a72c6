# Every target sets up what it needs, once, in .venv; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

ARGS ?=
MODERN = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(MODERN)' 2>/dev/null && { echo $$name; break; }; done)

RUN := .venv/bin/python -m
# uv installs where it is found, and pip elsewhere; `make UV= …` takes pip
UV ?= $(shell command -v uv)
PIP := $(if $(UV),$(UV) pip install --quiet --python .venv/bin/python,$(RUN) pip --quiet --quiet --disable-pip-version-check install)
INSTALLED := $(wildcard jupyter-config/*/*/* jupyter-config/*/*/static/*)

DEBIAN_MODULES := /usr/lib/python3/dist-packages

# command:package of Debian's, or file:package, that the lanes of tests need; the tests start servers and daemons themselves
TOOLS_node := npm:npm
TOOLS_store := /usr/lib/postgresql/*/bin/initdb:postgresql mariadbd:mariadb-server-core
TOOLS_host := losetup:util-linux mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs udevadm:udev sshd:openssh-server
TOOLS_browser := chromium:chromium npm:npm
TOOLS_storage := linux.uml:user-mode-linux modprobe:kmod udevadm:udev ip:iproute2 lvm:lvm2 thin_check:thin-provisioning-tools \
	iscsiadm:open-iscsi exportfs:nfs-kernel-server mount.nfs:nfs-common qemu-io:qemu-utils ceph-mon:ceph-mon ceph-mgr:ceph-mgr \
	ceph-osd:ceph-osd ceph:ceph-common sshd:openssh-server lsscsi:lsscsi \
	$(DEBIAN_MODULES)/rados.*.so:python3-rados $(DEBIAN_MODULES)/rbd.*.so:python3-rbd

# releases of Cinder whose drivers the tests run, each in an environment of its own
CINDERS := 29 28

# npm's package that tells what is wrong with a page for assistive technology, and the SHA-256 of it
AXE := axe-core-4.14.1
AXE_SUM := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745

##lab    open the tour in JupyterLab (ARGS=--no-browser and the like are passed on)
.PHONY: lab
lab: .venv/.lab
	$(RUN) jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) --notebook-dir=examples \
		--LabApp.default_url=/lab/tree/01_tour.ipynb $(ARGS)

##tour   run the tour here, in a throw-away data folder, and print its tree
.PHONY: tour
tour: .venv/.tour
	@$(RUN) tools.tour

##test   run the tests that need nothing but .venv: 3 minutes on 2 cores (ARGS="-k snapshot" and the like are passed on)
.PHONY: test
test: .venv/.test
	$(RUN) pytest -m fast $(if $(filter $(FEW),$(ARGS)),,$(PARALLEL)) $(ARGS)

# With these words in ARGS few tests run, or one after the other: workers would take longer to start than they save.
FEW := -k% -n% --lf --last-failed --ff --failed-first --nf --sw --stepwise --pdb --trace --co --collect-only tests%
PARALLEL := -n logical --dist worksteal

# The lanes by themselves, each with what it needs alone; tests/lanes.py says which tests are in which. They take ARGS, too.
LANE := $(RUN) pytest --hypothesis-profile=ci -m

##test-all      run all tests: at most 40 minutes (ARGS are passed on)
.PHONY: test-all
test-all: test-js .venv/.test tools-store tools-host tools-browser tools-storage \
		.venv/axe/$(AXE).tgz .venv/cinderlib/.ready .venv-cinder/.ready .peer/.ready librbd
	$(RUN) tools.tests $(ARGS)

##test-slow     run the tests that need nothing but .venv, and more time
.PHONY: test-slow
test-slow: .venv/.test
	$(LANE) slow $(ARGS)

##test-store    run the tests on PostgreSQL and MariaDB
.PHONY: test-store
test-store: .venv/.test tools-store
	$(LANE) server $(ARGS)

##test-cinder   run the tests of Cinder's drivers in Cinder's own environments, and those beside cinderlib
.PHONY: test-cinder
test-cinder: .venv/.test .venv-cinder/.ready .peer/.ready
	$(LANE) cinder $(ARGS)

##test-host     run the tests that need root, loop devices and mounts, those that kill kernels among them
.PHONY: test-host
test-host: .venv/.test tools-host .venv/cinderlib/.ready .venv-cinder/.ready
	$(LANE) "host or kill" $(ARGS)

##test-browser  run the tree's front end in Node, then the tree in JupyterLab, in Chromium
.PHONY: test-browser
test-browser: test-js .venv/.test tools-browser .venv/axe/$(AXE).tgz
	$(LANE) browser $(ARGS)

##pictures      draw the pictures of README and pages that show something else than JupyterLab does now
.PHONY: pictures
pictures: .venv/.test tools-browser .venv/axe/$(AXE).tgz
	CL_NOTEBOOK_PICTURES=1 $(RUN) pytest tests/browser/test_pictures.py $(ARGS)

##test-storage  run the tests on Ceph, NFS and LVM
.PHONY: test-storage
test-storage: .venv/.test tools-storage .venv/cinderlib/.ready .venv-cinder/.ready librbd
	$(LANE) storage $(ARGS)

##coverage      run the tests of `make test` and measure what they run of the package: as text, and into coverage.xml
.PHONY: coverage
coverage: .venv/.test
	$(RUN) pytest -m fast $(PARALLEL) --cov --cov-report=term --cov-report=xml $(ARGS)

##check  lint, formatting, types; whether the front end's bundle is that of its sources
.PHONY: check
check: .venv/.test .venv/.check node_modules/.package-lock.json
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	npm run --silent check

##test-js       run the unit tests of the front end in Node
.PHONY: test-js
test-js: node_modules/.package-lock.json
	npm run --silent test

##js     bundle the front end for the wheel, with what Python defines of rows and requests
.PHONY: js
js: .venv/.test node_modules/.package-lock.json
	$(RUN) tools.front_end_schema
	npm run --silent build

##bench  measure against sqlite3, pandas, SQLAlchemy, cinderlib and ipytree; prints ratios
.PHONY: bench
bench: .venv/.bench tools-store tools-browser .venv/axe/$(AXE).tgz .peer/.ready
	$(RUN) pytest tests/benchmarks -q -o 'python_files=bench_*.py' -o 'python_functions=bench_*' $(ARGS)

##docs   build the pages in docs/ into site/, warnings as errors
.PHONY: docs
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs --quiet build --strict

##dist   build the source distribution and the wheel into dist/, and check them
.PHONY: dist
dist: .venv/.dist
	rm -rf dist
	$(RUN) build
	$(RUN) twine check --strict dist/*

##clean  remove what the other targets made
.PHONY: clean
clean:
	rm -rf node_modules .venv .venv-cinder .peer .mypy_cache .ruff_cache .pytest_cache .hypothesis dist site
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help:
	@sed -n 's/^##/make /p' $(lastword $(MAKEFILE_LIST))

# One group of pyproject.toml each; pip comes first, for older ones know no groups.
.venv/.lab .venv/.tour .venv/.test .venv/.check .venv/.bench .venv/.docs .venv/.dist: .venv/.%: pyproject.toml $(INSTALLED) | .venv/.pip
	@echo "installing what 'make $*' needs into .venv"
	@$(PIP) --editable . --group $*
	@touch $@

.venv/.pip:
	@test -n "$(PYTHON)" || { echo "cl_notebook needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c '$(MODERN)' || { echo "$(PYTHON) is not Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "$(PYTHON) cannot make virtual environments: install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) --upgrade 'pip>=25.1'
	@touch $@

# Installed where we may; named where we may not: the tests that need them say so, too. No daemon is started that nobody asked for.
LANES_TOOLS := tools-node tools-store tools-host tools-browser tools-storage
.PHONY: $(LANES_TOOLS)
$(LANES_TOOLS): tools-%:
	@export PATH="$$PATH:/usr/sbin:/sbin"; missing=; \
	for tool in $(TOOLS_$*); do \
		command -v "$${tool%%:*}" >/dev/null || compgen -G "$${tool%%:*}" >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=env; elif sudo -n true 2>/dev/null; then as_root='sudo env'; else as_root=; fi; \
	if [ -z "$$as_root" ] || ! command -v apt-get >/dev/null; then echo "some tests need these packages:$$missing"; exit 0; fi; \
	echo "installing$$missing"; \
	policy=/usr/sbin/policy-rc.d; \
	if [ ! -e "$$policy" ]; then \
		trap '$$as_root rm -f $$policy' EXIT; \
		printf '#!/bin/sh\nexit 101\n' | $$as_root tee "$$policy" >/dev/null; \
		$$as_root chmod 755 "$$policy"; \
	fi; \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get update -qq; \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null

# What checks and bundles the front end; nothing that is installed needs it.
node_modules/.package-lock.json: package.json package-lock.json | node
	@echo "installing what checks the front end into node_modules"
	@npm ci --loglevel=error --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: node
node: tools-node
	@command -v npm >/dev/null || { echo "Checking the front end needs Node 18 or newer. Install Debian's package npm." >&2; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' \
		|| { echo "Checking the front end needs Node 18 or newer, not $$(node --version). Install a newer one." >&2; exit 1; }

# They are installed side by side, for pip waits for the network and for the disk in turn.
.venv-cinder/.ready: $(CINDERS:%=tests/storage/cinder-%.txt) | .venv/.pip
	@echo "installing Cinder $(CINDERS) into .venv-cinder"
	@rm -rf .venv-cinder; running=; \
	for release in $(CINDERS); do \
		{ $(RUN) venv .venv-cinder/$$release; \
		.venv-cinder/$$release/bin/python -m pip --quiet --quiet --disable-pip-version-check install \
			--requirement tests/storage/cinder-$$release.txt; } & \
		running="$$running $$!"; \
	done; \
	for one in $$running; do wait "$$one"; done
	@touch $@

# Debian's modules for Ceph are on no package index. The two files alone, and only for the Python that they were made for.
.PHONY: librbd
librbd: .venv/.test .venv-cinder/.ready
	@for python in .venv/bin/python $(CINDERS:%=.venv-cinder/%/bin/python); do \
		"$$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"), sysconfig.get_path("platlib"))' \
		| { read -r suffix folder; for module in rados rbd; do \
			file="$(DEBIAN_MODULES)/$$module$$suffix"; if [ -e "$$file" ]; then ln -sfn "$$file" "$$folder/"; fi; \
		done; }; \
	done

.venv/axe/$(AXE).tgz: | .venv/.pip
	@command -v npm >/dev/null || { echo "no npm: the tests in a browser need $(AXE) of it"; exit 0; }; \
	mkdir -p $(@D); cd $(@D); \
	npm pack --silent axe-core@$(AXE:axe-core-%=%) >/dev/null; \
	echo "$(AXE_SUM)  $(@F)" | sha256sum --check --quiet; \
	tar -xzf $(@F) --strip-components=1 package/axe.min.js

# cinderlib's own tests are run through cl_notebook.cinderlib: its modules alone, where nothing finds them by itself.
.venv/cinderlib/.ready: | .venv/.pip
	@$(PIP) --no-deps --target $(@D) cinderlib==5.2.0
	@touch $@

# cinderlib's last release, with the pins of its time, in an environment of its own. It runs on no newer Python than 3.11.
.peer/.ready: tests/benchmarks/cinderlib/requirements.txt
	@command -v python3.11 >/dev/null || { echo "no python3.11: going on without cinderlib"; exit 0; }; \
	echo "installing cinderlib into .peer"; \
	python3.11 -m venv --clear .peer; \
	.peer/bin/python -m pip --quiet --quiet --disable-pip-version-check install --requirement $<; \
	touch $@
