/* Configurations as they arrive: options, images, generations of names, and what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/config.h"
#include "doctor/config_priv.h"
#include "doctor/knowledge.h"

/* A small book with one option for each thing that an option can be. */
static const char book[] =
    "options:\n"
    "  - { name: SERVER, fallback: n, images: [app], needs: [NETBUF] }\n"
    "  - { name: NETBUF, fallback: n }\n"
    "  - { name: TRANSPORT_BT, since: zephyr-3.3, images: [app], needs: [SERVER] }\n"
    "  - { name: TRANSPORT_SIZE, since: zephyr-3.3, fallback: 384, images: [app] }\n"
    "  - { name: SMP_BT, until: zephyr-3.3, now: TRANSPORT_BT, images: [app] }\n"
    "  - { name: OLD_GROUP, until: zephyr-3.3, now: '-', images: [app] }\n"
    "  - { name: HELPER, fallback: n, images: [app],\n"
    "      sets: [SERVER, NETBUF, TRANSPORT_SIZE=2475, ERASE if NVS|FCB] }\n"
    "  - { name: ERASE, fallback: n, images: [app] }\n"
    "  - { name: NVS, fallback: n }\n"
    "  - { name: FCB, fallback: n }\n"
    "  - { name: SWAP_MOVE, images: [mcuboot], choice: mode }\n"
    "  - { name: SWAP_SCRATCH, images: [mcuboot], choice: mode }\n"
    "  - { name: ACL_SIZE, match: [app, net] }\n"
    "  - { name: CTLR, images: [net] }\n"
    "  - { name: MAX_CONN, fallback: 1 }\n"
    "  - { name: SB_CONFIG_CHAIN, fallback: n, images: [sysbuild] }\n"
    "  - { name: RECOVERY, images: [mcuboot], needs: ['SERIAL|CDC'] }\n"
    "  - { name: SERIAL, fallback: y }\n"
    "  - { name: CDC, fallback: n }\n"
    "  - { name: SIGNER, images: [app], needs: ['HELPER|SB_CONFIG_CHAIN'] }\n"
    "rules:\n"
    "  - { id: T1, name: t-one, kind: remark, title: t, why: w, score: 1,\n"
    "      when: ['option name=MAX_CONN value=1', option.unset name=ERASE role=app,\n"
    "      option.unset name=SWAP_SCRATCH role=mcuboot],\n"
    "      any: [option name=ERASE, option name=TRANSPORT_BT, option name=SB_CONFIG_CHAIN,\n"
    "            option name=NETBUF, option name=SWAP_MOVE, option name=SERVER,\n"
    "            option name=TRANSPORT_SIZE, option name=CTLR] }\n";

struct bench {
    struct td_knowledge *knowledge;
    struct td_facts *facts;
};

static struct bench read_files(const char *const *files)
{
    const struct td_book books[] = {
        { "rules/some.yml", (const unsigned char *)book, sizeof book - 1 },
        { NULL, NULL, 0 },
    };
    struct td_knowledge_fault fault;
    struct bench bench = { .facts = td_facts_new() };
    struct td_config *config;

    bench.knowledge = td_knowledge_read(books, &fault);
    if (bench.knowledge == NULL)
        fail_msg("%s: %s", fault.where, fault.what);
    config = td_config_new(bench.facts, bench.knowledge);
    assert_non_null(config);
    for (uint16_t i = 0; files[0] != NULL; files += 2, i++) {
        char *text = strdup(files[1]), *line, *rest = text;
        uint32_t n = 0;

        td_config_file(config, i, files[0]);
        while ((line = strsep(&rest, "\n")) != NULL) {
            struct td_event event = {
                .kind = TD_EVENT_LINE,
                .at = { .file = i, .line = ++n },
                .line = { .text = line, .len = strlen(line), .raw = line },
            };

            td_config_line(config, &event);
        }
        free(text);
    }
    td_config_end(config);
    td_config_free(config);
    return bench;
}

static void drop(struct bench *bench)
{
    td_facts_free(bench->facts);
    td_knowledge_free(bench->knowledge);
}

