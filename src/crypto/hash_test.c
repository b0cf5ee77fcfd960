#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "crypto/ct.h"
#include "crypto/hash.h"
#include "crypto/vectors_test.h"

static const struct {
    const struct td_hash_alg *alg;
    const char *file;
    int rows;
} families[] = {
    { &td_sha256, "cavp_sha256.txt", 71 },
    { &td_sha384, "cavp_sha384.txt", 81 },
    { &td_sha512, "cavp_sha512.txt", 81 },
};

static void digests_are_those_of_nist(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(families); i++) {
        struct vectors v;
        int rows = 0;

        vectors_open(&v, families[i].file);
        while (vectors_next(&v)) {
            struct bytes want = vectors_bytes(&v, 0);
            struct bytes msg = vectors_bytes(&v, 1);
            uint8_t got[TD_HASH_MAX];

            assert_int_equal(want.len, families[i].alg->size);
            td_hash_of(families[i].alg, msg.at, msg.len, got);
            assert_memory_equal(got, want.at, want.len);
            bytes_free(&want);
            bytes_free(&msg);
            rows++;
        }
        vectors_close(&v);
        assert_int_equal(rows, families[i].rows);
    }
}

static void pieces_of_any_length_give_the_digest_of_the_whole(void **state)
{
    uint8_t data[300];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < TD_N_OF(families); i++) {
        uint8_t whole[TD_HASH_MAX];

        td_hash_of(families[i].alg, data, sizeof(data), whole);
        for (size_t piece = 1; piece < sizeof(data); piece++) {
            struct td_hash hash;
            uint8_t got[TD_HASH_MAX];

            td_hash_init(&hash, families[i].alg);
            for (size_t off = 0; off < sizeof(data); off += piece)
                td_hash_update(&hash, data + off,
                               piece < sizeof(data) - off ? piece : sizeof(data) - off);
            td_hash_update(&hash, NULL, 0);
            td_hash_final(&hash, got);
            assert_memory_equal(got, whole, families[i].alg->size);
        }
    }
}

static void a_digest_may_be_taken_in_the_middle_and_a_copy_goes_its_own_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(families); i++) {
        const struct td_hash_alg *alg = families[i].alg;
        struct td_hash hash;
        struct td_hash copy;
        uint8_t want[TD_HASH_MAX];
        uint8_t got[TD_HASH_MAX];

        td_hash_init(&hash, alg);
        td_hash_update(&hash, "two ", 4);
        td_hash_final(&hash, got);
        td_hash_of(alg, "two ", 4, want);
        assert_memory_equal(got, want, alg->size);

        copy = hash;
        td_hash_update(&hash, "slots", 5);
        td_hash_update(&copy, "cores", 5);
        td_hash_final(&hash, got);
        td_hash_of(alg, "two slots", 9, want);
        assert_memory_equal(got, want, alg->size);
        td_hash_final(&copy, got);
        td_hash_of(alg, "two cores", 9, want);
        assert_memory_equal(got, want, alg->size);
    }
}

static void a_comparison_sees_every_byte(void **state)
{
    uint8_t a[33] = { 0 };
    uint8_t b[33] = { 0 };

    (void)state;
    assert_true(td_ct_equal(a, b, sizeof(a)));
    assert_true(td_ct_equal(a, b, 0));
    for (size_t i = 0; i < sizeof(a); i++) {
        for (int bit = 0; bit < 8; bit++) {
            b[i] = (uint8_t)(1 << bit);
            assert_false(td_ct_equal(a, b, sizeof(a)));
        }
        assert_true(td_ct_equal(a, b, i));
        b[i] = 0;
    }
}

static void a_wipe_stays_inside_its_range(void **state)
{
    uint8_t a[16];

    (void)state;
    memset(a, 0xa5, sizeof(a));
    td_wipe(a + 1, 14);
    assert_int_equal(a[0], 0xa5);
    assert_int_equal(a[15], 0xa5);
    for (size_t i = 1; i < 15; i++)
        assert_int_equal(a[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_nist),
        cmocka_unit_test(pieces_of_any_length_give_the_digest_of_the_whole),
        cmocka_unit_test(a_digest_may_be_taken_in_the_middle_and_a_copy_goes_its_own_way),
        cmocka_unit_test(a_comparison_sees_every_byte),
        cmocka_unit_test(a_wipe_stays_inside_its_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
