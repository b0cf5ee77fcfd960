/*
 * tests/arm/vectors.c - the vectors of tests/vectors/ through the crypto room as devices have it.
 *
 * The host links Debian's BearSSL and libsodium for 64 bits; a device runs other code of both:
 * 32-bit field arithmetic, and assembly in BearSSL on Cortex-M0. This program is built of the
 * device's archives and run by QEMU, with semihosting for files, output and the exit code. It
 * also prints how deep each algorithm's stack went.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/range.h"
#include "crypto/enc.h"
#include "crypto/hash.h"
#include "crypto/sig.h"

#define SYS_OPEN          0x01
#define SYS_CLOSE         0x02
#define SYS_WRITE0        0x04
#define SYS_READ          0x06
#define SYS_EXIT_EXTENDED 0x20
#define EXIT_REASON       0x20026u /* ADP_Stopped_ApplicationExit */
#define PAINT             0xa5

extern uint8_t stack_bottom[], stack_top[];

_Noreturn void vectors_reset(void);

static char text[256 * 1024]; /* one file */
static uint8_t key[2048], msg[16 * 1024], sig[8 * 1024];

static int32_t semihost(uint32_t op, const void *arg)
{
    register uint32_t r0 __asm__("r0") = op;
    register const void *r1 __asm__("r1") = arg;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static _Noreturn void leave(uint32_t code)
{
    const uint32_t block[2] = { EXIT_REASON, code };

    for (;;)
        (void)semihost(SYS_EXIT_EXTENDED, block);
}

static void print(const char *words)
{
    (void)semihost(SYS_WRITE0, words);
}

static void print_number(uint32_t value)
{
    char digits[11];
    size_t at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    print(digits + at);
}

static size_t length(const char *words)
{
    size_t n = 0;

    while (words[n] != '\0')
        n++;
    return n;
}

static bool same(const char *a, const char *b)
{
    size_t n = length(a);

    return n == length(b) && memcmp(a, b, n) == 0;
}

/* The whole file into text, with an end. */
static void load(const char *path)
{
    const uintptr_t open[3] = { (uintptr_t)path, 1 /* "rb" */, length(path) };
    int32_t file = semihost(SYS_OPEN, open);
    const uintptr_t read[3] = { (uintptr_t)file, (uintptr_t)text, sizeof(text) - 1 };
    const uintptr_t close[1] = { (uintptr_t)file };
    int32_t left;

    if (file < 0) {
        print("cannot open ");
        print(path);
        print("\n");
        leave(1);
    }
    left = semihost(SYS_READ, read);
    (void)semihost(SYS_CLOSE, close);
    if (left <= 0) {
        print("does not fit: ");
        print(path);
        print("\n");
        leave(1);
    }
    text[sizeof(text) - 1 - (size_t)left] = '\0';
}

/* Cuts one line off *rest into fields at tabs; the number of fields, 0 at the end. */
static size_t next_line(char **rest, char *fields[6])
{
    size_t n = 0;
    char *p = *rest;

    if (*p == '\0')
        return 0;
    fields[n++] = p;
    for (; *p != '\0' && *p != '\n'; p++) {
        if (*p == '\t' && n < 6) {
            *p = '\0';
            fields[n++] = p + 1;
        }
    }
    if (*p == '\n')
        *p++ = '\0';
    *rest = p;
    return n;
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t bytes(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = 0;

    for (; hex[0] != '\0' && hex[0] != '-'; hex += 2) {
        if (n == cap) {
            print("a field is too long\n");
            leave(1);
        }
        out[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
    }
    return n;
}

static __attribute__((noinline)) void paint_stack(void)
{
    uint8_t *here = __builtin_frame_address(0);

    memset(stack_bottom, PAINT, (size_t)(here - stack_bottom) - 128);
}

static uint32_t stack_depth(void)
{
    const uint8_t *p = stack_bottom;

    while (*p == PAINT)
        p++;
    return (uint32_t)(stack_top - p);
}

static void report(const char *what, const char *path, uint32_t rows, uint32_t wrong)
{
    print(what);
    print("\t");
    print_number(rows);
    print(" rows\t");
    print_number(stack_depth());
    print(" bytes of stack\t");
    print(path);
    print(wrong == 0 ? "\tok\n" : "\tWRONG\n");
}

static uint32_t check_hash(const struct td_hash_alg *alg, const char *path)
{
    uint8_t want[TD_HASH_MAX];
    uint8_t got[TD_HASH_MAX];
    char *fields[6];
    char *rest = text;
    uint32_t rows = 0;
    uint32_t wrong = 0;

    load(path);
    paint_stack();
    while (next_line(&rest, fields) == 2) {
        size_t msg_len = bytes(fields[1], msg, sizeof(msg));

        (void)bytes(fields[0], want, sizeof(want));
        td_hash_of(alg, msg, msg_len, got);
        wrong += memcmp(want, got, alg->size) != 0;
        rows++;
    }
    report(alg->name, path, rows, wrong);
    return wrong + (rows == 0);
}

static enum td_err verify_pure(const struct td_sig_alg *alg, size_t key_len, size_t msg_len,
                               size_t sig_len)
{
    uint8_t challenge[TD_HASH_MAX];
    struct td_hash hash;
    enum td_err err = alg->begin(&hash, key, key_len, sig, sig_len);

    if (err != TD_OK)
        return err;
    td_hash_update(&hash, msg, msg_len);
    td_hash_final(&hash, challenge);
    return alg->verify(key, key_len, challenge, sizeof(challenge), sig, sig_len);
}

/* Lines: result, scheme, name, private key, value, image key. */
static uint32_t check_enc(const struct td_enc_alg *alg, const char *what, const char *path)
{
    uint8_t got[TD_ENC_KEY_MAX];
    char *fields[6];
    char *rest = text;
    uint32_t rows = 0;
    uint32_t wrong = 0;

    load(path);
    paint_stack();
    while (next_line(&rest, fields) == 6) {
        size_t priv_len = bytes(fields[3], key, sizeof(key));
        size_t len = bytes(fields[4], sig, sizeof(sig));
        size_t key_len = bytes(fields[5], msg, sizeof(msg));
        bool want = key_len != 0;
        enum td_err err;

        if (!same(fields[1], alg->name))
            continue;
        if (!want)
            key_len = len >= alg->len_256 ? 32 : 16;
        err = alg->unwrap(key, priv_len, sig, len, got, key_len);
        if ((err == TD_OK) != want || (want && memcmp(got, msg, key_len) != 0)) {
            print(fields[2]);
            print(": wrong\n");
            wrong++;
        }
        rows++;
    }
    report(what, path, rows, wrong);
    return wrong + (rows == 0);
}

static uint32_t number(const char *digits)
{
    uint32_t value = 0;

    while (*digits != '\0')
        value = value * 10 + (uint32_t)(*digits++ - '0');
    return value;
}

/* Lines: key, offset, plain, encrypted. */
static uint32_t check_ctr(const char *path)
{
    struct td_aes_ctr ctr;
    char *fields[6];
    char *rest = text;
    uint32_t rows = 0;
    uint32_t wrong = 0;

    load(path);
    paint_stack();
    while (next_line(&rest, fields) == 4) {
        size_t len = bytes(fields[2], msg, sizeof(msg));

        (void)bytes(fields[3], sig, sizeof(sig));
        td_aes_ctr_init(&ctr, key, bytes(fields[0], key, sizeof(key)));
        td_aes_ctr_run(&ctr, number(fields[1]), msg, len);
        wrong += memcmp(msg, sig, len) != 0;
        rows++;
    }
    report("AES-CTR  ", path, rows, wrong);
    return wrong + (rows == 0);
}

/* Lines of either kind: "key" DER, then result, name, message, signature; or all in one. */
static uint32_t check_sig(const struct td_sig_alg *alg, const char *what, const char *path,
                          bool hashed)
{
    const struct td_hash_alg *alg_hash = alg->begin != NULL ? &td_sha256 : alg->hash;
    uint8_t digest[TD_HASH_MAX];
    char *fields[6];
    char *rest = text;
    size_t key_len = 0;
    size_t n;
    uint32_t rows = 0;
    uint32_t wrong = 0;

    load(path);
    paint_stack();
    while ((n = next_line(&rest, fields)) > 0) {
        size_t msg_len;
        size_t sig_len;
        bool want;
        enum td_err err;

        if (n == 2 || n == 5)
            key_len = bytes(fields[n == 2 ? 1 : 2], key, sizeof(key));
        if (n == 2)
            continue;
        msg_len = bytes(fields[n - 2], msg, sizeof(msg));
        sig_len = bytes(fields[n - 1], sig, sizeof(sig));
        want = same(fields[0], "ok") || same(fields[0], "valid");
        if (hashed) {
            td_hash_of(alg_hash, msg, msg_len, digest);
            msg_len = alg_hash->size;
            memcpy(msg, digest, msg_len);
        }
        err = alg->begin != NULL ? verify_pure(alg, key_len, msg_len, sig_len)
                                 : alg->verify(key, key_len, msg, msg_len, sig, sig_len);
        if ((err == TD_OK) != want) {
            print(fields[1]);
            print(": wrong\n");
            wrong++;
        }
        rows++;
    }
    report(what, path, rows, wrong);
    return wrong + (rows == 0);
}

_Noreturn void vectors_reset(void)
{
    static const struct {
        const struct td_sig_alg *alg;
        const char *what;
        const char *path;
        bool hashed;
    } sigs[] = {
        { &td_sig_ecdsa_p256, "P-256 m31", "tests/vectors/wycheproof_ecdsa_p256.txt", true },
        { &td_sig_ecdsa_p256_m15, "P-256 m15", "tests/vectors/wycheproof_ecdsa_p256.txt", true },
        { &td_sig_ecdsa_p256, "P-256 m31", "tests/vectors/edges_ecdsa_p256.txt", true },
        { &td_sig_ecdsa_p256_m15, "P-256 m15", "tests/vectors/edges_ecdsa_p256.txt", true },
        { &td_sig_ecdsa_p384, "P-384 i31", "tests/vectors/edges_ecdsa_p384.txt", true },
        { &td_sig_ecdsa_p384_i15, "P-384 i15", "tests/vectors/edges_ecdsa_p384.txt", true },
        { &td_sig_ed25519_pure, "Ed. pure ", "tests/vectors/wycheproof_ed25519.txt", false },
        { &td_sig_ed25519_pure, "Ed. pure ", "tests/vectors/edges_ed25519.txt", true },
        { &td_sig_ed25519, "Ed25519  ", "tests/vectors/wycheproof_ed25519.txt", false },
        { &td_sig_ed25519, "Ed25519  ", "tests/vectors/edges_ed25519.txt", true },
        { &td_sig_rsa2048_pss, "RSA i31  ", "tests/vectors/wycheproof_rsa2048_pss.txt", true },
        { &td_sig_rsa2048_pss_i15, "RSA i15  ", "tests/vectors/edges_rsa2048_pss.txt", true },
        { &td_sig_rsa3072_pss, "RSA i31  ", "tests/vectors/edges_rsa3072_pss.txt", true },
        { &td_sig_rsa3072_pss_i15, "RSA i15  ", "tests/vectors/wycheproof_rsa3072_pss.txt", true },
    };
    static const struct {
        const struct td_enc_alg *alg;
        const char *what;
    } encs[] = {
        { &td_enc_kw, "AES-KW   " },
        { &td_enc_ec256, "ECIES m31" },
        { &td_enc_ec256_m15, "ECIES m15" },
        { &td_enc_x25519, "X255. m31" },
        { &td_enc_x25519_m15, "X255. m15" },
        { &td_enc_x25519_sha512, "X512. m31" },
        { &td_enc_x25519_sha512_m15, "X512. m15" },
        { &td_enc_rsa2048, "OAEP i31 " },
        { &td_enc_rsa2048_i15, "OAEP i15 " },
    };
    uint32_t wrong = 0;

    for (size_t i = 0; i < TD_N_OF(encs); i++)
        wrong += check_enc(encs[i].alg, encs[i].what, "tests/vectors/edges_wrap.txt");
    wrong += check_enc(&td_enc_kw, "AES-KW   ", "tests/vectors/wycheproof_wrap.txt");
    wrong += check_enc(&td_enc_rsa2048, "OAEP i31 ", "tests/vectors/wycheproof_wrap.txt");
    wrong += check_enc(&td_enc_ec256, "ECIES m31", "tests/vectors/wycheproof_ecies.txt");
    wrong += check_enc(&td_enc_x25519, "X255. m31", "tests/vectors/wycheproof_ecies.txt");
    wrong += check_ctr("tests/vectors/aes_ctr.txt");
    wrong += check_hash(&td_sha256, "tests/vectors/cavp_sha256.txt");
    wrong += check_hash(&td_sha384, "tests/vectors/cavp_sha384.txt");
    wrong += check_hash(&td_sha512, "tests/vectors/cavp_sha512.txt");
    for (size_t i = 0; i < TD_N_OF(sigs); i++)
        wrong += check_sig(sigs[i].alg, sigs[i].what, sigs[i].path, sigs[i].hashed);
    leave(wrong == 0 ? 0 : 1);
}

__attribute__((section(".vectors"), used)) static const struct {
    uint8_t *stack;
    void (*reset)(void);
} table = { stack_top, vectors_reset };
