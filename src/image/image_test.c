/* image/image_test.c - the format, one row for each way to be wrong; imgtool's files as input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/build.h"
#include "image/golden_test.h"
#include "image/image.h"

static struct td_source source(const struct file *f)
{
    return td_source_memory(f->bytes, f->size);
}

/* Writes the hash of what is in the buffer as the builder's next entry. */
static void build_hash(struct td_build *b, uint32_t hashed)
{
    uint8_t digest[TD_HASH_MAX];

    td_hash_of(&td_sha256, b->buf, hashed, digest);
    td_build_tlv(b, TD_TLV_SHA256, digest, 32);
}

/*
 * 0 header, 32 payload, 48 protected info, 52 SEC_CNT, 60 DEPENDENCY, 76 info, 80 SHA256,
 * 116 end; then four bytes that belong to nobody.
 */
static void build_sample(struct file *f)
{
    static const uint8_t dep[12] = { 3, 0, 0, 0, 1, 2, 3, 0, 4, 0, 0, 0 };
    static const uint8_t counter[4] = { 0x78, 0x56, 0x34, 0x12 };
    const struct td_image_header hdr = {
        .hdr_size = 32, .protect_tlv_size = 28, .img_size = 16, .version = { 1, 2, 3, 4 }
    };
    struct td_build b;
    uint32_t hashed;

    memset(f->bytes, 0xff, sizeof f->bytes);
    td_build_begin(&b, f->bytes, sizeof f->bytes, 48);
    td_build_header(&b, &hdr);
    td_build_area(&b, TD_TLV_PROT_MAGIC);
    td_build_tlv(&b, TD_TLV_SEC_CNT, counter, sizeof counter);
    td_build_tlv(&b, TD_TLV_DEPENDENCY, dep, sizeof dep);
    td_build_close(&b);
    hashed = b.len;
    td_build_area(&b, TD_TLV_MAGIC);
    build_hash(&b, hashed);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    assert_int_equal(b.len, 116);
    f->size = 120;
}

static void a_well_formed_image_opens(void **state)
{
    static struct file f;
    struct td_image img;
    struct td_source src;

    (void)state;
    build_sample(&f);
    src = source(&f);
    assert_int_equal(td_image_open(&src, 116, &img, NULL), TD_OK);
    assert_int_equal(img.prot_off, 48);
    assert_int_equal(img.prot_size, 28);
    assert_int_equal(img.tlv_off, 76);
    assert_int_equal(img.tlv_size, 40);
    assert_int_equal(img.size, 116);
    assert_int_equal(img.hdr.version.major, 1);
    assert_int_equal(img.hdr.version.build, 4);
}

static void the_walk_gives_each_entry_once_and_in_order(void **state)
{
    static const struct td_tlv want[] = {
        { TD_TLV_SEC_CNT, 4, 56, true },
        { TD_TLV_DEPENDENCY, 12, 64, true },
        { TD_TLV_SHA256, 32, 84, false },
    };
    static struct file f;
    struct td_image_dependency dep;
    struct td_tlv_iter it;
    struct td_image img;
    struct td_source src;
    struct td_tlv tlv;
    uint32_t counter;
    bool end;

    (void)state;
    build_sample(&f);
    src = source(&f);
    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    td_tlv_begin(&it, &src, &img);
    for (size_t i = 0; i < TD_N_OF(want); i++) {
        assert_int_equal(td_tlv_next(&it, &tlv, &end), TD_OK);
        assert_false(end);
        assert_int_equal(tlv.type, want[i].type);
        assert_int_equal(tlv.len, want[i].len);
        assert_int_equal(tlv.off, want[i].off);
        assert_int_equal(tlv.is_protected, want[i].is_protected);
        if (tlv.type == TD_TLV_DEPENDENCY)
            assert_int_equal(td_image_dependency(&src, &tlv, &dep), TD_OK);
        else
            assert_int_equal(td_image_dependency(&src, &tlv, &dep), TD_EARG);
    }
    assert_int_equal(td_tlv_next(&it, &tlv, &end), TD_OK);
    assert_true(end);
    assert_int_equal(dep.image, 3);
    assert_int_equal(dep.version.revision, 3);
    assert_int_equal(td_image_counter(&src, &img, &counter), TD_OK);
    assert_int_equal(counter, 0x12345678);
    assert_int_equal(td_tlv_find(&src, &img, TD_TLV_UUID_VID, &tlv), TD_ENOTFOUND);
}

