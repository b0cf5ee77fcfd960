#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "base/verdict.h"

static const struct td_verdict sample = {
    .code = TD_V_DOWNGRADE,
    .kind = TD_VERDICT_REFUSAL,
    .image = 1,
    .slot = 1,
    .swap_type = 2,
    .count = 3,
    .seq = 0x01020304,
    .wanted = 0x11223344,
    .found = 0x55667788,
    .off = 0x99aabbcc,
    .wanted_version = { 1, 2, 3, 4 },
    .found_version = { 5, 6, 7, 8 },
    .key = { 1, 2, 3, 4, 5, 6, 7, 8 },
    .hash = { 8, 7, 6, 5, 4, 3, 2, 1 },
};

static void a_record_survives_the_way_to_flash_and_back(void **state)
{
    uint8_t bytes[TD_VERDICT_SIZE], again[TD_VERDICT_SIZE];
    struct td_verdict back;

    (void)state;
    td_verdict_encode(&sample, bytes);
    assert_int_equal(td_verdict_decode(bytes, &back), TD_OK);
    assert_true(td_verdict_same(&sample, &back));
    assert_int_equal(back.seq, sample.seq);
    assert_int_equal(back.count, sample.count);
    td_verdict_encode(&back, again);
    assert_memory_equal(bytes, again, sizeof bytes);
}

static void the_bytes_stand_where_the_specification_says(void **state)
{
    uint8_t bytes[TD_VERDICT_SIZE];

    (void)state;
    td_verdict_encode(&sample, bytes);
    assert_memory_equal(bytes, "\x01\x02\x24\x00\x01\x01\x02\x00\x03\x00\x00\x00\x04\x03\x02\x01",
                        16);
    assert_memory_equal(bytes + 24, "\xcc\xbb\xaa\x99\x01\x02\x03\x00\x04\x00\x00\x00", 12);
    assert_memory_equal(bytes + 52, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
}

static void erased_and_foreign_records_are_refused(void **state)
{
    uint8_t bytes[TD_VERDICT_SIZE];
    struct td_verdict v;

    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(td_verdict_decode(bytes, &v), TD_EFORMAT);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(td_verdict_decode(bytes, &v), TD_EFORMAT);
}

static void a_repeat_is_the_same_whatever_its_count(void **state)
{
    struct td_verdict again = sample, other = sample;

    (void)state;
    again.count = 9;
    again.seq++;
    other.found++;
    assert_true(td_verdict_same(&sample, &again));
    assert_false(td_verdict_same(&sample, &other));
}

static void every_code_has_its_own_name_and_words(void **state)
{
    static const uint16_t codes[] = {
#define CODE(name, number, text, class, sentence, remedy) number,
        TD_VERDICTS(CODE)
#undef CODE
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(codes); i++) {
        assert_string_not_equal(td_verdict_name(codes[i]), "unknown");
        assert_true(strlen(td_verdict_sentence(codes[i])) > 10);
        assert_true(strlen(td_verdict_remedy(codes[i])) > 5);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(td_verdict_name(codes[i]), td_verdict_name(codes[j]));
    }
    assert_string_equal(td_verdict_name(65535), "unknown");
    assert_int_equal(td_verdict_class_of(TD_V_REVERTED), TD_VERDICT_REVERT);
    assert_int_equal(td_verdict_class_of(65535), TD_VERDICT_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_survives_the_way_to_flash_and_back),
        cmocka_unit_test(the_bytes_stand_where_the_specification_says),
        cmocka_unit_test(erased_and_foreign_records_are_refused),
        cmocka_unit_test(a_repeat_is_the_same_whatever_its_count),
        cmocka_unit_test(every_code_has_its_own_name_and_words),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