static void say_facts(const struct td_facts *facts)
{
    for (size_t i = 0; i < td_facts_count(facts); i++) {
        const struct td_fact *fact = td_facts_at(facts, i);

        print_error("  %s", fact->name);
        for (size_t k = 0; k < fact->n_attrs; k++)
            print_error(" %s=%s", fact->attrs[k].key, fact->attrs[k].value);
        print_error("\n");
    }
}

struct row {
    const char *says;
    const char *files[7]; /* name, text ... */
    const char *want[6];  /* conditions; with ! in front: must not hold */
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bench bench = read_files(rows[i].files);

        for (size_t k = 0; k < TD_N_OF(rows[i].want) && rows[i].want[k] != NULL; k++) {
            const char *want = rows[i].want[k];
            bool not = *want == '!';

            if (td_facts_hold(bench.facts, want + not ) == not ) {
                say_facts(bench.facts);
                fail_msg("%s: %s", rows[i].says, want);
            }
        }
        drop(&bench);
    }
}

static void an_option_is_found_in_any_dress(void **state)
{
    static const struct row rows[] = {
        { "as a file has it",
          { "prj.conf", "CONFIG_MAX_CONN=2" },
          { "option name=MAX_CONN value=2 role=app" } },
        { "thirty in a line",
          { "post.txt", "# BLE CONFIG_SERVER=y CONFIG_NAME=\"a b\" CONFIG_MAX_CONN=3 # MEM "
                        "CONFIG_NETBUF=y" },
          { "option name=MAX_CONN value=3 role=app", "option name=NETBUF value=y" } },
        { "glued together",
          { "prj.conf", "CONFIG_SERVER=yCONFIG_MAX_CONN=7" },
          { "option name=MAX_CONN value=7", "option name=SERVER value=y" } },
        { "glued to the comment above it",
          { "prj.conf", "# LOGCONFIG_SERVER=y\n# net coreCONFIG_MAX_CONN=8\nMYCONFIG_NETBUF=y" },
          { "option name=SERVER value=y", "option name=MAX_CONN value=8", "!option name=NETBUF" } },
        { "in a build's result",
          { ".config", "# Automatically generated file; DO NOT EDIT.\n"
                       "# CONFIG_SERVER is not set\nCONFIG_MAX_CONN=1" },
          { "option name=SERVER value=n merged=1" } },
        { "in a header",
          { "autoconf.h", "#define CONFIG_SERVER 1\n#define CONFIG_MAX_CONN 4" },
          { "option name=SERVER value=y merged=1", "option name=MAX_CONN value=4" } },
        { "on a command line",
          { "post.txt", "west build -b nrf5340dk/nrf5340/cpuapp -- -DCONFIG_SERVER=y "
                        "-Dmcuboot_CONFIG_SWAP_MOVE=y -DSB_CONFIG_CHAIN=y" },
          { "option name=SERVER value=y", "option name=SWAP_MOVE role=mcuboot",
            "option name=SB_CONFIG_CHAIN role=sysbuild" } },
        { "in prose",
          { "post.txt", "I set `CONFIG_MAX_CONN=5`, and it still fails." },
          { "option name=MAX_CONN value=5" } },
        { "commented out",
          { "prj.conf", "#CONFIG_SERVER=y\n# CONFIG_NETBUF=y\n//CONFIG_ERASE=y" },
          { "!option name=SERVER", "!option name=NETBUF", "!option name=ERASE" } },
        { "a comment about it",
          { "prj.conf", "# switch on CONFIG_SERVER=y later" },
          { "!option name=SERVER" } },
        { "what is asked or advised is not set",
          { "post.txt",
            "Should I set CONFIG_SERVER=y?\nPlease try it with CONFIG_MAX_CONN=2 once." },
          { "!option name=SERVER", "!option name=MAX_CONN" } },
        { "code is none",
          { "post.txt", "#if CONFIG_MAX_CONN == 2\nx = ${CONFIG_SERVER}; CONFIG_NETBUF=" },
          { "!option name=MAX_CONN", "!option name=SERVER" } },
        { "a removed line of a patch",
          { "post.txt", "-CONFIG_SERVER=y\n+CONFIG_MAX_CONN=2" },
          { "!option name=SERVER", "option name=MAX_CONN value=2" } },
        { "quotes with blanks and escapes",
          { "prj.conf", "CONFIG_NAME=\"say \\\"CONFIG_SERVER=y\\\" twice\" CONFIG_MAX_CONN=9" },
          { "!option name=SERVER", "option name=MAX_CONN value=9" } },
    };

    (void)state;
    check(rows, TD_N_OF(rows));
}

