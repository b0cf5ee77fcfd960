/* What a profile's reader takes, and how it says what it does not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"
#include "tools/profile.h"

static void the_built_in_profiles_are_known_by_name(void **state)
{
    static const struct {
        const char *name;
        enum sim_manner boot, server;
        enum td_strategy_id strategy;
        uint16_t groups;
        uint16_t buf_size;
        bool has_log;
    } rows[] = {
        { "tandem-nrf52833", SIM_BEHAVES_TANDEM, SIM_BEHAVES_TANDEM, TD_MODE_MOVE,
          SIM_GROUP_OS | SIM_GROUP_IMAGE | SIM_GROUP_BASIC | SIM_GROUP_TANDEM, 2048, true },
        { "krepet-nrf52833", SIM_BEHAVES_MCUBOOT, SIM_BEHAVES_ZEPHYR_3_3, TD_MODE_MOVE,
          SIM_GROUP_OS | SIM_GROUP_IMAGE, 2475, false },
        { "overwrite-only", SIM_BEHAVES_TANDEM, SIM_BEHAVES_TANDEM, TD_MODE_OVERWRITE,
          SIM_GROUP_OS | SIM_GROUP_IMAGE | SIM_GROUP_BASIC | SIM_GROUP_TANDEM, 2048, true },
    };
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (!td_profile_load(rows[i].name, &p, &fault))
            fail_msg("%s: %s (%s)", rows[i].name, fault.what, fault.where);
        assert_string_equal(p.name, rows[i].name);
        assert_int_equal(p.boot.manner, rows[i].boot);
        assert_int_equal(p.server.manner, rows[i].server);
        assert_int_equal(sim_way_mode(p.boot.way), rows[i].strategy);
        assert_int_equal(p.server.groups, rows[i].groups);
        assert_int_equal(p.server.buf_size, rows[i].buf_size);
        assert_int_equal(p.server.buf_count, 4);
        assert_int_equal(p.part[SIM_PART_BOOT_LOG].size != 0, rows[i].has_log);
        assert_int_equal(p.part[SIM_PART_PRIMARY].size, 0x38000);
        assert_int_equal(p.part[SIM_PART_SECONDARY].size, 0x38000);
        assert_int_equal(p.flash[0].budget, 2);
        assert_int_equal(p.boot.max_sectors, 56);
        assert_int_equal(p.boot.sig, TD_SIG_ECDSA_P256);
        assert_int_equal(p.boot.n_keys, 1);
        assert_int_equal(p.boot.key[0].len, 91);
    }
}

static void a_name_that_is_unknown_is_answered_with_those_that_are_not(void **state)
{
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    assert_false(td_profile_load("tandem-nrf52840", &p, &fault));
    assert_non_null(strstr(fault.what, "tandem-nrf52840"));
    assert_non_null(strstr(fault.remedy, "tandem-nrf52833"));
    assert_non_null(strstr(fault.remedy, "overwrite-only"));
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    assert_false(td_profile_load("./nowhere/at-all.yml", &p, &fault));
    assert_string_equal(fault.where, "./nowhere/at-all.yml");
}

static const char good[] = "name: x\n"                                           /* 1 */
                           "flash:\n"                                            /* 2 */
                           "  - name: a\n"                                       /* 3 */
                           "    size: 0x10000\n"                                 /* 4 */
                           "    sectors: [ { count: 16, size: 4096 } ]\n"        /* 5 */
                           "    write_size: 4\n"                                 /* 6 */
                           "partitions:\n"                                       /* 7 */
                           "  primary: { flash: a, offset: 0, size: 0x4000 }\n"  /* 8 */
                           "  secondary: { offset: 0x4000, size: 0x4000 }\n"     /* 9 */
                           "  boot_log: { offset: 0x8000, size: 0x2000 }\n"      /* 10 */
                           "boot: { strategy: swap-move, signature: none }\n"    /* 11 */
                           "server: { groups: [ os, image ], buf_size: 400 }\n"; /* 12 */

