/* The report: printed letter for letter, and read as people paste it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "layout/report.h"
#include "layout/rows.h"
#include "layout/sample_test.h"

/* What the original's script prints of SAMPLE_TWO, colours left out. */
static const char two_stages[] = "  flash_primary (0x80000 - 512kB): \n"
                                 "+--------------------------------------------------+\n"
                                 "+---0x0: b0_container (0x8000 - 32kB)--------------+\n"
                                 "| 0x0: b0 (0x7000 - 28kB)                          |\n"
                                 "| 0x7000: provision (0x1000 - 4kB)                 |\n"
                                 "+---0x8000: s0 (0xc000 - 48kB)---------------------+\n"
                                 "| 0x8000: s0_pad (0x200 - 512B)                    |\n"
                                 "+---0x8200: s0_image (0xbe00 - 47kB)---------------+\n"
                                 "| 0x8200: mcuboot (0xbe00 - 47kB)                  |\n"
                                 "+---0x14000: s1 (0xc000 - 48kB)--------------------+\n"
                                 "| 0x14000: s1_pad (0x200 - 512B)                   |\n"
                                 "| 0x14200: s1_image (0xbe00 - 47kB)                |\n"
                                 "+---0x20000: mcuboot_primary (0x2f000 - 188kB)-----+\n"
                                 "| 0x20000: mcuboot_pad (0x200 - 512B)              |\n"
                                 "+---0x20200: app_image (0x2ee00 - 187kB)-----------+\n"
                                 "+---0x20200: mcuboot_primary_app (0x2ee00 - 187kB)-+\n"
                                 "| 0x20200: app (0x2ee00 - 187kB)                   |\n"
                                 "+--------------------------------------------------+\n"
                                 "| 0x4f000: mcuboot_secondary (0x2f000 - 188kB)     |\n"
                                 "| 0x7e000: settings_storage (0x2000 - 8kB)         |\n"
                                 "+--------------------------------------------------+\n"
                                 "\n";

static const char network[] = " CPUNET flash_primary (0x40000 - 256kB): \n"
                              "+--------------------------------------------+\n"
                              "+---0x1000000: b0n_container (0x8800 - 34kB)-+\n"
                              "| 0x1000000: b0n (0x8580 - 33kB)             |\n"
                              "| 0x1008580: provision (0x280 - 640B)        |\n"
                              "+---0x1008800: app (0x37800 - 222kB)---------+\n"
                              "| 0x1008800: hci_ipc (0x37800 - 222kB)       |\n"
                              "+--------------------------------------------+\n"
                              "\n";

static const struct td_report_style plain = { false, "", "", "" };

static char *printed(const struct td_layout *layout, const struct td_report_style *style)
{
    struct td_text out = { .len = 0 };

    td_report_print(layout, style, &out);
    assert_false(out.failed);
    return out.at;
}

static void the_look_is_the_originals(void **state)
{
    struct td_layout *layout = sample_with(SAMPLE_TWO, NULL);
    char *text = printed(layout, &plain);

    (void)state;
    assert_string_equal(text, two_stages);
    free(text);
    layout->n = 0;
    sample_add(layout, "CPUNET", SAMPLE_NET);
    text = printed(layout, &plain);
    assert_string_equal(text, network);
    free(text);
    td_layout_free(layout);
}

static void domains_and_regions_have_frames_of_their_own(void **state)
{
    struct td_layout *layout = sample_with(SAMPLE_53, NULL);
    char *text, *at;
    static const char *const headers[] = { "  external_flash (0x11c000 - 1136kB): \n",
                                           "  flash_primary (0x100000 - 1024kB): \n",
                                           "  otp (0x2fc - 764B): \n",
                                           "  ram_flash (0x40000 - 256kB): \n",
                                           "  sram_primary (0x80000 - 512kB): \n",
                                           " CPUNET flash_primary (0x40000 - 256kB): \n" };

    (void)state;
    sample_add(layout, "CPUNET", SAMPLE_NET);
    text = at = printed(layout, &plain);
    for (size_t i = 0; i < TD_N_OF(headers); i++) {
        at = strstr(at, headers[i]);
        if (at == NULL)
            fail_msg("no %s", headers[i]);
    }
    free(text);
    td_layout_free(layout);
}

