# The front door. CMake builds; the scripts in ci/ do what is more than a build.

JOBS ?= $(shell nproc)
CPUS = cortex-m0 cortex-m33+nodsp
QUIET = $(if $(CI),-- --quiet)
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PREFIX ?= /usr/local

.PHONY: help install deps build build-clang build-asan build-arm build-fuzz sources
.PHONY: demo original doctor-case test test-clang test-asan test-arm test-port interop bench fuzz planted sweep size check format clean

help:
	@echo 'make demo      build, and show an update, a refusal, a revert, a power cut'
	@echo 'make test      build, and run the unit tests'
	@echo 'make install   the command and libtandem, to PREFIX=/usr/local (and DESTDIR=)'
	@echo 'make interop   run against imgtool, smpclient, smpmgr, Zephyr and MCUboot (needs PyPI)'
	@echo 'make original  boot flash states with the real MCUboot in QEMU and with ours, and compare'
	@echo 'make sweep     cut the power at every flash operation'
	@echo 'make fuzz      every fuzzer; FUZZ_SECONDS=60 in all'
	@echo 'make planted   shows that each fuzzer finds a bug'
	@echo 'make size      cross-compile the device rooms and weigh them'
	@echo 'make bench     the figures of the README'
	@echo 'make doctor-case FILE="a.log prj.conf"   what the doctor says of files'
	@echo 'make check     includes, manners of the device rooms, format'
	@echo 'also: deps build build-clang build-asan build-arm test-clang test-asan test-arm test-port format clean'

deps:
	@ci/deps

build:
	@ci/deps build
	@cmake -G Ninja -S . -B build/gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=gcc \
		--log-level=WARNING >/dev/null
	@cmake --build build/gcc -j $(JOBS) $(QUIET)

install: build
	@DESTDIR=$(DESTDIR) cmake --install build/gcc --prefix $(PREFIX) >/dev/null
	@echo 'installed to $(DESTDIR)$(PREFIX)'

build-clang:
	@ci/deps build clang
	@cmake -G Ninja -S . -B build/clang -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DCMAKE_C_COMPILER=clang --log-level=WARNING >/dev/null
	@cmake --build build/clang -j $(JOBS) $(QUIET)

build-asan:
	@ci/deps build clang
	@cmake -G Ninja -S . -B build/asan -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang \
		-DCMAKE_C_FLAGS="-O1 $(SANITIZE)" --log-level=WARNING >/dev/null
	@cmake --build build/asan -j $(JOBS) $(QUIET)

build-fuzz:
	@ci/deps build clang
	@cmake -G Ninja -S . -B build/fuzz -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang \
		-DCMAKE_C_FLAGS="-O1 -fsanitize=fuzzer-no-link $(SANITIZE)" -DTD_FUZZ=ON \
		--log-level=WARNING >/dev/null
	@cmake --build build/fuzz -j $(JOBS) $(QUIET)

sources:
	@ci/deps arm
	@ci/sources.py

# Configures and builds the targets given, for each processor.
cross = set -e; for cpu in $(CPUS); do \
		[ -f build/$$cpu/build.ninja ] || cmake -G Ninja -S . -B build/$$cpu \
			--toolchain cmake/arm.cmake -DTD_CPU=$$cpu --log-level=WARNING >/dev/null; \
		cmake --build build/$$cpu -j $(JOBS) --target $(1) $(QUIET); \
	done

build-arm: sources
	@ci/deps build
	@$(call cross,all)

size: sources
	@ci/deps build
	@$(call cross,td_device bearssl sodium)
	@ci/size.py $(CPUS:%=build/%)
	@ci/size_server.py build/cortex-m33+nodsp

# The crypto room as devices have it, in QEMU. A Cortex-M3 runs what was built for M0.
qemu = qemu-system-arm -display none -monitor none -serial none \
	-semihosting-config enable=on,target=native

test-arm: sources
	@ci/deps build interop
	@$(call cross,vectors)
	@$(qemu) -M mps2-an385 -kernel build/cortex-m0/tests/arm/vectors.elf & m0=$$!; \
	$(qemu) -M mps2-an521 -kernel build/cortex-m33+nodsp/tests/arm/vectors.elf && wait $$m0

# The firmware of port/, in QEMU, updated by the command.
test-port: build build-arm
	@ci/deps interop
	@set -e; for script in tests/port/test_*.py; do \
		TANDEM=$(CURDIR)/build/gcc/tandem python3 $$script; \
	done

# What the doctor says about files of one's own: make doctor-case FILE="phone.log prj.conf"
doctor-case: build
	@[ -n "$(FILE)" ] || { echo 'make doctor-case FILE="FILE..." wants files'; exit 2; }
	@build/gcc/tandem --no-color doctor $(FILE) || [ $$? -eq 1 ]

# Flash states, by the real MCUboot in QEMU and by ours: make original STATES=5000 SEED=7
original: build
	@ci/deps interop
	@ci/original $(or $(STATES),1000) $(SEED)

demo: build
	@tests/demo.sh

# One more than there are cores: many of the tests wait for a device.
test: build
	@ctest --test-dir build/gcc --output-on-failure -j $$(($(JOBS) + 1))

test-clang: build-clang
	@ctest --test-dir build/clang --output-on-failure -j $(JOBS)

# A report of the sanitizers is an exit code that no program gives, so that no test expects it.
test-asan: build-asan
	@ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1 \
		ctest --test-dir build/asan --output-on-failure -j $(JOBS)

interop: build build-arm
	@ci/deps interop
	@ci/venv
	@.venv/bin/python -m pytest -q -p no:asyncio tests/interop -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

bench: build
	@ci/deps interop
	@ci/venv
	@set -e; for script in sign upload links doctor; do .venv/bin/python bench/$$script.py; done
	@build/gcc/bench/flash_ops
	@bench/two_builds.sh

fuzz: build-fuzz
	@ci/fuzz

planted: build-fuzz
	@ci/planted

sweep: build
	@ci/sweep $(SWEEP_ARGS)

check:
	@ci/deps clang
	@ci/check_includes.py
	@ci/check_tree.py
	@ci/sbom.py --check

format:
	@ci/deps clang
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build