/* The sample with n bytes at off replaced. */
struct wrong {
    const char *says;
    uint32_t off;
    uint8_t bytes[4];
    uint8_t n;
    enum td_err want;
    struct td_image_fault fault;
};

static const struct wrong wrongs[] = {
    { "nothing like an image",
      0,
      { 1, 2, 3, 4 },
      4,
      TD_EIMG_MAGIC,
      { 0, 0, 0x96f3b83d, 0x04030201 } },
    { "erased to ones",
      0,
      { 0xff, 0xff, 0xff, 0xff },
      4,
      TD_EIMG_EMPTY,
      { 0, 0, 0x96f3b83d, 0xffffffff } },
    { "erased to zeros", 0, { 0 }, 4, TD_EIMG_EMPTY, { 0, 0, 0x96f3b83d, 0 } },
    { "version 1's magic", 0, { 0x3c }, 1, TD_EIMG_OLD, { 0, 0, 0x96f3b83d, 0x96f3b83c } },
    { "big-endian",
      0,
      { 0x96, 0xf3, 0xb8, 0x3d },
      4,
      TD_EIMG_MAGIC,
      { 0, 0, 0x96f3b83d, 0x3db8f396 } },
    { "header of 31 bytes", 8, { 31, 0 }, 2, TD_EIMG_HDRSIZE, { 8, 0, 32, 31 } },
    { "header of 0 bytes", 8, { 0, 0 }, 2, TD_EIMG_HDRSIZE, { 8, 0, 32, 0 } },
    { "sizes wrap", 12, { 0xff, 0xff, 0xff, 0xff }, 4, TD_EIMG_OVERFLOW, { 12, 0, 0, 0xffffffff } },
    { "sizes wrap by the protected area alone",
      12,
      { 0xd0, 0xff, 0xff, 0xff },
      4,
      TD_EIMG_OVERFLOW,
      { 12, 0, 0, 0xffffffd0 } },
    { "payload past the file", 12, { 0, 1 }, 2, TD_EIMG_TRUNC, { 288, 0, 292, 120 } },
    { "two ciphers", 16, { 0x0c }, 1, TD_EIMG_FLAGS, { 16, 0, 0, 0x0c } },
    { "two compressions", 16, { 0, 6 }, 2, TD_EIMG_FLAGS, { 16, 0, 0, 0x600 } },
    { "payload one short: no area there", 12, { 15 }, 1, TD_EIMG_NOTLV, { 47, 0, 0x6908, 0x08ff } },
    { "announced area absent", 48, { 0x07 }, 1, TD_EIMG_PROTMISSING, { 48, 0, 28, 0 } },
    { "area not announced", 10, { 0 }, 1, TD_EIMG_PROTEXTRA, { 48, 0, 0, 28 } },
    { "announced size one less", 10, { 27 }, 1, TD_EIMG_PROTSIZE, { 50, 0, 27, 28 } },
    { "announced size one more", 10, { 29 }, 1, TD_EIMG_PROTSIZE, { 50, 0, 29, 28 } },
    { "protected area's total is another", 50, { 60 }, 1, TD_EIMG_PROTSIZE, { 50, 0, 28, 60 } },
    { "no second area", 76, { 0xff }, 1, TD_EIMG_NOTLV, { 76, 0, 0x6907, 0x69ff } },
    { "second protected area", 76, { 0x08 }, 1, TD_EIMG_NOTLV, { 76, 0, 0x6907, 0x6908 } },
    { "area of 3 bytes", 78, { 3 }, 1, TD_EIMG_AREA, { 78, 0, 4, 3 } },
    { "area of 0 bytes", 78, { 0 }, 1, TD_EIMG_AREA, { 78, 0, 4, 0 } },
    { "area past the file", 78, { 45 }, 1, TD_EIMG_TRUNC, { 76, 0, 121, 120 } },
    { "entry past its area", 82, { 33 }, 1, TD_EIMG_ENTRY, { 80, TD_TLV_SHA256, 37, 36 } },
    { "entry's length wraps",
      82,
      { 0xff, 0xff },
      2,
      TD_EIMG_ENTRY,
      { 80, TD_TLV_SHA256, 65539, 36 } },
    { "protected entry reaches into the other area",
      62,
      { 16 },
      1,
      TD_EIMG_ENTRY,
      { 60, TD_TLV_DEPENDENCY, 20, 16 } },
    { "half an entry's head at the end", 78, { 43 }, 1, TD_EIMG_ENTRY, { 116, 0, 4, 3 } },
    { "counter of another length", 54, { 5 }, 1, TD_EIMG_TLVLEN, { 52, TD_TLV_SEC_CNT, 4, 5 } },
    { "hash of another type's length",
      80,
      { 0x11 },
      1,
      TD_EIMG_TLVLEN,
      { 80, TD_TLV_SHA384, 48, 32 } },
    { "hash in the protected area",
      60,
      { 0x10 },
      1,
      TD_EIMG_PROTECTED,
      { 60, TD_TLV_SHA256, 0, 0 } },
    { "key in the protected area",
      60,
      { 0x01 },
      1,
      TD_EIMG_PROTECTED,
      { 60, TD_TLV_KEYHASH, 0, 0 } },
    { "signature in the protected area",
      60,
      { 0x22 },
      1,
      TD_EIMG_PROTECTED,
      { 60, TD_TLV_ECDSA_SIG, 0, 0 } },
    { "dependency in the open area",
      80,
      { 0x40 },
      1,
      TD_EIMG_UNPROTECTED,
      { 80, TD_TLV_DEPENDENCY, 0, 0 } },
    { "counter in the open area",
      80,
      { 0x50 },
      1,
      TD_EIMG_UNPROTECTED,
      { 80, TD_TLV_SEC_CNT, 0, 0 } },
    { "boot record in the open area",
      80,
      { 0x60 },
      1,
      TD_EIMG_UNPROTECTED,
      { 80, TD_TLV_BOOT_RECORD, 0, 0 } },
    { "plain size in the open area",
      80,
      { 0x70 },
      1,
      TD_EIMG_UNPROTECTED,
      { 80, TD_TLV_DECOMP_SIZE, 0, 0 } },
    { "vendor id in the open area",
      80,
      { 0x74 },
      1,
      TD_EIMG_UNPROTECTED,
      { 80, TD_TLV_UUID_VID, 0, 0 } },
    { "vendor type in the open area", 80, { 0xa0 }, 1, TD_EIMG_FORBIDDEN, { 80, 0xa0, 0, 0xa0 } },
    { "unnamed type in the open area", 80, { 0x13 }, 1, TD_EIMG_FORBIDDEN, { 80, 0x13, 0, 0x13 } },
    { "the wildcard in the open area",
      80,
      { 0xff, 0xff },
      2,
      TD_EIMG_FORBIDDEN,
      { 80, 0xffff, 0, 0xffff } },
    { "unnamed type in the protected area", 60, { 0x13 }, 1, TD_OK, { 0, 0, 0, 0 } },
    { "vendor type in the protected area", 60, { 0xa5 }, 1, TD_OK, { 0, 0, 0, 0 } },
    { "flags that only a check refuses", 16, { 0x04 }, 1, TD_OK, { 0, 0, 0, 0 } },
};

