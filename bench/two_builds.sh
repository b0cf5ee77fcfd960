#!/bin/bash
# Two builds of one firmware, a day's work apart: the port's application, and the same with
# bench/next_build.patch, or with another version's text: what their update costs the flash.
#
# Wants what `make build-arm` left: the cross compiler and the sources of the libraries.
set -euo pipefail
cd "$(dirname "$0")/.."

tandem=$PWD/build/gcc/tandem
tree=$PWD/build/two-builds
sources=$PWD/.cache/sources
if ! command -v arm-none-eabi-gcc >/dev/null || [ ! -d "$sources" ]; then
    echo 'two builds: skipped, make build-arm comes first'
    exit 0
fi

rm -rf "$tree"
mkdir -p "$tree/src"
git ls-files -z | tar --null -T - -cf - | tar -C "$tree/src" -xf -
make_build() { # TARGET VERSION OUT
    cmake -G Ninja -S "$tree/src" -B "$tree/build" --toolchain "$tree/src/cmake/arm.cmake" \
        -DTD_CPU=cortex-m33+nodsp -DTD_SOURCES_DIR="$sources" --log-level=WARNING >/dev/null
    cmake --build "$tree/build" --target "$1" >"$tree/log" 2>&1 || { tail -20 "$tree/log"; exit 1; }
    arm-none-eabi-objcopy -O binary "$(find "$tree/build" -name "$1.elf")" "$tree/raw.bin"
    "$tandem" sign -k profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem -v "$2" -H 0x400 --pad-header \
        -S 0x40000 --align 8 "$tree/raw.bin" "$tree/$3"
}
compare() { # WHAT NEW
    echo "$1:"
    build/gcc/bench/flash_ops "$tree/old.bin" "$tree/$2" | grep -E '^\| (change|two builds)|^\|---'
}
make_build an521_app_1.0.0 1.0.0 old.bin
make_build an521_app_2.0.0 2.0.0 text.bin
patch -s -d "$tree/src" -p1 <bench/next_build.patch
make_build an521_app_1.0.0 1.0.1 new.bin
compare 'two builds that differ in a text of the same length' text.bin
compare 'two builds that differ by some lines of code' new.bin
