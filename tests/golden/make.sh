#!/bin/sh
# tests/golden/make.sh - how the images in this folder were made: by imgtool 2.4, not by us.
#
# Run it from this folder, with imgtool on the PATH and a python3 that has `cryptography`. Keys are
# made once and kept; they are test keys, known to everybody, and open nothing. Signatures of ECDSA
# and RSA and the keys of encrypted images come out different each time, so a file that is there
# stays as it is: delete it to have it made again.
set -eu

payload=payload.bin
if [ ! -e $payload ]; then
    # 1000 bytes that compress (text) and do not repeat exactly.
    i=0
    while [ $i -lt 125 ]; do printf 'row%04d\n' $i; i=$((i + 1)); done > $payload
fi
[ -e tiny.bin ] || printf '\001\002\003\004' > tiny.bin

mkdir -p keys
for type in rsa-2048 rsa-3072 ecdsa-p256 ecdsa-p384 ed25519 x25519; do
    [ -e keys/$type.pem ] || imgtool keygen -t $type -k keys/$type.pem
    [ -e keys/$type.pub.pem ] || imgtool getpub -k keys/$type.pem -e pem -o keys/$type.pub.pem
    [ -e keys/$type.pub.der ] || imgtool getpub -k keys/$type.pem -e raw -o keys/$type.pub.der
done
[ -e keys/other-p256.pem ] || imgtool keygen -t ecdsa-p256 -k keys/other-p256.pem
[ -e keys/other-p256.pub.der ] ||
    imgtool getpub -k keys/other-p256.pem -e raw -o keys/other-p256.pub.der
# imgtool asks on the terminal for a passphrase; openssl does not.
[ -e keys/locked-p256.pem ] || openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:tandem \
    -in keys/ecdsa-p256.pem -out keys/locked-p256.pem

# What a device holds to open an encrypted image: imgtool getpriv's array as bytes.
device_key() {
    [ -e keys/$1.priv.der ] || imgtool getpriv -k keys/$2.pem $3 |
        python3 -c 'import re, sys; sys.stdout.buffer.write(bytes(int(b, 16)
            for b in re.findall("0x([0-9a-f]{2})", sys.stdin.read())))' > keys/$1.priv.der
}
device_key rsa-2048 rsa-2048 ""
device_key rsa-2048-minimal rsa-2048 --minimal
device_key ecdsa-p256 ecdsa-p256 "-f pkcs8"
device_key ecdsa-p256-minimal ecdsa-p256 "-f pkcs8 --minimal"
device_key x25519 x25519 ""
for size in 16 32; do
    [ -e keys/kw-$((size * 8)).key ] || openssl rand -out keys/kw-$((size * 8)).key $size
done

sign() {
    out=$1
    shift
    [ -e $out ] || imgtool sign -H 32 -S 0x10000 --pad-header "$@" $out > /dev/null
}

# The two images of docs/spec/image.md.
sign minimal.img -v 1.2.3+4 tiny.bin
sign custom.img -v 1.2.3+4 -s auto --custom-tlv 0xa0 0xbeef tiny.bin

sign sha384.img -v 1.0.0 --sha 384 $payload
sign sha512.img -v 1.0.0 --sha 512 $payload
for type in rsa-2048 rsa-3072 ecdsa-p256 ecdsa-p384 ed25519; do
    sign $type.img -v 2.1.0+7 -k keys/$type.pem $payload
done
sign ecdsa-p256-full.img -v 2.1.0 --public-key-format full -k keys/ecdsa-p256.pem $payload
sign ecdsa-p256-padsig.img -v 2.1.0 --pad-sig -k keys/ecdsa-p256.pem $payload
sign ed25519-sha512.img -v 2.1.0 --sha 512 -k keys/ed25519.pem $payload
sign ed25519-pure.img -v 2.1.0 --pure -k keys/ed25519.pem $payload
sign all-tlvs.img -v 9.8.7+6 -k keys/ed25519.pem -s 0x01020304 -d '(1, 1.2.3+4)(2, 5.6)' \
    --boot-record app --vid example.com --cid gadget --custom-tlv 0xa1 text \
    --custom-tlv 0xfffe 0x00ff $payload
[ -e confirmed.img ] || imgtool sign -H 0x200 -S 0x4000 --pad-header -v 1.0.0 --confirm --align 4 -k keys/ed25519.pem \
    $payload confirmed.img > /dev/null
