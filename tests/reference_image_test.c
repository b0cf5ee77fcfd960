/* Sections 1 and 2: what makes a header, and TLV areas, of an image that may run. */
#include "reference.h"

static struct ref_device dev;

/* One field of the header of a sound image, changed; the hash is made after that. */
static const struct header_row {
    const char *section;
    uint32_t off, len, value;
    bool runs;
} rows[] = {
    { "1 as it is", 0x1c, 4, 0, true },
    { "1 the dead magic", 0, 4, 0x96f3b83c, false },
    { "1 another magic", 0, 4, 0x96f3b83f, false },
    { "1 load_addr says nothing here", 4, 4, 0xdeadbeef, true },
    { "1 _pad1 is ignored", 0x1c, 4, 0xffffffff, true },
    { "1 img_size overflows", 0x0c, 4, 0xfffffff0, false },
    { "1 img_size is the slot's", 0x0c, 4, 8192 - 32, false },
    { "1 one byte too few", 0x0c, 4, 527, false },
    { "1 hdr_size reaches past all", 0x08, 2, 0xffff, false },
    { "1 mended: hdr_size below 32", 0x08, 2, 31, false },
    { "2.1 no protected area, and one is announced", 0x0a, 2, 8, false },
    { "1 PIC", 0x10, 4, 0x0001, true },
    { "1 encrypted, not compiled in", 0x10, 4, 0x0004, false },
    { "1 both AES bits", 0x10, 4, 0x000c, false },
    { "1 RAM_LOAD is ignored elsewhere", 0x10, 4, 0x0020, true },
    { "1 ROM_FIXED is direct-XIP's", 0x10, 4, 0x0100, true },
    { "1 compressed, LZMA1", 0x10, 4, 0x0200, false },
    { "1 compressed, LZMA2", 0x10, 4, 0x0400, false },
    { "1 LZMA1 and LZMA2", 0x10, 4, 0x0600, false },
    { "1 ARM-Thumb filter", 0x10, 4, 0x0800, false },
};

static void a_header_is_taken_as_section_1_says(void **state)
{
    uint8_t file[600], digest[32];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ref_make(&dev, &td_strategy_move, &ref_usual);
        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1 });
        memcpy(file, sim_nor_peek(&dev.nor, 0), sizeof file);
        if (rows[i].len == 4)
            td_store_le32(file + rows[i].off, rows[i].value);
        else
            td_store_le16(file + rows[i].off, (uint16_t)rows[i].value);
        td_hash_of(&td_sha256, file, sizeof file - REF_TLVS, digest);
        memcpy(file + sizeof file - 32, digest, 32);
        sim_nor_program(&dev.nor, 0, file, sizeof file);
        if ((ref_runs(&dev) != 0) != rows[i].runs)
            fail_msg("%s: verdict %u", rows[i].section, dev.result.verdicts[0].code);
    }
}

/* 2.6: as imgtool writes them. */
static const char *const golden[] = {
    "3db8f396000000002000000004000000000000000102030004000000000000000102030407692800"
    "10002000718c632bdbfa420293e8d0a55e9c259ba3e8bf8bbd239ccf24bd2ddb0e91c082",
    "3db8f396000000002000120004000000000000000102030004000000000000000102030408691200"
    "5000040003000201a0000200beef0769280010002000e28e7fa6572086a6547206a1469e56666730"
    "182e6024f81e1d5234d8aa2b86c3",
};

static uint32_t from_hex(const char *hex, uint8_t *out)
{
    uint32_t n = 0;
    unsigned byte;

    for (; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

/* Every bit of the file counts: header, pad and payload, both areas. */
static void the_golden_images_of_2_6_run_and_none_with_another_bit(void **state)
{
    uint8_t file[128];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t len = from_hex(golden[i], file);

        assert_int_equal(len, i == 0 ? 76 : 94);
        ref_make(&dev, &td_strategy_move, &ref_usual);
        sim_nor_program(&dev.nor, 0, file, len);
        assert_int_equal(ref_runs(&dev), 1);
        assert_int_equal(dev.result.hdr.version.build, 4);
        for (uint32_t bit = 0; bit < len * 8; bit++) {
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            sim_nor_program(&dev.nor, 0, file, len);
            if (ref_runs(&dev) != 0)
                fail_msg("image %u, bit %u of byte %u", i, bit % 8, bit / 8);
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static int clean_up(void **state)
{
    (void)state;
    ref_free(&dev);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_taken_as_section_1_says),
        cmocka_unit_test(the_golden_images_of_2_6_run_and_none_with_another_bit),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
