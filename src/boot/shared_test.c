/* Shared data, byte by byte as the original's rules give it (boot_record.c, boot_status.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "boot/shared.h"
#include "image/build.h"

static void the_loader_s_entries_are_the_original_s(void **state)
{
    /* 0x2016, 36 bytes; 0x2000 mode 3, 0x2001 P-256, 0x2002 serial, 0x2003 slot 1, version */
    static const uint8_t want[] = {
        0x16, 0x20, 0x24, 0x00, 0x00, 0x20, 0x01, 0x00, 0x03, 0x01, 0x20, 0x01,
        0x00, 0x02, 0x02, 0x20, 0x01, 0x00, 0x01, 0x03, 0x20, 0x01, 0x00, 0x01,
        0x04, 0x20, 0x08, 0x00, 0x01, 0x02, 0x03, 0x00, 0x04, 0x00, 0x00, 0x00,
    };
    static const struct td_version version = { 1, 2, 3, 4 };
    struct td_shared_loader loader = { .mode = TD_MODE_MOVE,
                                       .sig = &td_sig_ecdsa_p256,
                                       .has_recovery = true,
                                       .slot = 1,
                                       .version = &version };
    uint8_t buf[64];
    struct td_shared s;

    (void)state;
    memset(buf, 0xaa, sizeof buf);
    td_shared_begin(&s, buf, sizeof buf);
    assert_int_equal(td_shared_tell(&s, &loader), TD_OK);
    assert_int_equal(s.used, sizeof want);
    assert_memory_equal(buf, want, sizeof want);
    assert_int_equal(buf[sizeof want], 0); /* the rest of the area is cleared, as there */
}

/* An image with a boot record of 40 bytes, whose last 32 wait for the hash. */
static uint32_t make_image(uint8_t *buf, uint32_t cap, const uint8_t *record, uint16_t len)
{
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = 16,
                                   .protect_tlv_size = (uint16_t)(8 + len) };
    struct td_build b;
    uint8_t hash[32];

    memset(buf, 0x11, cap);
    memset(hash, 0xcd, sizeof hash);
    td_build_begin(&b, buf, cap, 48);
    td_build_header(&b, &hdr);
    td_build_area(&b, TD_TLV_PROT_MAGIC);
    td_build_tlv(&b, TD_TLV_BOOT_RECORD, record, len);
    td_build_close(&b);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, hash, sizeof hash);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    return b.len;
}

static void a_boot_record_ends_with_the_image_s_hash(void **state)
{
    uint8_t image[256], record[40] = { 0xa5, 0x01, 0x63, 'A', 'P', 'P', 0x02, 0x58 }, buf[64];
    struct td_source src = td_source_memory(image, make_image(image, sizeof image, record, 40));
    struct td_shared s;

    (void)state;
    td_shared_begin(&s, buf, sizeof buf);
    assert_int_equal(td_shared_record(&s, 2, &src), TD_OK);
    assert_int_equal(s.used, 4 + 4 + 40);
    assert_int_equal(buf[4] | buf[5] << 8, 0x10bf); /* major 1, image 2, claim 0x3f */
    assert_int_equal(buf[6], 40);
    assert_memory_equal(buf + 8, record, 8);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(buf[16 + i], 0xcd);
}

static void a_record_without_room_for_the_hash_is_an_error(void **state)
{
    uint8_t image[256], record[31] = { 0xa5 }, buf[64];
    struct td_source src = td_source_memory(image, make_image(image, sizeof image, record, 31));
    struct td_shared s;

    (void)state;
    td_shared_begin(&s, buf, sizeof buf);
    assert_int_equal(td_shared_record(&s, 0, &src), TD_EFORMAT);
    assert_int_equal(s.used, 4);
}