static void what_may_be_left_out_has_a_default(void **state)
{
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    if (!td_profile_parse(good, sizeof good - 1, "x.yml", &p, &fault))
        fail_msg("%s %s", fault.where, fault.what);
    assert_int_equal(p.flash[0].erased, 0xff);
    assert_int_equal(p.flash[0].budget, 1);
    assert_int_equal(p.boot.max_align, 8);
    assert_int_equal(p.boot.max_sectors, 4);
    assert_int_equal(p.server.buf_count, 4);
    assert_int_equal(p.watchdog_ms, 0);
    assert_int_equal(p.server.access, SIM_ACCESS_RULES); // the safe ones
    assert_int_equal(p.server.n_rules, 0);
}

/* text with its first old replaced; what is not there makes the test fail. */
static size_t with(char *out, size_t cap, const char *old, const char *new)
{
    const char *at = strstr(good, old);

    assert_non_null(at);
    return (size_t)snprintf(out, cap, "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
}

static void each_mistake_is_shown_with_its_line_and_what_is_allowed(void **state)
{
    static const struct {
        const char *old, *new, *where, *what, *remedy;
    } rows[] = {
        { "name: x", "nam: x", "x.yml:1", "unknown key 'nam'", "name, board, flash" },
        { "name: x", "name: x\nname: y", "x.yml:2", "twice", "" },
        { "    write_size: 4\n", "", "x.yml:3", "'write_size' is missing", "" },
        { "write_size: 4", "write_size: four", "x.yml:6", "number", "1 to 32" },
        { "write_size: 4", "write_size: 40", "x.yml:6", "out of range", "1 to 32" },
        { "write_size: 4", "write_size: 3", "x.yml:1", "write size 3", "" },
        { "write_size: 4", "write_size: 4\n    erased: 7", "x.yml:3", "erased", "0xff" },
        { "write_size: 4", "write_size: 4\n    torn_word: maybe", "x.yml:7", "torn_word",
          "unstable, read-error" },
        { "size: 4096 }", "size: 4096 ", "x.yml:", "not YAML", "" },
        { "count: 16", "count: 15", "x.yml:1", "its sectors make", "" },
        { "flash: a", "flash: b", "x.yml:8", "does not exist", "" },
        { "0, size: 0x4000", "0, size: 0x4100", "x.yml:8", "inside a sector", "" },
        { "0x4000, size: 0x4000", "0x3000, size: 0x4000", "x.yml:9", "overlaps partition primary",
          "" },
        { "0x8000, size: 0x2000", "0x8000, size: 0x9000", "x.yml:10", "past the end", "" },
        { "0x8000, size: 0x2000", "0x8000, size: 0x1000", "x.yml:10", "two sectors", "" },
        { "swap-move", "swap-all", "x.yml:11", "swap-all", "swap-move, overwrite" },
        { "  secondary: { offset: 0x4000, size: 0x4000 }\n", "", "x.yml:1",
          "swap-move needs a partition secondary", "" },
        { "boot_log:", "scratch:", "x.yml:10", "of no use without swap-scratch", "" },
        { "boot_log:", "primary_1:", "x.yml:1", "second image needs a partition secondary_1", "" },
        { "boot_log:", "counters:", "x.yml:10", "of no use without security_counters", "" },
        { "none", "none, security_counters: true", "x.yml:1", "a partition counters", "" },
        { "none", "none, ram: { address: 0, size: 0x1000 }", "x.yml:1", "leave ram out", "" },
        { "server:", "recovery: { entry: [] }\nserver:", "x.yml:1", "nothing enters it", "" },
        { "server:", "recovery: { entry: [ button ] }\nserver:", "x.yml:12", "'button'",
          "pin, boot-mode, no-image" },
        { "boot_log:", "s1:", "x.yml:10", "of no use without first_stage", "" },
        { "server:", "first_stage: { soc: 53, keys: [] }\nserver:", "x.yml:1",
          "first_stage needs a partition s0", "" },
        { "server:", "first_stage: { soc: 53, keys: [ no.pem ] }\nserver:", "x.yml:12", "no.pem",
          "ecdsa-p256" },
        { "boot_log:", "netcore_good:", "x.yml:10", "of no use without network_core", "" },
        { "server:", "network_core: { command: 0x20000000 }\nserver:", "x.yml:1",
          "needs a partition secondary_1", "" },
        { "none", "ecdsa-p256", "x.yml:11", "no keys", "keys:" },
        { "none", "none, keys: [ missing.pem ]", "x.yml:11", "missing.pem", "PEM" },
        { "none", "none, keys_needed: 1", "x.yml:1", "keys_needed is 1", "" },
        { "swap-move, signature: none",
          "direct-xip, signature: none, encryption_key: " TD_ROOT "/tests/golden/keys/x25519.pem",
          "x.yml:1", "direct-xip runs images where they lie", "" },
        { "none", "none, image_hash: md5", "x.yml:11", "'md5'", "sha256, sha384, sha512" },
        { "none", "none, encryption_key: missing.pem", "x.yml:11", "missing.pem", "x25519" },
        { "none", "none, encryption_hmac: sha1", "x.yml:11", "'sha1'", "sha512" },
        { "none", "none, encryption_hmac: sha512", "x.yml:1", "of x25519", "" },
        { "none", "none, max_sectors: 3", "x.yml:8", "has 4 sectors", "" },
        { "none", "none, max_align: 12", "x.yml:1", "max_align", "" },
        { "os, image", "os, shall", "x.yml:12", "'shall'",
          "os, image, stat, settings, fs, shell, enum, basic, tandem" },
        { "buf_size: 400", "access: locket", "x.yml:12", "'locket'", "open, locked" },
        { "buf_size: 400", "access: { images: open }", "x.yml:12", "'images'", "os, image, stat" },
        { "buf_size: 400", "access: { fs: read }", "x.yml:12", "'read'",
          "open, encrypted, authenticated, never" },
        { "buf_size: 400", "access: { fs: { write: no } }", "x.yml:12", "'no'", "open, encrypted" },
        { "buf_size: 400", "access: { fs: { run: open } }", "x.yml:12", "'run'", "read, write" },
        { "buf_size: 400", "access: { fs: open, fs: never }", "x.yml:12", "twice", "" },
        { "buf_size: 400",
          "access: { os: open, image: open, stat: open, settings: open, fs: open, shell: open, "
          "enum: open, basic: open, tandem: open, os: never }",
          "x.yml:12", "'os' stands there twice", "" },
        { "buf_size: 400", "params: maybe", "x.yml:12", "'maybe'", "true, false" },
        { "[ os, image ]", "os", "x.yml:12", "list", "" },
        { "buf_size: 400", "buf_size: 40", "x.yml:12", "out of range", "64 to 16384" },
        { "buf_size: 400", "behaves_as: nordic", "x.yml:12", "nordic", "zephyr-3.3" },
        { "server:", "application: { confirms: never }\nserver:", "x.yml:12", "never",
          "when-told" },
    };
    char text[1024];
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t len = with(text, sizeof text, rows[i].old, rows[i].new);

        memset(&fault, 0, sizeof fault);
        if (td_profile_parse(text, len, "x.yml", &p, &fault))
            fail_msg("taken: %s", rows[i].new);
        if (strncmp(fault.where, rows[i].where, strlen(rows[i].where)) != 0 ||
            strstr(fault.what, rows[i].what) == NULL ||
            strstr(fault.remedy, rows[i].remedy) == NULL)
            fail_msg("%s: at %s: %s (%s)", rows[i].new, fault.where, fault.what, fault.remedy);
    }
}