static void an_option_belongs_to_the_image_of_its_file(void **state)
{
    static const struct row rows[] = {
        { "by file names",
          { "child_image/mcuboot.conf", "CONFIG_MAX_CONN=1", "sysbuild.conf", "SB_CONFIG_CHAIN=y",
            "hci_rpmsg.conf", "CONFIG_MAX_CONN=2" },
          { "have what=config role=mcuboot", "have what=config role=sysbuild",
            "option name=MAX_CONN value=2 role=net",
            "option name=MAX_CONN value=1 role=mcuboot" } },
        { "by headings of a post",
          { "post.txt",
            "My settings are below.\n<prj.conf>\nCONFIG_MAX_CONN=1\n<hci_ipc.conf>\n"
            "CONFIG_MAX_CONN=2\nand this is sysbuild/mcuboot/prj.conf:\nCONFIG_MAX_CONN=3" },
          { "option name=MAX_CONN value=1 role=app", "option name=MAX_CONN value=2 role=net",
            "option name=MAX_CONN value=3 role=mcuboot" } },
        { "by a sentence",
          { "post.txt", "See my prj.conf\n\nCONFIG_MAX_CONN=1" },
          { "option name=MAX_CONN role=app" } },
        { "by words",
          { "post.txt", "MCUboot config:\nCONFIG_MAX_CONN=1" },
          { "option name=MAX_CONN role=mcuboot" } },
        { "by its content",
          { "post.txt", "here it is\nCONFIG_SWAP_MOVE=y\nCONFIG_MAX_CONN=1" },
          { "option name=MAX_CONN role=mcuboot", "!option.misplaced" } },
        { "of two images without a heading, each where it belongs",
          { "post.txt", "CONFIG_SERVER=y\nCONFIG_HELPER=y\nCONFIG_SWAP_MOVE=y\nSB_CONFIG_CHAIN=y" },
          { "option name=SERVER role=app", "option name=SWAP_MOVE role=mcuboot",
            "option name=SB_CONFIG_CHAIN role=sysbuild", "!option.misplaced" } },
        { "a comment that mentions a file is no heading",
          { "prj.conf", "# must equal mcuboot.conf\nCONFIG_MAX_CONN=1" },
          { "option name=MAX_CONN role=app" } },
        { "the path of a build's result",
          { "build/mcuboot/zephyr/.config", "CONFIG_MAX_CONN=1" },
          { "option name=MAX_CONN role=mcuboot merged=1" } },
        { "a folder of child images, and a project that is called like one",
          { "app/child_image/mcuboot/prj.conf", "CONFIG_MAX_CONN=1", "src/mcuboot/prj.conf",
            "CONFIG_MAX_CONN=2", "mcuboot_demo/sysbuild/hci_ipc/boards/x.conf",
            "CONFIG_MAX_CONN=3" },
          { "option name=MAX_CONN value=1 role=mcuboot",
            "option name=MAX_CONN value=2 role=app" } },
        { "what stands in another image's file",
          { "prj.conf", "CONFIG_SWAP_MOVE=y\nSB_CONFIG_CHAIN=y", "mcuboot.conf",
            "CONFIG_SERVER=y" },
          { "option.misplaced name=SWAP_MOVE role=app belongs=mcuboot",
            "option.misplaced name=SB_CONFIG_CHAIN role=app belongs=sysbuild",
            "option.misplaced name=SERVER role=mcuboot belongs=app" } },
        { "an option without prefix in sysbuild's file",
          { "sysbuild.conf", "CONFIG_SERVER=y" },
          { "option.misplaced name=SERVER role=sysbuild belongs=app" } },
        { "switched off it does no harm",
          { "prj.conf", "CONFIG_SWAP_MOVE=n" },
          { "!option.misplaced" } },
    };

    (void)state;
    check(rows, TD_N_OF(rows));
}

