#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "cbor/cbor.h"

/* ---- the appendix of RFC 8949, and what it does not allow ------------------------------ */

static const struct {
    const char *hex;
    enum td_err skip;
} items[] = {
    { "00", TD_OK },
    { "1864", TD_OK },
    { "1b000000e8d4a51000", TD_OK },
    { "c249010000000000000000", TD_OK },
    { "3bffffffffffffffff", TD_OK },
    { "f97bff", TD_OK },
    { "fb7ff0000000000000", TD_OK },
    { "f6", TD_OK },
    { "f7", TD_OK },
    { "d74401020304", TD_OK },
    { "40", TD_OK },
    { "62c3bc", TD_OK },
    { "8301820203820405", TD_OK },
    { "a26161016162820203", TD_OK },
    { "5f42010243030405ff", TD_OK },
    { "7f657374726561646d696e67ff", TD_OK },
    { "9f018202039f0405ffff", TD_OK },
    { "bf61610161629f0203ffff", TD_OK },
    { "bf6346756ef563416d7421ff", TD_OK },
    { "80", TD_OK },
    { "a0", TD_OK },
    { "", TD_ETRUNC },
    { "18", TD_ETRUNC },
    { "1b00000000", TD_ETRUNC },
    { "42ff", TD_ETRUNC },
    { "5bffffffffffffffff00", TD_ETRUNC },
    { "9bffffffffffffffff00", TD_ETRUNC },
    { "bbffffffffffffffff00", TD_ETRUNC },
    { "bb8000000000000000", TD_ETRUNC },
    { "8200", TD_ETRUNC },
    { "a100", TD_ETRUNC },
    { "9f00", TD_ETRUNC },
    { "c1", TD_ETRUNC },
    { "ff", TD_EFORMAT },
    { "1c", TD_EFORMAT },
    { "1f", TD_EFORMAT },
    { "3f", TD_EFORMAT },
    { "df", TD_EFORMAT },
    { "fc", TD_EFORMAT },
    { "f820", TD_EFORMAT },
    { "e0", TD_EFORMAT },
    { "81ff", TD_EFORMAT },
    { "bf00ff", TD_EFORMAT },
    { "c1ff", TD_EFORMAT },
    { "5f00ff", TD_EFORMAT },
    { "5f6100ff", TD_EFORMAT },
    { "5f5fffff", TD_EFORMAT },
    { "81818181818181818181818181818180", TD_OK },
    { "818181818181818181818181818181818100", TD_EUNSUPPORTED },
    { "9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9fffffffffffffffffffffffffffffffff", TD_EUNSUPPORTED },
};

static void each_item_is_stepped_over_whole_or_refused(void **state)
{
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(items); i++) {
        size_t n = from_hex(items[i].hex, bytes);
        struct td_cbor_reader r = td_cbor_reader_of(bytes, n);

        if (td_cbor_skip(&r) != items[i].skip)
            fail_msg("%s", items[i].hex);
        assert_int_equal(r.pos, items[i].skip == TD_OK ? n : 0);
    }
}

static void every_truncation_of_a_good_item_is_refused(void **state)
{
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(items); i++) {
        size_t n = from_hex(items[i].hex, bytes);

        for (size_t cut = 0; items[i].skip == TD_OK && cut < n; cut++) {
            struct td_cbor_reader r = td_cbor_reader_of(bytes, cut);

            assert_int_not_equal(td_cbor_skip(&r), TD_OK);
        }
    }
}

static void numbers_are_read_at_any_width_and_refused_beyond_32_bits(void **state)
{
    static const struct {
        const char *hex;
        enum td_err u_err;
        uint32_t u;
        enum td_err i_err;
        int32_t i;
    } rows[] = {
        { "17", TD_OK, 23, TD_OK, 23 },
        { "1817", TD_OK, 23, TD_OK, 23 },
        { "190017", TD_OK, 23, TD_OK, 23 },
        { "1b0000000000000017", TD_OK, 23, TD_OK, 23 },
        { "1affffffff", TD_OK, 0xffffffff, TD_EFORMAT, 0 },
        { "1a7fffffff", TD_OK, 0x7fffffff, TD_OK, 0x7fffffff },
        { "1b0000000100000000", TD_EFORMAT, 0, TD_EFORMAT, 0 },
        { "20", TD_EFORMAT, 0, TD_OK, -1 },
        { "3a7fffffff", TD_EFORMAT, 0, TD_OK, INT32_MIN },
        { "3a80000000", TD_EFORMAT, 0, TD_EFORMAT, 0 },
        { "f4", TD_EFORMAT, 0, TD_EFORMAT, 0 },
        { "19", TD_ETRUNC, 0, TD_ETRUNC, 0 },
    };
    uint8_t bytes[16];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t n = from_hex(rows[i].hex, bytes);
        struct td_cbor_reader r = td_cbor_reader_of(bytes, n);
        uint32_t u = 0;
        int32_t s = 0;

        assert_int_equal(td_cbor_get_uint(&r, &u), rows[i].u_err);
        assert_int_equal(u, rows[i].u);
        assert_int_equal(r.pos, rows[i].u_err == TD_OK ? n : 0);
        r.pos = 0;
        assert_int_equal(td_cbor_get_int(&r, &s), rows[i].i_err);
        assert_int_equal(s, rows[i].i);
    }
}