static void exact_sizes_are_not_cut_off(void **state)
{
    static const struct {
        uint64_t size;
        const char *cut, *exact;
    } rows[] = {
        { 0, "0B", "0B" },
        { 1023, "1023B", "1023B" },
        { 1024, "1kB", "1kB" },
        { 0xbe00, "47kB", "47.5kB" },
        { 0x8580, "33kB", "33.37kB" },
        { 0x100000000, "4194304kB", "4194304kB" },
    };
    char text[24];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        td_report_size(rows[i].size, false, text);
        assert_string_equal(text, rows[i].cut);
        td_report_size(rows[i].size, true, text);
        assert_string_equal(text, rows[i].exact);
    }
}

static void remarks_name_what_the_look_hides(void **state)
{
    struct td_layout *layout = sample_with(SAMPLE_TWO, NULL);
    struct td_layout_env env = { .soc = NULL };
    struct td_text out = { .len = 0 };

    (void)state;
    td_report_remarks(layout, td_soc_by_name("nrf52833"), &env, &out);
    assert_non_null(strstr(out.at, "mcuboot is 47.5kB"));
    assert_null(strstr(out.at, "from the first partition"));
    free(out.at);
    out = (struct td_text){ .len = 0 };
    td_report_remarks(layout, td_soc_by_name("nrf52840"), &env, &out);
    assert_non_null(strstr(out.at, "0x80000 is from the first partition to the last"));
    assert_non_null(strstr(out.at, "nRF52840 has 0x100000"));
    free(out.at);
    out = (struct td_text){ .len = 0 };
    layout->n = 1; // b0 alone: nothing is cut off
    td_report_remarks(layout, NULL, &env, &out);
    assert_int_equal(out.len, 0);
    td_layout_free(layout);
}

static void a_sector_that_nobody_named_is_called_assumed(void **state)
{
    static const struct {
        const char *device;
        uint32_t said;
        const char *remark;
    } rows[] = {
        { "", 0, "sectors of 0x1000, as far as is assumed" },
        { "flash@0", 0, "sectors of 0x1000, as far as is assumed" },
        { "MX25R64", 0, "sectors of 0x1000.\n" },
        { "", 0x10000, "sectors of 0x10000.\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct td_layout *layout =
            sample_with("data: {address: 0, size: 0x20000, region: external_flash}\n", NULL);
        const struct td_layout_env env = { .external_sector = rows[i].said };
        struct td_text out = { .len = 0 };

        (void)snprintf(layout->at[0].device, sizeof layout->at[0].device, "%s", rows[i].device);
        td_report_remarks(layout, NULL, &env, &out);
        if (strstr(out.at, rows[i].remark) == NULL)
            fail_msg("row %zu: %s", i, out.at);
        free(out.at);
        td_layout_free(layout);
    }
}

/* ---- reading --------------------------------------------------------------------------- */

static void a_report_reads_back_as_it_was_printed(void **state)
{
    static const char *const dresses[] = { "", "    ", "[00:00:01.250] INFO: ", "> ", "-- ", "\t" };
    static const struct td_report_style coloured = { false, "\033[94m", "\033[93m", "\033[0m" };
    struct td_layout *layout = sample_with(SAMPLE_53, NULL);
    struct td_layout *again = td_layout_new();
    char *want, *text;

    (void)state;
    sample_add(layout, "CPUNET", SAMPLE_NET);
    want = printed(layout, &plain);
    for (size_t i = 0; i < 2 * TD_N_OF(dresses); i++) {
        struct td_layout_fault fault;
        enum td_layout_kind kind;
        char dressed[16384] = "";
        char *got;

        text = printed(layout, i % 2 ? &coloured : &plain);
        for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            strcat(dressed, dresses[i / 2]);
            strcat(dressed, line);
            strcat(dressed, i % 3 ? "\n" : "\r\n");
        }
        free(text);
        again->n = 0;
        if (td_layout_read(dressed, strlen(dressed), "log.txt", again, &kind, &fault) != TD_OK)
            fail_msg("%s", dressed);
        assert_int_equal(kind, TD_LAYOUT_REPORT);
        got = printed(again, &plain);
        assert_string_equal(got, want);
        free(got);
    }
    free(want);
    td_layout_free(again);
    td_layout_free(layout);
}

