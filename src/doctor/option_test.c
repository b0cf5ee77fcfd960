/* The books on options are whole, and options are found under what people write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/config_priv.h"
#include "doctor/option.h"

static struct td_knowledge *knowledge;

static int read_books(void **state)
{
    struct td_knowledge_fault fault;

    (void)state;
    knowledge = td_knowledge_read_without_cases(td_books, &fault);
    if (knowledge == NULL)
        print_error("%s: %s\n", fault.where, fault.what);
    return knowledge == NULL;
}

static int drop_books(void **state)
{
    (void)state;
    td_knowledge_free(knowledge);
    return 0;
}

static bool is_old(const struct td_option *option)
{
    return td_is_set(option->until);
}

static void a_current_option_has_a_meaning_and_every_option_a_source(void **state)
{
    (void)state;
    assert_true(knowledge->n_options > 600);
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];

        if (!is_old(option) && !td_is_set(option->means))
            fail_msg("%s has no meaning", option->name);
        if (!td_is_set(option->source))
            fail_msg("%s has no source", option->name);
    }
}

static void an_old_option_leads_to_a_current_one_or_went(void **state)
{
    (void)state;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i], *newest;

        if (is_old(option) != td_is_set(option->now))
            fail_msg("%s: 'until' and 'now' go together", option->name);
        if (!is_old(option))
            continue;
        newest = td_option_newest(knowledge, option);
        if (strcmp(option->now, "-") != 0 && (newest == NULL || is_old(newest)))
            fail_msg("%s leads to %s, which is no current option", option->name, option->now);
    }
}

static void an_option_ends_behind_its_beginning(void **state)
{
    (void)state;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];
        uint16_t since = td_bound_zephyr(option->since), until = td_bound_zephyr(option->until);

        if (td_is_set(option->since) && since == 0)
            fail_msg("%s: since %s is no SDK", option->name, option->since);
        if (is_old(option) && (until == 0 || until <= since))
            fail_msg("%s: until %s", option->name, option->until);
    }
}

/* "A|B=2 if C": each name in it. */
static void check_names(const struct td_option *option, const char *text)
{
    while (*text != '\0') {
        char name[128];
        size_t len = strcspn(text, "| ");

        (void)td_split_need(text, len, name);
        if (td_option_find(knowledge, name) == NULL)
            fail_msg("%s names %s, which no book has", option->name, name);
        text += len;
        text += strncmp(text, " if ", 4) == 0 ? 4 : *text != '\0';
    }
}

static void what_an_option_needs_and_sets_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];

        for (td_texts need = option->needs; *need != NULL; need++)
            check_names(option, *need);
        for (td_texts set = option->sets; *set != NULL; set++)
            check_names(option, *set);
    }
}

static void check_images(const struct td_option *option, td_texts images)
{
    for (; *images != NULL; images++)
        if (td_role_from_name(*images) == TD_ROLE_UNKNOWN)
            fail_msg("%s: %s is no image", option->name, *images);
}

static void images_and_choices_of_an_option_exist(void **state)
{
    (void)state;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];
        unsigned members = 0;

        check_images(option, option->images);
        check_images(option, option->match);
        for (size_t k = 0; td_is_set(option->choice) && k < knowledge->n_options; k++)
            members += strcmp(knowledge->options[k].choice, option->choice) == 0;
        if (td_is_set(option->choice) && members < 2)
            fail_msg("%s is alone in choice %s", option->name, option->choice);
    }
}

static void an_option_is_found_under_what_people_write(void **state)
{
    static const struct {
        const char *written, *name;
    } rows[] = {
        { "MCUMGR_TRANSPORT_BT", "MCUMGR_TRANSPORT_BT" },
        { "CONFIG_MCUMGR_TRANSPORT_BT", "MCUMGR_TRANSPORT_BT" },
        { "config_mcumgr_transport_bt=y", "MCUMGR_TRANSPORT_BT" },
        { "SB_CONFIG_BOOTLOADER_MCUBOOT", "SB_CONFIG_BOOTLOADER_MCUBOOT" },
        { "CONFIG_MCUMGR_TRANSPROT_BT", NULL },
        { "CONFIG_", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct td_option *got = td_option_written(knowledge, rows[i].written);

        if (rows[i].name == NULL)
            assert_null(got);
        else
            assert_string_equal(got == NULL ? "none" : got->name, rows[i].name);
    }
}

static void a_misspelt_option_is_taken_for_the_nearest(void **state)
{
    static const struct {
        const char *written, *name;
    } rows[] = {
        { "CONFIG_MCUMGR_TRANSPROT_BT=y", "MCUMGR_TRANSPORT_BT" },
        { "config_mcumgr_grp_imge", "MCUMGR_GRP_IMG" },
        { "SB_CONFIG_BOTLOADER_MCUBOOT", "SB_CONFIG_BOOTLOADER_MCUBOOT" },
        { "XYZ", NULL },
        { "SOMETHING_ELSE_ALTOGETHER", NULL },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct td_option *got = td_option_meant(knowledge, rows[i].written);

        if (rows[i].name == NULL)
            assert_null(got);
        else
            assert_string_equal(got == NULL ? "none" : got->name, rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_current_option_has_a_meaning_and_every_option_a_source),
        cmocka_unit_test(an_old_option_leads_to_a_current_one_or_went),
        cmocka_unit_test(an_option_ends_behind_its_beginning),
        cmocka_unit_test(what_an_option_needs_and_sets_is_known),
        cmocka_unit_test(images_and_choices_of_an_option_exist),
        cmocka_unit_test(an_option_is_found_under_what_people_write),
        cmocka_unit_test(a_misspelt_option_is_taken_for_the_nearest),
    };

    return cmocka_run_group_tests(tests, read_books, drop_books);
}