/* ---- writing --------------------------------------------------------------------------- */

static void write_sample(struct td_cbor_writer *w, unsigned n)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "n");
    td_cbor_open_list(w);
    for (unsigned i = 0; i < n; i++)
        td_cbor_put_uint(w, i);
    td_cbor_close(w);
    td_cbor_key(w, "x");
    td_cbor_put_int(w, -500);
    td_cbor_key(w, "b");
    td_cbor_put_bytes(w, "\x01\x02", 2);
    td_cbor_close(w);
}

static void a_number_is_written_in_as_few_bytes_as_hold_it_and_read_back(void **state)
{
    static const struct {
        int64_t value;
        const char *hex;
    } rows[] = {
        { 23, "17" },
        { 24, "1818" },
        { 256, "190100" },
        { 65536, "1a00010000" },
        { UINT32_MAX, "1affffffff" },
        { (int64_t)UINT32_MAX + 1, "1b0000000100000000" },
        { INT64_MAX, "1b7fffffffffffffff" },
        { -1, "20" },
        { INT32_MIN, "3a7fffffff" },
        { (int64_t)INT32_MIN - 1, "3a80000000" },
        { INT64_MIN, "3b7fffffffffffffff" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t buf[16], want[16];
        struct td_cbor_writer w;
        struct td_cbor_reader r;
        size_t n = from_hex(rows[i].hex, want);
        uint64_t wide = 0;
        uint32_t narrow = 0;

        td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
        td_cbor_put_int(&w, rows[i].value);
        assert_int_equal(w.len, n);
        assert_memory_equal(buf, want, n);
        if (rows[i].value < 0)
            continue;
        td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
        td_cbor_put_uint64(&w, (uint64_t)rows[i].value);
        assert_int_equal(w.len, n);
        assert_memory_equal(buf, want, n);
        assert_int_equal(td_cbor_head_size((uint64_t)rows[i].value), n);
        r = td_cbor_reader_of(buf, n);
        assert_int_equal(td_cbor_get_uint(&r, &narrow),
                         rows[i].value > UINT32_MAX ? TD_EFORMAT : TD_OK);
        r.pos = 0;
        assert_int_equal(td_cbor_get_uint64(&r, &wide), TD_OK);
        assert_int_equal(wide, rows[i].value);
    }
}

static void a_definite_map_has_its_length_in_front_and_an_indefinite_one_ends_in_ff(void **state)
{
    uint8_t buf[64], want[64];
    struct td_cbor_writer w;
    size_t len, n;

    (void)state;
    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    write_sample(&w, 2);
    assert_int_equal(td_cbor_done(&w, &len), TD_OK);
    n = from_hex("a3 616e 820001 6178 3901f3 6162 420102", want);
    assert_int_equal(len, n);
    assert_memory_equal(buf, want, n);

    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_INDEFINITE);
    write_sample(&w, 2);
    assert_int_equal(td_cbor_done(&w, &len), TD_OK);
    n = from_hex("bf 616e 9f0001ff 6178 3901f3 6162 420102 ff", want);
    assert_int_equal(len, n);
    assert_memory_equal(buf, want, n);
}