static void each_way_to_be_malformed_has_its_error_and_its_facts(void **state)
{
    static struct file f;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(wrongs); i++) {
        const struct wrong *w = &wrongs[i];
        struct td_image_fault fault;
        struct td_image_header hdr;
        struct td_image img;
        struct td_source src;
        enum td_err got;

        build_sample(&f);
        memcpy(f.bytes + w->off, w->bytes, w->n);
        src = source(&f);
        got = td_image_open(&src, UINT32_MAX, &img, &fault);
        if (got != w->want || fault.off != w->fault.off || fault.tlv != w->fault.tlv ||
            fault.wanted != w->fault.wanted || fault.found != w->fault.found)
            fail_msg("%s: %s, off %u tlv 0x%x wanted 0x%x found 0x%x", w->says, td_errname(got),
                     fault.off, fault.tlv, fault.wanted, fault.found);
        if (w->want <= TD_EIMG_MAGIC && w->want >= TD_EIMG_FLAGS)
            assert_int_equal(td_image_header_read(&src, &hdr), w->want);
    }
}

static void unique_types_stand_once_and_others_repeat(void **state)
{
    static const struct {
        uint16_t type;
        uint16_t len;
        bool is_protected;
        enum td_err want;
    } rows[] = {
        { TD_TLV_SEC_CNT, 4, true, TD_EIMG_TLVTWICE },
        { TD_TLV_BOOT_RECORD, 10, true, TD_EIMG_TLVTWICE },
        { TD_TLV_DECOMP_SIZE, 4, true, TD_EIMG_TLVTWICE },
        { TD_TLV_DECOMP_SHA, 32, true, TD_EIMG_TLVTWICE },
        { TD_TLV_DECOMP_SIGNATURE, 70, true, TD_EIMG_TLVTWICE },
        { TD_TLV_COMP_DEC_SIZE, 4, true, TD_EIMG_TLVTWICE },
        { TD_TLV_UUID_VID, 16, true, TD_EIMG_TLVTWICE },
        { TD_TLV_UUID_CID, 16, true, TD_EIMG_TLVTWICE },
        { TD_TLV_SHA256, 32, false, TD_EIMG_TLVTWICE },
        { TD_TLV_SIG_PURE, 1, false, TD_EIMG_TLVTWICE },
        { TD_TLV_ENC_X25519, 80, false, TD_EIMG_TLVTWICE },
        { TD_TLV_DEPENDENCY, 12, true, TD_OK },
        { 0xa0, 3, true, TD_OK },
        { TD_TLV_KEYHASH, 32, false, TD_OK },
        { TD_TLV_ED25519, 64, false, TD_OK },
    };
    static const uint8_t zeros[80];
    static struct file f;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint16_t prot = (uint16_t)(4 + 2 * (4 + rows[i].len));
        const struct td_image_header hdr = { .hdr_size = 32,
                                             .protect_tlv_size = rows[i].is_protected ? prot : 0,
                                             .img_size = 4 };
        struct td_image img;
        struct td_source src;
        struct td_build b;

        td_build_begin(&b, f.bytes, sizeof f.bytes, 36);
        td_build_header(&b, &hdr);
        td_build_area(&b, rows[i].is_protected ? TD_TLV_PROT_MAGIC : TD_TLV_MAGIC);
        td_build_tlv(&b, rows[i].type, zeros, rows[i].len);
        td_build_tlv(&b, rows[i].type, zeros, rows[i].len);
        td_build_close(&b);
        if (rows[i].is_protected) {
            td_build_area(&b, TD_TLV_MAGIC);
            td_build_close(&b);
        }
        assert_int_equal(b.err, TD_OK);
        src = td_source_memory(b.buf, b.len);
        assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), rows[i].want);
    }
}

