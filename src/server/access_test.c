#include "server/talk_test.h"

static unsigned handled;

static struct td_server_result handle(struct td_server_call *call)
{
    handled++;
    td_smp_put_empty(call->out);
    return td_result_done();
}

/* A command 0 of a group that the rig has no back end for. */
static const struct td_server_command any[] = { { 0, handle, handle } };
static const struct td_server_group others[] = {
    { TD_SMP_GROUP_STAT, any, 1, false, { NULL, 0 } },
    { TD_SMP_GROUP_SETTINGS, any, 1, false, { NULL, 0 } },
    { TD_SMP_GROUP_FS, any, 1, false, { NULL, 0 } },
    { TD_SMP_GROUP_SHELL, any, 1, false, { NULL, 0 } },
    { TD_SMP_GROUP_ENUM, any, 1, false, { NULL, 0 } },
    { 64, any, 1, false, { NULL, 0 } },
};

static const struct td_server_group *groups[4 + TD_N_OF(others)];

static void begin(const struct td_server_access *rules, uint8_t n)
{
    start(&td_server_tandem, TD_MODE_MOVE);
    memcpy(groups, rig.groups, sizeof rig.groups);
    for (size_t i = 0; i < TD_N_OF(others); i++)
        groups[4 + i] = &others[i];
    rig.cfg.groups = groups;
    rig.cfg.n_groups = TD_N_OF(groups);
    rig.cfg.access = rules;
    rig.cfg.n_access = n;
    handled = 0;
}

static bool reason_is(const char *want)
{
    struct td_smp_status status;

    assert_int_equal(td_smp_status_decode(payload(), payload_len(), &status), TD_OK);
    return status.reason.len == strlen(want) && memcmp(status.reason.p, want, strlen(want)) == 0;
}

enum { OPEN, ENCRYPTED, PROVEN, N_LINKS, NOBODY = N_LINKS };

static void set_link(int grade)
{
    rig.link.encrypted = grade == ENCRYPTED;
    rig.link.authenticated = grade == PROVEN;
}

static void the_safe_rules_let_look_and_keep_hands_off(void **state)
{
    static const struct {
        const char *says;
        uint16_t group;
        uint8_t id;
        int read, write; /* which link it takes at least */
    } rows[] = {
        { "echo", 0, TD_OS_ECHO, OPEN, OPEN },
        { "parameters", 0, TD_OS_PARAMS, OPEN, -1 },
        { "reset", 0, TD_OS_RESET, -1, PROVEN },
        { "image state", 1, TD_IMG_STATE, OPEN, PROVEN },
        { "upload", 1, TD_IMG_UPLOAD, -1, PROVEN },
        { "image erase", 1, TD_IMG_ERASE, -1, PROVEN },
        { "slot info", 1, TD_IMG_SLOT_INFO, OPEN, -1 },
        { "statistics", 2, 0, OPEN, NOBODY },
        { "settings", 3, 0, PROVEN, PROVEN },
        { "files", 8, 0, PROVEN, PROVEN },
        { "shell", 9, 0, NOBODY, NOBODY },
        { "enumeration", 10, 0, OPEN, NOBODY },
        { "storage erase", 63, 0, -1, PROVEN },
        { "the application's own", 64, 0, PROVEN, PROVEN },
        { "why", 21572, TD_TANDEM_WHY, OPEN, -1 },
        { "accepts", 21572, TD_TANDEM_ACCEPTS, OPEN, -1 },
        { "the upload's state", 21572, TD_TANDEM_UPLOAD, OPEN, -1 },
        { "what is not built in", 65, 0, -1, -1 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows) * 2 * N_LINKS; i++) {
        size_t row = i / (2 * N_LINKS);
        int link = (int)(i / 2 % N_LINKS);
        bool write = i % 2 != 0;
        int least = write ? rows[row].write : rows[row].read;
        unsigned got;

        begin(td_server_access_default, TD_SERVER_ACCESS_DEFAULT_N);
        set_link(link);
        ask(1, write ? TD_SMP_WRITE : TD_SMP_READ, rows[row].group, rows[row].id, NULL, NULL);
        got = result();
        if (least < 0 ? got != TD_SMP_RC_NOT_SUPPORTED
                      : (got == TD_SMP_RC_ACCESS_DENIED) != (link < least))
            fail_msg("%u, link %d, %s: %s", got, link, write ? "write" : "read", rows[row].says);
    }
}