sign encrypted.img -v 1.0.0 -k keys/ecdsa-p256.pem -E keys/ecdsa-p256.pub.pem $payload
sign compressed.img -v 1.0.0 -k keys/ecdsa-p256.pem --compression lzma2 $payload
sign big-endian.img -v 1.0.0 -e big $payload
sign rom-fixed.img -v 1.0.0 -F 0x8000 $payload
sign ram-load.img -v 1.0.0 -k keys/ecdsa-p256.pem -L 0x20010000 $payload
sign ram-load-encrypted.img -v 1.0.0 -k keys/ecdsa-p256.pem -E keys/ecdsa-p256.pub.pem \
    -L 0x20010000 $payload

# Every signature with the key in full, and what of P-384 differs from P-256.
for type in rsa-2048 rsa-3072 ecdsa-p384 ed25519; do
    sign $type-full.img -v 2.1.0 --public-key-format full -k keys/$type.pem $payload
done
sign ecdsa-p384-padsig.img -v 2.1.0 --pad-sig -k keys/ecdsa-p384.pem $payload

# Every encryption: enc-WRAPPING-BITS. The payload's 1000 bytes become 1008 behind 32 of header.
for bits in 128 256; do
    sign enc-rsa2048-$bits.img -v 1.0.0 -k keys/rsa-2048.pem -E keys/rsa-2048.pub.pem \
        --encrypt-keylen $bits $payload
    sign enc-ec256-$bits.img -v 1.0.0 -k keys/ecdsa-p256.pem -E keys/ecdsa-p256.pub.pem \
        --encrypt-keylen $bits $payload
    sign enc-x25519-$bits.img -v 1.0.0 -k keys/ed25519.pem -E keys/x25519.pub.pem \
        --encrypt-keylen $bits $payload
    sign enc-x25519-sha512-$bits.img -v 1.0.0 -k keys/ed25519.pem -E keys/x25519.pub.pem \
        --encrypt-keylen $bits --hmac-sha 512 $payload
    # imgtool does not wrap keys with AES.
    [ -e enc-kw-$bits.img ] || python3 make_kw.py keys/kw-$bits.key $payload enc-kw-$bits.img
done
sign enc-ed25519-ec256.img -v 1.0.0 -k keys/ed25519.pem --sha 512 -E keys/ecdsa-p256.pub.pem \
    $payload
sign enc-unsigned.img -v 1.0.0 -E keys/x25519.pub.pem $payload
sign enc-pure.img -v 1.0.0 -k keys/ed25519.pem --pure -E keys/x25519.pub.pem $payload
sign enc-all-tlvs.img -v 9.8.7+6 -k keys/ed25519.pem -E keys/x25519.pub.pem -s 7 \
    -d '(1, 1.2.3+4)' --boot-record app --custom-tlv 0xa1 text $payload
sign clear-rsa2048-128.img -v 1.0.0 -k keys/rsa-2048.pem -E keys/rsa-2048.pub.pem --clear $payload
sign clear-ec256-128.img -v 1.0.0 -k keys/ecdsa-p256.pem -E keys/ecdsa-p256.pub.pem --clear $payload
sign clear-x25519-256.img -v 1.0.0 -k keys/ed25519.pem -E keys/x25519.pub.pem --clear \
    --encrypt-keylen 256 $payload

# Every compression, of a program that is large enough to repeat itself, and has Thumb branches.
[ -e thumb.bin ] || python3 make_thumb.py thumb.bin
for kind in lzma2 lzma2armthumb; do
    sign comp-$kind-unsigned.img -v 1.0.0 --compression $kind thumb.bin
    for type in rsa-2048 rsa-3072 ecdsa-p256 ecdsa-p384 ed25519; do
        sign comp-$kind-$type.img -v 1.0.0 -k keys/$type.pem --compression $kind thumb.bin
    done
    sign comp-$kind-pure.img -v 1.0.0 -k keys/ed25519.pem --pure --compression $kind thumb.bin
    sign comp-$kind-enc-ec256-128.img -v 1.0.0 -k keys/ecdsa-p256.pem -E keys/ecdsa-p256.pub.pem \
        --compression $kind thumb.bin
    sign comp-$kind-enc-x25519-256.img -v 1.0.0 -k keys/ed25519.pem -E keys/x25519.pub.pem \
        --encrypt-keylen 256 --compression $kind thumb.bin
done
sign comp-all-tlvs.img -v 9.8.7+6 -k keys/ed25519.pem -s 7 -d '(1, 1.2.3+4)' --boot-record app \
    --vid example.com --cid gadget --custom-tlv 0xa1 text --compression lzma2 thumb.bin
# What comes out of comp-*-ed25519.img, and of comp-all-tlvs.img.
sign thumb-ed25519.img -v 1.0.0 -k keys/ed25519.pem thumb.bin
sign thumb-all-tlvs.img -v 9.8.7+6 -k keys/ed25519.pem -s 7 -d '(1, 1.2.3+4)' --boot-record app \
    --vid example.com --cid gadget --custom-tlv 0xa1 text thumb.bin