static void names_have_their_time(void **state)
{
    static const struct row rows[] = {
        { "old ones alone are right for all that is known",
          { "prj.conf", "CONFIG_SMP_BT=y" },
          { "option.renamed name=SMP_BT now=TRANSPORT_BT state=old", "sdk.names age=old",
            "option name=TRANSPORT_BT value=y was=SMP_BT" } },
        { "beside new ones they are suspicious",
          { "prj.conf", "CONFIG_SMP_BT=y\nCONFIG_TRANSPORT_SIZE=100" },
          { "option.renamed name=SMP_BT state=mixed", "sdk.names age=mixed",
            "!option name=TRANSPORT_BT" } },
        { "in a new SDK they are nothing",
          { "post.txt", "NCS v2.5.0\nprj.conf:\nCONFIG_SMP_BT=y\nCONFIG_OLD_GROUP=y" },
          { "option.renamed name=SMP_BT state=dropped", "option.gone name=OLD_GROUP state=dropped",
            "!option name=TRANSPORT_BT", "sdk family=ncs version=2.5.0 number=205 zephyr=305" } },
        { "in an old SDK they are right",
          { "post.txt",
            "*** Booting Zephyr OS build v3.2.99-ncs1 ***\nprj.conf:\nCONFIG_SMP_BT=y" },
          { "!option.renamed", "option name=TRANSPORT_BT value=y was=SMP_BT",
            "sdk family=ncs version=2.2 from=banner" } },
        { "new ones in an old SDK are nothing",
          { "post.txt", "Zephyr version 3.1.0\nprj.conf:\nCONFIG_TRANSPORT_BT=y" },
          { "option.too-new name=TRANSPORT_BT was=SMP_BT", "sdk family=zephyr number=301" } },
        { "who says Zephyr may mean the nRF Connect SDK",
          { "post.txt",
            "-Zephyr: V2.4.1\n-custom Board: nrf52833\nprj.conf\nCONFIG_TRANSPORT_BT=y" },
          { "sdk family=ncs version=2.4.1 called=zephyr", "!option.too-new" } },
    };

    (void)state;
    check(rows, TD_N_OF(rows));
}