static void a_refusal_says_what_the_link_lacks(void **state)
{
    static const struct td_server_access rules[] = {
        { 0, false, false, TD_OS_ECHO, TD_GRANT_ENCRYPTED, TD_GRANT_AUTHENTICATED },
        { 0, false, true, 0, TD_GRANT_NEVER, TD_GRANT_OPEN },
    };

    (void)state;
    begin(rules, TD_N_OF(rules));
    set_link(OPEN);
    ask(1, TD_SMP_READ, 0, TD_OS_ECHO, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    assert_true(reason_is("needs an encrypted link: pair first"));
    ask(1, TD_SMP_WRITE, 0, TD_OS_ECHO, NULL, NULL);
    assert_true(reason_is("needs an authenticated link: pair with a passkey"));
    ask(0, TD_SMP_READ, 0, TD_OS_PARAMS, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    assert_true(reason_is("never allowed on this device"));
    set_link(ENCRYPTED);
    ask(1, TD_SMP_READ, 0, TD_OS_ECHO, NULL, NULL);
    assert_int_equal(result(), 0);
    // Who has proved who he is counts as encrypted, and "never" is for nobody.
    set_link(PROVEN);
    ask(1, TD_SMP_READ, 0, TD_OS_ECHO, NULL, NULL);
    assert_int_equal(result(), 0);
    ask(1, TD_SMP_READ, 0, TD_OS_PARAMS, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
}

static void the_first_rule_that_fits_decides_and_without_one_only_the_proven_may(void **state)
{
    static const struct td_server_access rules[] = {
        { 9, false, false, 0, TD_GRANT_OPEN, TD_GRANT_OPEN },
        TD_SERVER_SAFE_RULES,
    };
    static const struct td_server_access narrow[] = {
        { 9, false, false, 1, TD_GRANT_NEVER, TD_GRANT_NEVER },
    };

    (void)state;
    begin(rules, TD_N_OF(rules));
    set_link(OPEN);
    ask(1, TD_SMP_WRITE, 9, 0, NULL, NULL);
    assert_int_equal(result(), 0);
    ask(1, TD_SMP_WRITE, 8, 0, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    begin(narrow, TD_N_OF(narrow));
    set_link(OPEN);
    ask(1, TD_SMP_WRITE, 9, 0, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    set_link(PROVEN);
    ask(1, TD_SMP_WRITE, 9, 0, NULL, NULL);
    assert_int_equal(result(), 0);
    // No rules at all are the safe ones.
    begin(NULL, 0);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_SHELL, 0, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    begin(td_server_access_open, 1);
    set_link(OPEN);
    ask(1, TD_SMP_WRITE, 9, 0, NULL, NULL);
    assert_int_equal(result(), 0);
    // The old switch adds to the rules, and takes nothing from them.
    rig.cfg.wants_authenticated = true;
    ask(1, TD_SMP_WRITE, 9, 0, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    ask(1, TD_SMP_WRITE, 0, TD_OS_ECHO, NULL, NULL);
    assert_int_equal(result(), 0);
}

static void nothing_of_a_refused_request_is_looked_at(void **state)
{
    static const uint8_t broken[] = { 0x0a, 0, 0, 2, 0, 1, 1, TD_IMG_UPLOAD, 0xff, 0xff };
    uint64_t busy_us;

    (void)state;
    begin(td_server_access_default, TD_SERVER_ACCESS_DEFAULT_N);
    set_link(OPEN);
    busy_us = rig.power.busy_us;
    rig_send(&rig, broken, sizeof broken);
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    assert_int_equal(rig.power.busy_us, busy_us);
    set_link(PROVEN);
    rig_send(&rig, broken, sizeof broken);
    assert_int_equal(result(), TD_SMP_RC_INVALID);
}

static void a_request_that_waits_is_asked_again_when_it_goes_on(void **state)
{
    static const uint8_t erase[] = { 0x0a, 0, 0, 1, 0, 1, 9, TD_IMG_ERASE, 0xa0 };
    struct td_server_reply reply;
    struct td_img_upload_rsp rsp;

    (void)state;
    begin(td_server_access_default, TD_SERVER_ACCESS_DEFAULT_N);
    set_link(PROVEN);
    rig_program(&rig, 1, 0, image_b, 9001);
    td_server_handle(&rig.srv, &rig.link, erase, sizeof erase, rig.rsp, sizeof rig.rsp, &reply);
    assert_true(td_server_owes(&rig.srv));
    set_link(ENCRYPTED);
    while (td_server_owes(&rig.srv))
        td_server_work(&rig.srv, 10000, rig.rsp, sizeof rig.rsp, &reply);
    rig.rsp_len = reply.len;
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    assert_false(td_server_busy(&rig.srv));
    set_link(PROVEN);
    assert_int_equal(upload_all(image_b, 9001, 2000, NULL, &rsp), 0);
    check_slot(1, 0, image_b, 9001);
}

static void the_application_is_asked_once_about_a_request_that_waits(void **state)
{
    static const uint8_t list[] = { 0x08, 0, 0, 1, 0, 1, 9, TD_IMG_STATE, 0xa0 };
    struct td_server_reply reply;
    struct td_img_upload_rsp rsp;

    (void)state;
    begin(NULL, 0);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 0);
    td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &reply); // a sector ahead of its data
    assert_true(td_server_busy(&rig.srv) && !td_server_owes(&rig.srv));
    rig.told.accesses = 0;
    td_server_handle(&rig.srv, &rig.link, list, sizeof list, rig.rsp, sizeof rig.rsp, &reply);
    assert_true(td_server_owes(&rig.srv));
    while (td_server_owes(&rig.srv))
        td_server_work(&rig.srv, 10000, rig.rsp, sizeof rig.rsp, &reply);
    rig.rsp_len = reply.len;
    assert_int_equal(result(), 0);
    assert_int_equal(rig.told.accesses, 1);
}

static void a_stranger_makes_nobody_wait(void **state)
{
    static const uint8_t erase[] = { 0x0a, 0, 0, 1, 0, 1, 9, TD_IMG_ERASE, 0xa0 };
    const struct td_server_link stranger = { .encrypted = true };
    struct td_server_reply reply;
    uint64_t busy_us;

    (void)state;
    begin(td_server_access_default, TD_SERVER_ACCESS_DEFAULT_N);
    set_link(PROVEN);
    rig_program(&rig, 1, 0, image_b, 9001);
    td_server_handle(&rig.srv, &rig.link, erase, sizeof erase, rig.rsp, sizeof rig.rsp, &reply);
    busy_us = rig.power.busy_us;
    assert_false(td_server_would_wait(&rig.srv, &stranger, erase, sizeof erase));
    td_server_handle(&rig.srv, &stranger, erase, sizeof erase, rig.rsp, sizeof rig.rsp, &reply);
    rig.rsp_len = reply.len;
    assert_int_equal(result(), TD_SMP_RC_ACCESS_DENIED);
    assert_int_equal(rig.power.busy_us, busy_us);
    assert_true(td_server_owes(&rig.srv));
}

static void hooks_refuse_with_an_rc_or_with_a_code_of_the_group(void **state)
{
    const struct td_img_upload_req req = chunk(image_b, 9001, 0, 500);
    struct td_img_upload_rsp rsp;

    (void)state;
    begin(NULL, 0);
    rig.told.access_rc = TD_SERVER_GROUP_CODE(TD_IMG_NO_FREE_SLOT);
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NO_FREE_SLOT);
    assert_true(reason_is("no"));
    ask(0, TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_BAD_STATE);
    rig.told.access_rc = 0;
    rig.told.upload_rc = TD_SERVER_GROUP_CODE(TD_IMG_NOT_NEWER);
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NOT_NEWER);
    assert_true(reason_is("app reject"));
    rig.told.upload_rc = 0;
    rig.told.chunk_rc = TD_SMP_RC_BUSY;
    assert_int_equal(upload(req, &rsp), TD_SMP_RC_BUSY);
    assert_true(reason_is("not now"));
    assert_int_equal(rig.power.ops, 0);
    // An upload that was let in stays where it is, and the chunk may come again.
    rig.told.chunk_rc = 0;
    assert_int_equal(upload(req, &rsp), 0);
    rig.told.chunk_rc = TD_SERVER_GROUP_CODE(TD_IMG_BAD_VECTORS);
    assert_int_equal(upload(chunk(image_b, 9001, 500, 500), &rsp), 1000 + TD_IMG_BAD_VECTORS);
    assert_int_equal(rig.told.chunk_off, 500);
    assert_int_equal(rig.told.chunk_len, 500);
    rig.told.chunk_rc = 0;
    rig.told.chunks = 0;
    for (uint32_t off = 500; off < 9000; off += 500)
        assert_int_equal(upload(chunk(image_b, 9001, off, 500), &rsp), 0);
    assert_int_equal(rig.told.chunks, 17); // once each, though some had to wait
    assert_int_equal(rsp.off, 9000);
    rig.told.done_rc = TD_SERVER_GROUP_CODE(TD_IMG_BAD_MAGIC);
    assert_int_equal(upload(chunk(image_b, 9001, 9000, 1), &rsp), 1000 + TD_IMG_BAD_MAGIC);
    assert_true(reason_is("not this one"));
    check_slot(1, 0, image_b, 9001);
    rig.told.reset_rc = TD_SERVER_GROUP_CODE(TD_OS_RTC_FAILED);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_RESET, NULL, NULL);
    assert_int_equal(result(), 1000 + TD_OS_RTC_FAILED);
}

static bool has_bytes_of(const uint8_t *image, size_t len)
{
    for (size_t at = 0; at + 8 <= rig.rsp_len; at++)
        for (size_t i = 64; i + 8 <= len; i++)
            if (memcmp(rig.rsp + at, image + i, 8) == 0)
                return true;
    return false;
}

static void no_command_reads_a_slot_back(void **state)
{
    static const uint16_t ids[] = { TD_SMP_GROUP_OS, TD_SMP_GROUP_IMAGE, TD_SMP_GROUP_BASIC,
                                    TD_SMP_GROUP_TANDEM };

    (void)state;
    begin(NULL, 0);
    rig_program(&rig, 1, 0, image_b, 9001);
    for (unsigned i = 0; i < TD_N_OF(ids) * 512; i++) {
        ask(1, i % 2 == 0 ? TD_SMP_READ : TD_SMP_WRITE, ids[i / 512], (uint8_t)(i / 2 % 256), NULL,
            NULL);
        assert_false(has_bytes_of(image_a, 5000 - 40));
        assert_false(has_bytes_of(image_b, 9001 - 40));
    }
    // Other servers' commands for it: a file by upload's number, a core's list and load.
    for (uint8_t id = TD_IMG_UPLOAD; id <= 4; id++) {
        ask(1, TD_SMP_READ, TD_SMP_GROUP_IMAGE, id, NULL, NULL);
        assert_int_equal(result(), TD_SMP_RC_NOT_SUPPORTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_safe_rules_let_look_and_keep_hands_off),
        cmocka_unit_test(a_refusal_says_what_the_link_lacks),
        cmocka_unit_test(the_first_rule_that_fits_decides_and_without_one_only_the_proven_may),
        cmocka_unit_test(nothing_of_a_refused_request_is_looked_at),
        cmocka_unit_test(a_request_that_waits_is_asked_again_when_it_goes_on),
        cmocka_unit_test(the_application_is_asked_once_about_a_request_that_waits),
        cmocka_unit_test(a_stranger_makes_nobody_wait),
        cmocka_unit_test(hooks_refuse_with_an_rc_or_with_a_code_of_the_group),
        cmocka_unit_test(no_command_reads_a_slot_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