static void two_hashes_of_different_kinds_are_two_hashes(void **state)
{
    static const uint8_t zeros[64];
    const struct td_image_header hdr = { .hdr_size = 32, .img_size = 4 };
    static struct file f;
    struct td_image img;
    struct td_source src;
    struct td_build b;

    (void)state;
    td_build_begin(&b, f.bytes, sizeof f.bytes, 36);
    td_build_header(&b, &hdr);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, zeros, 32);
    td_build_tlv(&b, TD_TLV_SHA512, zeros, 64);
    td_build_close(&b);
    src = td_source_memory(b.buf, b.len);
    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_EIMG_TLVTWICE);
}

static void every_truncation_is_an_error_and_reads_nothing_past_the_end(void **state)
{
    static struct file f;

    (void)state;
    build_sample(&f);
    for (uint32_t size = 0; size < 116; size++) {
        uint8_t *exact = malloc(size + (size == 0));
        struct td_source src;
        struct td_image img;

        memcpy(exact, f.bytes, size);
        src = td_source_memory(exact, size);
        assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_EIMG_TRUNC);
        free(exact);
    }
}

static void the_limit_is_inclusive(void **state)
{
    static struct file f;
    struct td_image_fault fault;
    struct td_image img;
    struct td_source src;

    (void)state;
    build_sample(&f);
    src = source(&f);
    assert_int_equal(td_image_open(&src, 116, &img, &fault), TD_OK);
    assert_int_equal(td_image_open(&src, 115, &img, &fault), TD_EIMG_SIZE);
    assert_int_equal(fault.wanted, 115);
    assert_int_equal(fault.found, 116);
}