static void lists_of_any_length_get_the_shortest_head(void **state)
{
    static const struct {
        unsigned n;
        size_t head;
    } rows[] = { { 23, 1 }, { 24, 2 }, { 255, 2 }, { 256, 3 }, { 300, 3 } };
    static uint8_t buf[2048];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_cbor_writer w;
        struct td_cbor_reader r;
        struct td_cbor_item item;
        size_t len;

        td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
        write_sample(&w, rows[i].n);
        assert_int_equal(td_cbor_done(&w, &len), TD_OK);
        r = td_cbor_reader_of(buf, len);
        r.pos = 3;
        assert_int_equal(td_cbor_next(&r, &item), TD_OK);
        assert_int_equal(item.value, rows[i].n);
        assert_int_equal(r.pos, 3 + rows[i].head);
        r.pos = 0;
        assert_int_equal(td_cbor_skip(&r), TD_OK);
        assert_int_equal(r.pos, len);
    }
}

static void a_writer_never_writes_behind_its_buffer(void **state)
{
    uint8_t buf[400], whole[400];
    struct td_cbor_writer w;
    size_t len, full;

    (void)state;
    for (int style = TD_CBOR_DEFINITE; style <= TD_CBOR_INDEFINITE; style++) {
        td_cbor_writer_init(&w, whole, sizeof whole, (enum td_cbor_style)style);
        write_sample(&w, 30);
        assert_int_equal(td_cbor_done(&w, &full), TD_OK);
        for (size_t cap = 0; cap < full; cap++) {
            memset(buf, 0xee, sizeof buf);
            td_cbor_writer_init(&w, buf, cap, (enum td_cbor_style)style);
            write_sample(&w, 30);
            assert_int_equal(td_cbor_done(&w, &len), TD_ESPACE);
            assert_int_equal(len, 0);
            for (size_t i = cap; i < sizeof buf; i++)
                assert_int_equal(buf[i], 0xee);
        }
    }
}

static void wrong_nesting_is_an_error_of_the_writer(void **state)
{
    uint8_t buf[64];
    struct td_cbor_writer w;
    size_t len;

    (void)state;
    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    td_cbor_close(&w);
    assert_int_equal(td_cbor_done(&w, &len), TD_ESTATE);

    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    td_cbor_open_map(&w);
    assert_int_equal(td_cbor_done(&w, &len), TD_ESTATE);
    td_cbor_key(&w, "alone");
    td_cbor_close(&w);
    assert_int_equal(td_cbor_done(&w, &len), TD_ESTATE);

    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    for (int i = 0; i < TD_CBOR_WRITE_DEPTH + 1; i++)
        td_cbor_open_list(&w);
    assert_int_equal(w.err, TD_ESTATE);
}

static void a_copy_of_the_writer_is_a_place_to_come_back_to(void **state)
{
    uint8_t buf[16];
    struct td_cbor_writer w, mark;
    size_t len;

    (void)state;
    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    td_cbor_open_list(&w);
    td_cbor_put_uint(&w, 1);
    mark = w;
    td_cbor_put_text(&w, TD_TEXT("far too long for this buffer"));
    assert_int_equal(w.err, TD_ESPACE);
    w = mark;
    td_cbor_close(&w);
    assert_int_equal(td_cbor_done(&w, &len), TD_OK);
    assert_int_equal(len, 2);
    assert_memory_equal(buf, "\x81\x01", 2);
}

/* ---- maps ------------------------------------------------------------------------------ */

struct sample {
    uint32_t off;
    int32_t mode;
    bool confirm, has_off, has_mode, has_confirm, has_data, has_name, has_list, has_map;
    struct td_cbor_bytes data;
    struct td_cbor_text name;
    struct td_cbor_reader list, map;
};

static enum td_err read_sample(const char *hex, struct sample *s, uint8_t *bytes)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("off", &s->off, &s->has_off),
        TD_CBOR_FIELD_INT("mode", &s->mode, &s->has_mode),
        TD_CBOR_FIELD_BOOL("confirm", &s->confirm, &s->has_confirm),
        TD_CBOR_FIELD_BYTES("data", &s->data, &s->has_data),
        TD_CBOR_FIELD_TEXT("name", &s->name, &s->has_name),
        TD_CBOR_FIELD_LIST("list", &s->list, &s->has_list),
        TD_CBOR_FIELD_MAP("map", &s->map, &s->has_map),
    };
    struct td_cbor_reader r = td_cbor_reader_of(bytes, from_hex(hex, bytes));

    memset(s, 0, sizeof *s);
    return td_cbor_get_map(&r, fields, TD_N_OF(fields));
}