static void an_empty_profile_is_called_empty(void **state)
{
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    assert_false(td_profile_parse("", 0, "x.yml", &p, &fault));
    assert_non_null(strstr(fault.what, "empty"));
}

static void keys_of_the_command_line_replace_those_of_the_profile(void **state)
{
    static const char *const paths[] = { TD_ROOT "/profiles/keys/PUBLIC-DEMO-ed25519.pem",
                                         TD_ROOT "/profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem" };
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    assert_true(td_profile_load("tandem-nrf52833", &p, &fault));
    assert_true(td_profile_set_keys(&p, paths, 1, &fault));
    assert_int_equal(p.boot.sig, TD_SIG_ED25519);
    assert_int_equal(p.boot.n_keys, 1);
    assert_int_equal(p.boot.key[0].len, 44);
    assert_false(td_profile_set_keys(&p, paths, 2, &fault));
    assert_non_null(strstr(fault.what, "another type"));
    assert_string_equal(fault.where, paths[1]);
}

/* The folder of golden keys, as the file of a profile that lies in it. */
#define IN_KEYS TD_ROOT "/tests/golden/keys/x.yml"

static void each_kind_of_key_is_trusted_and_each_kind_opens_images(void **state)
{
    static const struct {
        const char *boot;
        enum td_sig_id sig;
        bool pure;
        enum td_enc_id opens;
        uint16_t key_len, opener_len;
    } rows[] = {
        { "keys: [ rsa-2048.pem ]", TD_SIG_RSA, false, TD_ENC_NONE, 270, 0 },
        { "signature: rsa, keys: [ rsa-3072.pem ]", TD_SIG_RSA, false, TD_ENC_NONE, 398, 0 },
        { "signature: ecdsa-p384, keys: [ ecdsa-p384.pem ]", TD_SIG_ECDSA_P384, false, TD_ENC_NONE,
          120, 0 },
        { "signature: ed25519-pure, keys: [ ed25519.pem ]", TD_SIG_ED25519, true, TD_ENC_NONE, 44,
          0 },
        { "encryption_key: ecdsa-p256.pem", TD_SIG_NONE, false, TD_ENC_EC256, 0, 138 },
        { "encryption_key: x25519.pem", TD_SIG_NONE, false, TD_ENC_X25519, 0, 48 },
        { "encryption_key: x25519.pem, encryption_hmac: sha512", TD_SIG_NONE, false, TD_ENC_X25519,
          0, 48 },
        { "encryption_key: kw-128.key", TD_SIG_NONE, false, TD_ENC_KW, 0, 16 },
        { "encryption_key: kw-256.key", TD_SIG_NONE, false, TD_ENC_KW, 0, 32 },
    };
    char text[1024];
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t len = with(text, sizeof text, "signature: none", rows[i].boot);

        if (!td_profile_parse(text, len, IN_KEYS, &p, &fault))
            fail_msg("%s: %s %s", rows[i].boot, fault.where, fault.what);
        assert_int_equal(p.boot.sig, rows[i].sig);
        assert_int_equal(p.boot.pure, rows[i].pure);
        assert_int_equal(p.boot.key[0].len, rows[i].key_len);
        assert_int_equal(p.boot.secret.kind, rows[i].opens);
        assert_int_equal(p.boot.secret.len, rows[i].opener_len);
    }
}