static void what_is_wrong_with_an_option_is_said(void **state)
{
    static const struct row rows[] = {
        { "two letters swapped",
          { "prj.conf", "CONFIG_TRANSPROT_BT=y" },
          { "option.misspelt name=TRANSPROT_BT meant=TRANSPORT_BT" } },
        { "in small letters",
          { "prj.conf", "CONFIG_Transport_bt=y" },
          { "option.misspelt meant=TRANSPORT_BT" } },
        { "a letter too many",
          { "sysbuild.conf", "SB_CONFIG_CHAINS=y" },
          { "option.misspelt name=SB_CONFIG_CHAINS meant=SB_CONFIG_CHAIN" } },
        { "unknown is not misspelt",
          { "prj.conf", "CONFIG_MAX_SIZE=1\nCONFIG_GPIO=y" },
          { "!option.misspelt" } },
        { "a dependency is off",
          { "prj.conf", "CONFIG_NETBUF=n\nCONFIG_SERVER=y" },
          { "option.no-effect name=SERVER needs=NETBUF sure=1" } },
        { "a dependency is missing from a whole file",
          { "prj.conf",
            "CONFIG_SERVER=y\nCONFIG_A1=y\nCONFIG_A2=y\nCONFIG_A3=y\nCONFIG_A4=y\nCONFIG_A5=y" },
          { "option.no-effect name=SERVER needs=NETBUF sure=0" } },
        { "of a fragment nothing can be missing",
          { "overlay-x.conf", "CONFIG_SERVER=y" },
          { "!option.no-effect" } },
        { "one of two dependencies is enough",
          { "mcuboot.conf", "CONFIG_SERIAL=n\nCONFIG_CDC=y\nCONFIG_RECOVERY=y" },
          { "!option.no-effect" } },
        { "none of two",
          { "mcuboot.conf", "CONFIG_SERIAL=n\nCONFIG_CDC=n\nCONFIG_RECOVERY=y" },
          { "option.no-effect name=RECOVERY needs=SERIAL|CDC sure=1" } },
        { "a helper switches things on",
          { "prj.conf", "CONFIG_HELPER=y\nCONFIG_SERVER=y" },
          { "option name=NETBUF value=y by=HELPER", "option name=TRANSPORT_SIZE value=2475",
            "option.redundant name=SERVER by=HELPER", "!option name=ERASE" } },
        { "some only where it finds something",
          { "prj.conf", "CONFIG_HELPER=y\nCONFIG_FCB=y" },
          { "option name=ERASE value=y by=HELPER" } },
        { "a file outranks a helper",
          { "prj.conf", "CONFIG_HELPER=y\nCONFIG_NETBUF=n" },
          { "option name=NETBUF value=n", "!option name=NETBUF value=y" } },
        { "what a rule asks for and nothing sets",
          { "prj.conf", "CONFIG_B1=y\nCONFIG_B2=y\nCONFIG_B3=y\nCONFIG_B4=y\nCONFIG_B5=y" },
          { "option.unset name=ERASE role=app", "!option.unset name=ERASE role=mcuboot",
            "!option.unset name=NVS" } },
        { "an excerpt under a heading leaves out what it likes",
          { "post.txt", "prj.conf:\nCONFIG_B1=y\nCONFIG_B2=y\nCONFIG_B3=y\nCONFIG_SERVER=y\n" },
          { "!option.unset", "!option.no-effect" } },
        { "eight options are no excerpt",
          { "post.txt", "prj.conf:\nCONFIG_B1=y\nCONFIG_B2=y\nCONFIG_B3=y\nCONFIG_B4=y\n"
                        "CONFIG_B5=y\nCONFIG_B6=y\nCONFIG_B7=y\nCONFIG_SERVER=y\n" },
          { "option.unset name=ERASE role=app",
            "option.no-effect name=SERVER needs=NETBUF sure=0" } },
        { "another image's few lines are an excerpt too",
          { "post.txt", "<mcuboot.conf>\nCONFIG_SWAP_MOVE=y\n" },
          { "!option.unset" } },
        { "but not beside all of a prj.conf",
          { "post.txt", "<mcuboot.conf>\nCONFIG_SWAP_MOVE=y\n<prj.conf>\nCONFIG_B1=y\n"
                        "CONFIG_B2=y\nCONFIG_B3=y\nCONFIG_B4=y\nCONFIG_B5=y\nCONFIG_B6=y\n"
                        "CONFIG_B7=y\nCONFIG_B8=y\n" },
          { "option.unset name=SWAP_SCRATCH role=mcuboot" } },
        { "what sysbuild may set is not missing",
          { "prj.conf", "CONFIG_SIGNER=y\nCONFIG_B1=y\nCONFIG_B2=y\nCONFIG_B3=y\nCONFIG_B4=y\n" },
          { "!option.no-effect" } },
        { "cores must agree",
          { "prj.conf", "CONFIG_ACL_SIZE=502", "hci_ipc.conf", "CONFIG_ACL_SIZE=251" },
          { "option.conflict name=ACL_SIZE value=502 other_value=251 other_role=net why=match" } },
        { "they do",
          { "prj.conf", "CONFIG_ACL_SIZE=251", "hci_ipc.conf", "CONFIG_ACL_SIZE=251" },
          { "!option.conflict" } },
        { "one of a choice",
          { "mcuboot.conf", "CONFIG_SWAP_MOVE=y\nCONFIG_SWAP_SCRATCH=y" },
          { "option.conflict name=SWAP_MOVE other=SWAP_SCRATCH why=choice" } },
        { "said twice",
          { "prj.conf", "CONFIG_MAX_CONN=1\nCONFIG_MAX_CONN=2" },
          { "option.conflict name=MAX_CONN value=1 other_value=2 why=twice",
            "option name=MAX_CONN value=2", "!option name=MAX_CONN value=1" } },
        { "asked for by the check of layouts, and by no rule",
          { "mcuboot.conf", "CONFIG_BOOT_RAM_LOAD=y" },
          { "option name=BOOT_RAM_LOAD value=y role=mcuboot" } },
        { "thrice: each against the one that undoes it",
          { "prj.conf", "CONFIG_MAX_CONN=1\nCONFIG_MAX_CONN=2\nCONFIG_MAX_CONN=3" },
          { "option.conflict value=1 other_value=2", "option.conflict value=2 other_value=3",
            "!option.conflict value=1 other_value=3" } },
        { "an overlay may differ",
          { "prj.conf", "CONFIG_MAX_CONN=1", "overlay-a.conf", "CONFIG_MAX_CONN=2" },
          { "!option.conflict", "option name=MAX_CONN value=2" } },
        { "blanks beside =",
          { "prj.conf", "CONFIG_MAX_CONN = 2" },
          { "option.malformed name=MAX_CONN why=blank" } },
        { "a comment behind a number",
          { "prj.conf", "CONFIG_MAX_CONN=2 # two" },
          { "option.malformed name=MAX_CONN why=comment" } },
        { "a comment behind a y is read as y",
          { "prj.conf", "CONFIG_SERVER=y # yes" },
          { "!option.malformed" } },
        { "1 is no y",
          { "prj.conf", "CONFIG_SERVER=1" },
          { "option.malformed name=SERVER value=1 why=value" } },
        { "a word processor's quotes",
          { "prj.conf", "CONFIG_NAME=\xE2\x80\x9C"
                        "two words\xE2\x80\x9D" },
          { "option.malformed name=NAME why=quotes" } },
    };

    (void)state;
    check(rows, TD_N_OF(rows));
}