static void rows_are_told_from_what_looks_like_one(void **state)
{
    static const struct {
        const char *line;
        enum td_row want;
        const char *name; /* of a partition; region of a header */
    } rows[] = {
        { "| 0x0: mcuboot (0xc000 - 48kB)     |", TD_ROW_PART, "mcuboot" },
        { "| 0x0: mcuboot (0xc000)     |", TD_ROW_PART, "mcuboot" }, // before sizes in words
        { "| 0x0: mcuboot (0xc000 - 48.0kB) |", TD_ROW_PART, "mcuboot" },
        { "0x0: mcuboot (0xc000 - 48kB)", TD_ROW_PART, "mcuboot" }, // the frame got lost
        { "0x0: mcuboot (0xc000)", TD_ROW_NONE, "" },
        { "at 0x0: read error (0x5 - bad)", TD_ROW_NONE, "" },
        { "| 0x123456789: a (0x1 - 1B) |", TD_ROW_NONE, "" }, // beyond 32 bits
        { "| 0xfffff000: a (0x1001 - 4kB) |", TD_ROW_NONE, "" },
        { "| 0x: a (0x1 - 1B) |", TD_ROW_NONE, "" },
        { "| 0x0 a (0x1 - 1B) |", TD_ROW_NONE, "" },
        { "| 0x0: (0x1 - 1B) |", TD_ROW_NONE, "" },
        { "+---------+", TD_ROW_FRAME, "" },
        { "+--+", TD_ROW_NONE, "" },
        { "  flash_primary (0x80000 - 512kB): ", TD_ROW_HEADER, "flash_primary" },
        { "app (0x100000 - 1024kB):", TD_ROW_HEADER, "flash_primary" }, // old: the domain alone
        { "flash_primary (0x80000 - 512kB) is full", TD_ROW_NONE, "" },
        { "returned (0x5): bad", TD_ROW_NONE, "" },
        { "", TD_ROW_NONE, "" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_partition part = { .name = "" };
        enum td_row got = td_row_read(rows[i].line, strlen(rows[i].line), &part);

        if (got != rows[i].want)
            fail_msg("%s: %d", rows[i].line, got);
        if (got == TD_ROW_PART)
            assert_string_equal(part.name, rows[i].name);
        if (got == TD_ROW_HEADER)
            assert_string_equal(part.region, rows[i].name);
    }
}

struct seen {
    unsigned n;
    struct td_layout last[4];
    enum td_layout_kind kinds[4];
    uint32_t lines[4];
};

static void keep(void *ctx, enum td_layout_kind kind, const struct td_layout *layout, uint32_t line)
{
    struct seen *seen = ctx;

    if (seen->n < 4) {
        seen->last[seen->n] = *layout;
        seen->kinds[seen->n] = kind;
        seen->lines[seen->n] = line;
    }
    seen->n++;
}

static struct seen *scanned(const char *text)
{
    struct seen *seen = calloc(1, sizeof *seen);
    const struct td_layout_scan_hooks hooks = { keep, seen };
    struct td_layout_scan *scan = td_layout_scan_new(&hooks);
    uint32_t line = 1;

    assert_non_null(seen);
    assert_non_null(scan);
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        td_layout_scan_line(scan, line++, text, n);
        text += n + (text[n] == '\n');
    }
    td_layout_scan_end(scan);
    td_layout_scan_free(scan);
    return seen;
}