static void each_way_that_copies_images_can_open_them(void **state)
{
    static const char *const rows[] = { "swap-move", "swap-offset", "overwrite" };
    char text[1024], boot[200];
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t len;

        (void)snprintf(boot, sizeof boot, "strategy: %s, encryption_key: x25519.pem", rows[i]);
        len = with(text, sizeof text, "strategy: swap-move", boot);
        if (!td_profile_parse(text, len, IN_KEYS, &p, &fault))
            fail_msg("%s: %s %s", rows[i], fault.where, fault.what);
        assert_int_equal(p.boot.secret.kind, TD_ENC_X25519);
    }
}

static void a_key_that_opens_nothing_is_refused(void **state)
{
    static const char *const rows[] = {
        "encryption_key: rsa-3072.pem",
        "encryption_key: ed25519.pem",
        "encryption_key: ecdsa-p384.pem",
        "encryption_key: x25519.pub.pem",
        "encryption_hmac: sha512, encryption_key: rsa-3072.pem",
    };
    char text[1024];
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t len = with(text, sizeof text, "signature: none", rows[i]);

        if (td_profile_parse(text, len, IN_KEYS, &p, &fault))
            fail_msg("taken: %s", rows[i]);
        assert_non_null(strstr(fault.where, "x.yml:11"));
    }
}