static void what_does_not_fit_is_left_out_and_said(void **state)
{
    uint8_t buf[16], four[4] = { 1, 2, 3, 4 };
    struct td_shared s;

    (void)state;
    td_shared_begin(&s, buf, sizeof buf);
    assert_int_equal(td_shared_add(&s, TD_SHARED_LOADER, 5, four, 4), TD_OK);
    assert_int_equal(td_shared_add(&s, TD_SHARED_LOADER, 6, four, 1), TD_ESPACE);
    assert_int_equal(td_shared_add(&s, TD_SHARED_LOADER, 7, four, 0), TD_OK);
    assert_int_equal(s.used, sizeof buf);
    assert_int_equal(s.err, TD_ESPACE);
    td_shared_begin(&s, buf, 3);
    assert_int_equal(td_shared_add(&s, TD_SHARED_LOADER, 0, four, 1), TD_ESPACE);
}

static void a_type_stands_once(void **state)
{
    uint8_t buf[32], one = 1;
    struct td_shared s;

    (void)state;
    td_shared_begin(&s, buf, sizeof buf);
    assert_int_equal(td_shared_add(&s, TD_SHARED_LOADER, 0, &one, 1), TD_OK);
    assert_int_equal(td_shared_add(&s, TD_SHARED_LOADER, 0, &one, 1), TD_ESTATE);
    assert_int_equal(td_shared_add(&s, TD_SHARED_ATTEST, 0, &one, 1), TD_OK);
    assert_int_equal(s.used, 4 + 2 * 5);
}

static void what_was_written_is_read(void **state)
{
    uint8_t buf[32], bytes[3] = { 7, 8, 9 };
    struct td_shared_entry e;
    struct td_shared s;
    uint16_t end, at = TD_SHARED_HEAD_SIZE;
    bool more;

    (void)state;
    td_shared_begin(&s, buf, sizeof buf);
    assert_int_equal(td_shared_add(&s, TD_SHARED_VERDICT, 0x123, bytes, 3), TD_OK);
    assert_int_equal(td_shared_open(buf, sizeof buf, &end), TD_OK);
    assert_int_equal(td_shared_next(buf, end, &at, &e, &more), TD_OK);
    assert_true(more);
    assert_int_equal(e.major, TD_SHARED_VERDICT);
    assert_int_equal(e.minor, 0x123);
    assert_int_equal(e.len, 3);
    assert_memory_equal(e.data, bytes, 3);
    assert_int_equal(td_shared_next(buf, end, &at, &e, &more), TD_OK);
    assert_false(more);
}

static void hostile_blocks_are_errors(void **state)
{
    static const struct {
        const char *says;
        uint8_t bytes[10];
        size_t size;
        enum td_err open, next;
    } rows[] = {
        { "nothing", { 0 }, 0, TD_ETRUNC, TD_OK },
        { "another magic", { 0x17, 0x20, 4, 0 }, 4, TD_EFORMAT, TD_OK },
        { "smaller than its head", { 0x16, 0x20, 3, 0 }, 4, TD_EFORMAT, TD_OK },
        { "larger than the memory", { 0x16, 0x20, 5, 0 }, 4, TD_ETRUNC, TD_OK },
        { "half an entry's head", { 0x16, 0x20, 7, 0, 1, 2, 3 }, 7, TD_OK, TD_EFORMAT },
        { "an entry too long", { 0x16, 0x20, 9, 0, 0, 0x20, 2, 0, 1 }, 9, TD_OK, TD_EFORMAT },
        { "the longest entry", { 0x16, 0x20, 8, 0, 0, 0x20, 0xff, 0xff }, 8, TD_OK, TD_EFORMAT },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint16_t end, at = TD_SHARED_HEAD_SIZE;
        struct td_shared_entry e;
        bool more;

        if (td_shared_open(rows[i].bytes, rows[i].size, &end) != rows[i].open ||
            td_shared_next(rows[i].bytes, end, &at, &e, &more) != rows[i].next)
            fail_msg("%s", rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loader_s_entries_are_the_original_s),
        cmocka_unit_test(a_boot_record_ends_with_the_image_s_hash),
        cmocka_unit_test(a_record_without_room_for_the_hash_is_an_error),
        cmocka_unit_test(what_does_not_fit_is_left_out_and_said),
        cmocka_unit_test(a_type_stands_once),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(hostile_blocks_are_errors),
    };

    return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