static void chips_and_versions_are_read_from_prose(void **state)
{
    static const struct row rows[] = {
        { "a board and a chip",
          { "post.txt", "works on nrf5340dk, not on my nRF52833 board" },
          { "soc name=nrf5340", "soc name=nrf52833" } },
        { "the SDK in words",
          { "post.txt", "I use nRF Connect SDK version 2.6.1." },
          { "sdk family=ncs number=206 from=said" } },
        { "a path",
          { "post.txt", "C:\\ncs\\v2.0.2\\nrf\\samples" },
          { "sdk family=ncs version=2.0.2" } },
        { "a banner outranks a person",
          { "post.txt", "I have NCS 2.3\n*** Booting nRF Connect SDK v2.9.0-7787b2649840 ***" },
          { "sdk family=ncs version=2.9.0 from=banner" } },
        { "before and after a migration",
          { "post.txt", "worked with NCS 1.9.1\nnow, with NCS 2.5.0, it does not" },
          { "sdk family=ncs version=2.5.0", "!sdk version=1.9.1" } },
        { "Zephyr itself",
          { "post.txt", "*** Booting Zephyr OS build v4.0.0 ***" },
          { "sdk family=zephyr version=4.0.0 zephyr=400" } },
        { "another SDK",
          { "post.txt", "ported from nRF5 SDK 17.1.0, nRF Connect 4.24, functions 2.0" },
          { "!sdk" } },
    };

    (void)state;
    check(rows, TD_N_OF(rows));
}

static void a_hundred_files_and_a_million_options_are_survived(void **state)
{
    struct bench bench;
    char *text = malloc(40000 * 32), *p = text;
    const char *files[] = { "post.txt", text, NULL };

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 40000; i++)
        p += snprintf(p, 32, i % 400 == 0 ? "<f%d.conf>\n" : "CONFIG_OPT%d=y\n", i);
    bench = read_files(files);
    assert_true(td_facts_hold(bench.facts, "have what=config role=app"));
    drop(&bench);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_is_found_in_any_dress),
        cmocka_unit_test(an_option_belongs_to_the_image_of_its_file),
        cmocka_unit_test(names_have_their_time),
        cmocka_unit_test(what_is_wrong_with_an_option_is_said),
        cmocka_unit_test(chips_and_versions_are_read_from_prose),
        cmocka_unit_test(a_hundred_files_and_a_million_options_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