static enum td_err read_fails(const void *ctx, uint32_t off, void *dst, size_t len)
{
    const struct td_source *inner = ctx;

    if (off >= 60)
        return TD_EFLASH;
    return td_source_read(inner, off, dst, len);
}

static void an_error_of_the_source_travels_upward(void **state)
{
    static struct file f;
    struct td_image img;
    struct td_source inner;
    struct td_source src = { read_fails, &inner, 120 };

    (void)state;
    build_sample(&f);
    inner = source(&f);
    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_EFLASH);
}

static void the_builder_remembers_its_first_error(void **state)
{
    static const uint8_t value[8];
    uint8_t buf[60];
    struct td_build b;

    (void)state;
    td_build_begin(&b, buf, sizeof buf, 40);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, 0xa0, value, 8);
    td_build_tlv(&b, 0xa1, value, 8);
    td_build_close(&b);
    assert_int_equal(b.err, TD_ESPACE);
    assert_int_equal(b.len, 56);

    td_build_begin(&b, buf, sizeof buf, 61);
    assert_int_equal(b.err, TD_ESPACE);
    td_build_begin(&b, buf, sizeof buf, 31);
    td_build_header(&b, &(struct td_image_header){ .hdr_size = 32 });
    assert_int_equal(b.err, TD_ESPACE);
    td_build_begin(&b, buf, sizeof buf, 40);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, 0xa0, value, 65536);
    assert_int_equal(b.err, TD_EARG);
}

static void the_builder_gives_the_two_images_of_the_spec(void **state)
{
    static const uint8_t counter[4] = { 3, 0, 2, 1 };
    static const uint8_t custom[2] = { 0xbe, 0xef };
    struct td_image_header hdr = { .hdr_size = 32, .img_size = 4, .version = { 1, 2, 3, 4 } };
    static struct file golden;
    uint8_t buf[128];
    struct td_build b;

    (void)state;
    memcpy(buf + 32, "\1\2\3\4", 4);
    td_build_begin(&b, buf, sizeof buf, 36);
    td_build_header(&b, &hdr);
    td_build_area(&b, TD_TLV_MAGIC);
    build_hash(&b, 36);
    td_build_close(&b);
    load(&golden, "minimal.img");
    assert_int_equal(b.len, golden.size);
    assert_memory_equal(buf, golden.bytes, b.len);

    hdr.protect_tlv_size = 18;
    td_build_begin(&b, buf, sizeof buf, 36);
    td_build_header(&b, &hdr);
    td_build_area(&b, TD_TLV_PROT_MAGIC);
    td_build_tlv(&b, TD_TLV_SEC_CNT, counter, sizeof counter);
    td_build_tlv(&b, 0xa0, custom, sizeof custom);
    td_build_close(&b);
    td_build_area(&b, TD_TLV_MAGIC);
    build_hash(&b, 36 + 18);
    td_build_close(&b);
    load(&golden, "custom.img");
    assert_int_equal(b.len, golden.size);
    assert_memory_equal(buf, golden.bytes, b.len);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(td_tlv_name(TD_TLV_SHA256), "SHA256");
    assert_string_equal(td_tlv_name(TD_TLV_ECDSA_SIG), "ECDSASIG");
    assert_string_equal(td_tlv_name(0xa0), "VENDOR");
    assert_string_equal(td_tlv_name(0xfffe), "VENDOR");
    assert_string_equal(td_tlv_name(0xffff), "UNKNOWN");
    assert_string_equal(td_tlv_name(0x9f), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_well_formed_image_opens),
        cmocka_unit_test(the_walk_gives_each_entry_once_and_in_order),
        cmocka_unit_test(each_way_to_be_malformed_has_its_error_and_its_facts),
        cmocka_unit_test(unique_types_stand_once_and_others_repeat),
        cmocka_unit_test(two_hashes_of_different_kinds_are_two_hashes),
        cmocka_unit_test(every_truncation_is_an_error_and_reads_nothing_past_the_end),
        cmocka_unit_test(the_limit_is_inclusive),
        cmocka_unit_test(an_error_of_the_source_travels_upward),
        cmocka_unit_test(the_builder_remembers_its_first_error),
        cmocka_unit_test(the_builder_gives_the_two_images_of_the_spec),
        cmocka_unit_test(types_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