static void every_group_can_be_named(void **state)
{
    struct sim_profile p;
    struct td_desk_fault fault;
    char text[sizeof good + 200];
    size_t len = with(text, sizeof text, "os, image",
                      "os, image, stat, settings, fs, shell, enum, basic, tandem");

    (void)state;
    if (!td_profile_parse(text, len, "x.yml", &p, &fault))
        fail_msg("%s %s", fault.where, fault.what);
    assert_int_equal(p.server.groups, (1u << SIM_GROUPS_MAX) - 1);
    assert_true(td_profile_load("nrf52840-external-flash", &p, &fault));
    assert_int_equal(p.server.groups, (1u << SIM_GROUPS_MAX) - 1);
}

static void a_shell_and_files_are_there_only_where_the_profile_names_them(void **state)
{
    static const char *const others[] = { "tandem-nrf52833", "krepet-nrf52833",  "overwrite-only",
                                          "direct-xip",      "ram-load",         "swap-offset",
                                          "swap-scratch",    "nrf5340-one-stage" };
    struct sim_profile p;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(others); i++) {
        assert_true(td_profile_load(others[i], &p, &fault));
        assert_int_equal(p.server.groups & (SIM_GROUP_SHELL | SIM_GROUP_FS | SIM_GROUP_SETTINGS),
                         0);
    }
}

static void rules_are_read_group_by_group(void **state)
{
    struct sim_profile p;
    struct td_desk_fault fault;
    char text[sizeof good + 200];
    size_t len = with(text, sizeof text, "buf_size: 400",
                      "access: { image: { read: encrypted, write: authenticated }, fs: never, "
                      "settings: { write: open } }");

    (void)state;
    if (!td_profile_parse(text, len, "x.yml", &p, &fault))
        fail_msg("%s %s", fault.where, fault.what);
    assert_int_equal(p.server.access, SIM_ACCESS_RULES);
    assert_int_equal(p.server.n_rules, 3);
    assert_int_equal(p.server.rules[0].group, 1);
    assert_int_equal(p.server.rules[0].read, TD_GRANT_ENCRYPTED);
    assert_int_equal(p.server.rules[0].write, TD_GRANT_AUTHENTICATED);
    assert_int_equal(p.server.rules[1].group, 8);
    assert_int_equal(p.server.rules[1].read, TD_GRANT_NEVER);
    assert_int_equal(p.server.rules[1].write, TD_GRANT_NEVER);
    // What a map leaves out stays as the safe rules have it.
    assert_int_equal(p.server.rules[2].group, 3);
    assert_int_equal(p.server.rules[2].read, TD_GRANT_AUTHENTICATED);
    assert_int_equal(p.server.rules[2].write, TD_GRANT_OPEN);
    for (uint8_t i = 0; i < p.server.n_rules; i++)
        assert_true(p.server.rules[i].any_command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_profiles_are_known_by_name),
        cmocka_unit_test(a_name_that_is_unknown_is_answered_with_those_that_are_not),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(what_may_be_left_out_has_a_default),
        cmocka_unit_test(each_mistake_is_shown_with_its_line_and_what_is_allowed),
        cmocka_unit_test(every_group_can_be_named),
        cmocka_unit_test(a_shell_and_files_are_there_only_where_the_profile_names_them),
        cmocka_unit_test(rules_are_read_group_by_group),
        cmocka_unit_test(each_kind_of_key_is_trusted_and_each_kind_opens_images),
        cmocka_unit_test(each_way_that_copies_images_can_open_them),
        cmocka_unit_test(a_key_that_opens_nothing_is_refused),
        cmocka_unit_test(an_empty_profile_is_called_empty),
        cmocka_unit_test(keys_of_the_command_line_replace_those_of_the_profile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