static void a_second_report_begins_another_layout(void **state)
{
    struct seen *seen = scanned("before:\n"
                                "  flash_primary (0x2000 - 8kB): \n"
                                "| 0x0: mcuboot (0x1000 - 4kB)  |\n"
                                "| 0x1000: app (0x1000 - 4kB)   |\n"
                                "and the other image's:\n"
                                "  flash_primary (0x3000 - 12kB): \n"
                                "| 0x0: mcuboot (0x1000 - 4kB)  |\n"
                                "| 0x1000: app (0x2000 - 8kB)   |\n"
                                "| 0x0: mcuboot (0x1000 - 4kB)  |\n");

    (void)state;
    assert_int_equal(seen->n, 3); // the third lost its header
    assert_int_equal(seen->last[0].n, 2);
    assert_int_equal(seen->lines[0], 3);
    assert_int_equal(seen->last[1].at[1].size, 0x2000);
    assert_int_equal(seen->last[1].at[1].line, 8);
    assert_int_equal(seen->last[2].n, 1);
    free(seen);
}

static void yaml_is_found_in_a_post_however_it_is_indented(void **state)
{
    static const char *const posts[] = {
        "My pm_static.yml is this one:\n\n"
        "mcuboot:\n  address: 0x0\n  size: 0xc000\n  region: flash_primary\n"
        "mcuboot_primary:\n  address: 0xc000\n  orig_span: &id001\n  - app\n  - mcuboot_pad\n"
        "  size: 0x39000\n  span: *id001\n\nThanks for any help: it drives me mad.\n",
        "My pm_static.yml is this one:\n\n"
        "    mcuboot:\n      address: 0x0\n      size: 0xc000\n      region: flash_primary\n"
        "    mcuboot_primary:\n      address: 0xc000\n      span: [app, mcuboot_pad]\n"
        "      placement:\n        after:\n        - mcuboot\n      size: 0x39000\n\nThanks.\n",
        "It got flat:\n"
        "mcuboot:\naddress: 0x0\nsize: 0xc000\nregion: flash_primary\n"
        "mcuboot_primary:\naddress: 0xc000\nspan:\n- app\n- mcuboot_pad\nsize: 0x39000\nbye\n",
        "> mcuboot: {address: 0x0, size: 0xc000, region: flash_primary}\n"
        "> mcuboot_primary:\n>   address: 0xc000\n>   size: 0x39000\n>   span: [app, "
        "mcuboot_pad]\n",
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(posts); i++) {
        struct seen *seen = scanned(posts[i]);

        if (seen->n != 1)
            fail_msg("%u layouts in: %s", seen->n, posts[i]);
        assert_int_equal(seen->kinds[0], TD_LAYOUT_YAML);
        assert_int_equal(seen->last[0].n, 2);
        assert_string_equal(seen->last[0].at[1].name, "mcuboot_primary");
        assert_int_equal(seen->last[0].at[1].size, 0x39000);
        assert_int_equal(seen->last[0].at[1].n_span, 2);
        assert_true(seen->last[0].at[1].line > seen->last[0].at[0].line);
        free(seen);
    }
}

