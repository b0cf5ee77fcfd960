#!/usr/bin/env bash
# What Tandem does, shown by running it: a virtual device, real processes, every step checked.
# Run it with `make demo`. Exit code 0 means that each step ended as the text says.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
tandem=${TANDEM:-$root/build/gcc/tandem}
dir=$(mktemp -d)
device=0
bold=''; dim=''; off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m'; dim=$'\e[2m'; off=$'\e[0m'; fi

finish() {
    if [ "$device" != 0 ]; then kill "$device" 2>/dev/null || true; fi
    rm -rf "$dir"
}
trap finish EXIT
cd "$dir"

say() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }

# shows the command, runs it, and insists on its exit code: expect CODE COMMAND…
expect() {
    local want=$1 got=0
    shift
    printf '%s$ %s%s\n' "$dim" "${*/#$tandem/tandem}" "$off"
    "$@" 2>&1 | sed 's/^/    /' || got=${PIPESTATUS[0]}
    if [ "$got" != "$want" ]; then
        printf '    exit code %s, expected %s\n' "$got" "$want"
        echo '--- the device said:'; tail -n 40 console.log
        exit 1
    fi
    [ "$want" = 0 ] || printf '%s    (exit code %s, as it should be)%s\n' "$dim" "$got" "$off"
}

# insists that the last verdict, or the running version, reads so: contains TEXT COMMAND…
contains() {
    local text=$1
    shift
    "$@" >answer.txt 2>&1 || true
    if ! grep -q -- "$text" answer.txt; then
        echo "    expected to read '$text', got:"; sed 's/^/    /' answer.txt
        exit 1
    fi
}

# an application of the virtual device, signed: app NAME VERSION KEY [sim-app options]
app() {
    local name=$1 version=$2 key=$3
    shift 3
    "$tandem" sim-app "$name.raw" --name "$name" --size 60000 "$@" >/dev/null
    "$tandem" sign -k "$key" -v "$version" -H 0x200 --pad-header -S 0x38000 --align 4 \
        "$name.raw" "$name.bin" >/dev/null
}

port=$((20000 + RANDOM % 20000))
export TANDEM_DEVICE=udp:127.0.0.1:$port

# starts a device in the background and waits until it serves SMP: start PROFILE FOLDER [options]
start() {
    local profile=$1 folder=$2
    shift 2
    : >console.log
    "$tandem" sim "$profile" --state "$folder" --key product.pem --udp 127.0.0.1:$port "$@" \
        >console.log 2>&1 &
    device=$!
    for _ in $(seq 100); do
        grep -q '^ready:' console.log && return
        kill -0 "$device" 2>/dev/null || break
        sleep 0.05
    done
    echo 'the virtual device did not start:'; cat console.log; exit 1
}

start_device() { start tandem-nrf52833 device "$@"; }

stop_device() { kill "$device"; wait "$device" 2>/dev/null || true; device=0; }

# resets the device by SMP and waits until it serves again
reset_device() {
    local before
    before=$(grep -c '^ready:' console.log)
    expect 0 "$tandem" os reset
    for _ in $(seq 100); do
        [ "$(grep -c '^ready:' console.log)" -gt "$before" ] && return
        sleep 0.05
    done
    echo 'the virtual device did not come back:'; cat console.log; exit 1
}

# a second stage (what MCUboot is on such a board), sealed for the first stage and wrapped
# for the bootloader that copies it: stage NAME SLOT VERSION INNER-KEY
stage() {
    "$tandem" sim-app "$1.raw" --name "$1" --size 16000 --for "$2" --profile nrf5340-two-stage \
        --fw-version "$3" >/dev/null
    "$tandem" --quiet nsib sign -k "$4" --mcuboot-key product.pem -v "0.0.$3" -S 0xc000 \
        "$1.raw" "$1.bin"
}

say '1. A product: two keys, a few builds of its firmware'
expect 0 "$tandem" keygen -k product.pem -t ecdsa-p256
expect 0 "$tandem" keygen -k foreign.pem -t ecdsa-p256
app first 1.0.0 product.pem
app second 2.0.0 product.pem
app third 3.0.0 product.pem
app stranger 3.0.0 foreign.pem
app crasher 4.0.0 product.pem --crash
app hanger 5.0.0 product.pem --hang
expect 0 "$tandem" verify -k product.pem second.bin

say '2. A device leaves the factory with 1.0.0'
start_device --program slot0=first.bin
sed 's/^/    /' console.log
expect 0 "$tandem" image list

say '3. One command updates it, and says so only when 2.0.0 runs and is confirmed'
expect 0 "$tandem" update second.bin
contains '2.0.0' "$tandem" image list

say '4. An image with a foreign key is refused before the first byte is sent'
expect 1 "$tandem" update stranger.bin

say '   Sent all the same, the bootloader refuses it, and the device can say why'
expect 1 "$tandem" update --force=key stranger.bin
expect 0 "$tandem" why
contains 'does not trust' "$tandem" why

say '5. So is a downgrade'
expect 1 "$tandem" update first.bin
expect 1 "$tandem" update --force=version first.bin
contains 'older than the running one' "$tandem" why
contains '2.0.0' "$tandem" image list

say '6. The power fails in the middle of the swap; the next start finishes it'
stop_device
start_device
"$tandem" image upload third.bin >/dev/null
"$tandem" image test third.bin >/dev/null
stop_device
printf '%s$ tandem sim tandem-nrf52833 --state device --cut-power-at 40 --cut torn%s\n' "$dim" "$off"
"$tandem" sim tandem-nrf52833 --state device --key product.pem --udp 127.0.0.1:$port \
    --cut-power-at 40 --cut torn 2>&1 | sed 's/^/    /' | tee cut.txt
grep -q 'power cut at operation 40' cut.txt
start_device
sed 's/^/    /' console.log
contains '3.0.0' "$tandem" image list
expect 0 "$tandem" image confirm

say '7. An image that crashes on its trial is reverted; the update says so'
expect 1 "$tandem" update crasher.bin
contains '3.0.0' "$tandem" image list

say '8. One that hangs is caught by the watchdog'
expect 1 "$tandem" update hanger.bin
contains '3.0.0' "$tandem" image list

say '9. What the device remembers'
expect 0 "$tandem" why --history

stop_device
say '10. Another product: an immutable first stage, and a second stage in S0 or S1'
nsib=$root/profiles/keys/PUBLIC-DEMO-nsib-1.pem
stage factory s0 1 "$nsib"
stage s1_wrong_key s1 2 foreign.pem
stage s1_unchanged s1 1 "$nsib"
stage s0_variant s0 2 "$nsib"
stage s1_variant s1 2 "$nsib"
start nrf5340-two-stage two-stage --program s0=factory.bin --program slot0=first.bin
sed -n 's/^/    /;p;/Booting/q' console.log

say '11. Its update, as it usually goes: the upload succeeds, and the boot log refuses it'
expect 0 "$tandem" image upload s1_wrong_key.bin
expect 0 "$tandem" image test s1_wrong_key.bin
reset_device
contains 'never provisioned' "$tandem" why
expect 0 "$tandem" why

say '    With `tandem update` each of these mistakes is known before the first byte is sent'
expect 1 "$tandem" update s1_wrong_key.bin
expect 1 "$tandem" update s1_unchanged.bin
expect 1 "$tandem" update s0_variant.bin

say '12. The right variant, with the right keys and a higher version'
expect 0 "$tandem" update s1_variant.bin
contains 'Booting (0x14000)' cat console.log
sed -n '/bootloader resets/,$p' console.log | sed 's/^/    /'

say 'Done: every step ended as it should.'
