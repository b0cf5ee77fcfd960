#!/bin/sh
# tests/golden/make.sh - how the images in this folder were made: by imgtool 2.4, not by us.
#
# Run it from this folder, with imgtool on the PATH. Keys are made once and kept; they are test
# keys and open nothing. Signatures of ECDSA and RSA come out different each time, so a new run
# changes those files although nothing else changed.
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

sign() {
    out=$1
    shift
    imgtool sign -H 32 -S 0x10000 --pad-header "$@" $out > /dev/null
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
imgtool sign -H 0x200 -S 0x4000 --pad-header -v 1.0.0 --confirm --align 4 -k keys/ed25519.pem \
    $payload confirmed.img > /dev/null
sign encrypted.img -v 1.0.0 -k keys/ecdsa-p256.pem -E keys/ecdsa-p256.pub.pem $payload
sign compressed.img -v 1.0.0 -k keys/ecdsa-p256.pem --compression lzma2 $payload
sign big-endian.img -v 1.0.0 -e big $payload
sign rom-fixed.img -v 1.0.0 -F 0x8000 $payload