static void devicetree_is_read_from_a_build_and_from_an_overlay(void **state)
{
    static const char build[] = "/dts-v1/;\n"
                                "/ {\n"
                                "\tsoc {\n"
                                "\t\tflash_controller: flash-controller@4001e000 {\n"
                                "\t\t\tflash0: flash@0 {\n"
                                "\t\t\t\treg = < 0x0 0x80000 >; /* in x.dtsi:5 */\n"
                                "\t\t\t\tpartitions {\n"
                                "\t\t\t\t\tboot_partition: partition@0 {\n"
                                "\t\t\t\t\t\tlabel = \"mcuboot\";\n"
                                "\t\t\t\t\t\treg = < 0x0 0xc000 >;\n"
                                "\t\t\t\t\t};\n"
                                "\t\t\t\t\t/* node '/soc/x' defined in y.dts:7 */\n"
                                "\t\t\t\t\tslot0_partition: slot_ns: partition@c000 {\n"
                                "\t\t\t\t\t\treg = < 0xc000 0x37000 >;\n"
                                "\t\t\t\t\t};\n"
                                "\t\t\t\t};\n"
                                "\t\t\t};\n"
                                "\t\t};\n"
                                "\t\tspi3: spi@4002f000 {\n"
                                "\t\t\tmx25r64: mx25r6435f@0 {\n"
                                "\t\t\t\tpartitions {\n"
                                "\t\t\t\t\tslot1_partition: partition@0 {\n"
                                "\t\t\t\t\t\treg = <0x0 DT_SIZE_K(220)>;\n"
                                "\t\t\t\t\t};\n"
                                "\t\t\t\t};\n"
                                "\t\t\t};\n"
                                "\t\t};\n"
                                "\t};\n"
                                "};\n";
    struct seen *seen = scanned(build);
    const struct td_partition *p = seen->last[0].at;

    (void)state;
    assert_int_equal(seen->n, 1);
    assert_int_equal(seen->kinds[0], TD_LAYOUT_DTS);
    assert_int_equal(seen->last[0].n, 3);
    assert_string_equal(p[0].name, "boot_partition");
    assert_int_equal(p[0].size, 0xc000);
    assert_int_equal(p[0].line, 8);
    assert_string_equal(p[1].name, "slot0_partition");
    assert_int_equal(p[1].addr, 0xc000);
    assert_string_equal(p[1].region, "flash_primary");
    assert_string_equal(p[2].region, "external_flash");
    assert_int_equal(p[2].size, 220 * 1024);
    free(seen);

    seen = scanned("My overlay, for the network core:\n"
                   "&flash1 {\n"
                   "    partitions {\n"
                   "        slot0_partition: partition@c000 {\n"
                   "            reg = <0x0000c000 49152>;\n"
                   "        };\n"
                   "    };\n"
                   "};\n"
                   "and for the other:\n"
                   "&slot1_partition {\n"
                   "    reg = <0x80000 0x70000>;\n"
                   "};\n"
                   "int main(void) {\n}\n");
    assert_int_equal(seen->n, 1);
    assert_int_equal(seen->last[0].n, 2);
    assert_string_equal(seen->last[0].at[0].domain, "CPUNET");
    assert_int_equal(seen->last[0].at[0].addr, 0x0100c000);
    assert_string_equal(seen->last[0].at[1].name, "slot1_partition");
    assert_int_equal(seen->last[0].at[1].addr, 0x80000);
    free(seen);
}

static void other_text_holds_no_layout(void **state)
{
    static const char *const texts[] = {
        "CONFIG_BT=y\nCONFIG_MCUMGR=y\n",
        "note:\n  size: large\n  address: unknown\n",
        "size: 5\naddress: 7\n",
        "key: value\nother:\n- a\n- b\n",
        "+----+----+\n| a  | b  |\n+----+----+\n",
        "[00:00:00.250,000] <inf> app: mapped 0x0: ok\n",
        "partition@0 {\n};\n",
        "partition@0 {\nreg = <0xffffffff 0xffffffff>;\n};\n",
        "partition@0 {\nreg = <0x0>;\n};\n}\n}\n",
        "partition@0 {\nreg = <0x0 DT_SIZE_K(>;\n};\n",
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(texts); i++) {
        struct seen *seen = scanned(texts[i]);

        if (seen->n != 0)
            fail_msg("a layout in: %s", texts[i]);
        free(seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_look_is_the_originals),
        cmocka_unit_test(domains_and_regions_have_frames_of_their_own),
        cmocka_unit_test(exact_sizes_are_not_cut_off),
        cmocka_unit_test(remarks_name_what_the_look_hides),
        cmocka_unit_test(a_sector_that_nobody_named_is_called_assumed),
        cmocka_unit_test(a_report_reads_back_as_it_was_printed),
        cmocka_unit_test(rows_are_told_from_what_looks_like_one),
        cmocka_unit_test(a_second_report_begins_another_layout),
        cmocka_unit_test(yaml_is_found_in_a_post_however_it_is_indented),
        cmocka_unit_test(devicetree_is_read_from_a_build_and_from_an_overlay),
        cmocka_unit_test(other_text_holds_no_layout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