static void known_keys_are_read_in_any_order_and_unknown_ones_stepped_over(void **state)
{
    uint8_t bytes[128];
    struct sample s;

    (void)state;
    // {1: [2, {}], "name": "ab", "zz": {"off": 9}, "off": 7, _"off": 3, "mode": -1, "confirm": true}
    assert_int_equal(read_sample("bf 01 8202a0 646e616d65 626162 627a7a a1636f666609 636f6666 07"
                                 " 7f636f6666ff 03 646d6f6465 20 67636f6e6669726d f5 ff",
                                 &s, bytes),
                     TD_OK);
    assert_true(s.has_off && s.has_mode && s.has_confirm && s.has_name);
    assert_false(s.has_data || s.has_list || s.has_map);
    assert_int_equal(s.off, 7);
    assert_int_equal(s.mode, -1);
    assert_true(s.confirm);
    assert_true(td_cbor_text_is(s.name, TD_TEXT("ab")));
}

static void parts_are_handed_over_as_readers_that_end_where_they_end(void **state)
{
    uint8_t bytes[64];
    struct sample s;
    struct td_cbor_walk walk;
    uint32_t value, sum = 0;
    bool more;

    (void)state;
    assert_int_equal(read_sample("a2 646c697374 9f010203ff 636d6170 a0", &s, bytes), TD_OK);
    assert_true(s.has_list && s.has_map);
    assert_int_equal(s.list.len, 5);
    assert_int_equal(s.map.len, 1);
    assert_int_equal(td_cbor_list_begin(&s.list, &walk), TD_OK);
    while (td_cbor_more(&s.list, &walk, &more) == TD_OK && more) {
        assert_int_equal(td_cbor_get_uint(&s.list, &value), TD_OK);
        sum += value;
    }
    assert_int_equal(sum, 6);
    assert_int_equal(s.list.pos, s.list.len);
}

static void malformed_maps_are_refused(void **state)
{
    static const struct {
        const char *says, *hex;
        enum td_err want;
    } rows[] = {
        { "a list", "80", TD_EFORMAT },
        { "a number", "01", TD_EFORMAT },
        { "nothing", "", TD_ETRUNC },
        { "the same key twice", "a2 636f666601 636f666601", TD_EFORMAT },
        { "the same key twice, indefinite", "bf 636f666601 636f666601 ff", TD_EFORMAT },
        { "text for a number", "a1 636f6666 6131", TD_EFORMAT },
        { "a negative offset", "a1 636f6666 20", TD_EFORMAT },
        { "an offset beyond 32 bits", "a1 636f6666 1b0000000100000000", TD_EFORMAT },
        { "bytes for text", "a1 646e616d65 4161", TD_EFORMAT },
        { "an indefinite byte string", "a1 6464617461 5f4101ff", TD_EFORMAT },
        { "a number for a flag", "a1 67636f6e6669726d 01", TD_EFORMAT },
        { "a map for a list", "a1 646c697374 a0", TD_EFORMAT },
        { "a key without a value", "bf 636f6666 ff", TD_EFORMAT },
        { "no end", "bf 636f6666 01", TD_ETRUNC },
        { "fewer pairs than promised", "a2 636f6666 01", TD_ETRUNC },
        { "an unknown value that is malformed", "a1 01 1c", TD_EFORMAT },
        { "an unknown value nested too deep", "a1 01 818181818181818181818181818181818100",
          TD_EUNSUPPORTED },
    };
    uint8_t bytes[64];
    struct sample s;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        if (read_sample(rows[i].hex, &s, bytes) != rows[i].want)
            fail_msg("%s", rows[i].says);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_stepped_over_whole_or_refused),
        cmocka_unit_test(every_truncation_of_a_good_item_is_refused),
        cmocka_unit_test(numbers_are_read_at_any_width_and_refused_beyond_32_bits),
        cmocka_unit_test(a_number_is_written_in_as_few_bytes_as_hold_it_and_read_back),
        cmocka_unit_test(a_definite_map_has_its_length_in_front_and_an_indefinite_one_ends_in_ff),
        cmocka_unit_test(lists_of_any_length_get_the_shortest_head),
        cmocka_unit_test(a_writer_never_writes_behind_its_buffer),
        cmocka_unit_test(wrong_nesting_is_an_error_of_the_writer),
        cmocka_unit_test(a_copy_of_the_writer_is_a_place_to_come_back_to),
        cmocka_unit_test(known_keys_are_read_in_any_order_and_unknown_ones_stepped_over),
        cmocka_unit_test(parts_are_handed_over_as_readers_that_end_where_they_end),
        cmocka_unit_test(malformed_maps_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
