/*
 * doctor/config_fuzz.c - hostile lines as a configuration.
 *
 * Assignments lie inside their line, one behind the other, and none is found twice. A file that
 * is written as a build writes it is read back as it was: each option, with its last value.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/config.h"
#include "doctor/config_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const images[] = { "app", "mcuboot", NULL };
static const char *const helped[] = { "OTHER_SIZE=5 if THE_VALUE", "THIRD_NAME", NULL };
static const char *const needed[] = { "THE_VALUE=1|THIRD_NAME", NULL };
static const char *const asked[] = { "option name=THE_VALUE", "option name=THIRD_NAME",
                                     "not option.unset name=OTHER_SIZE", NULL };

static const struct td_option options[] = {
    { .name = "HELPER_NAME", .fallback = "n", .images = images, .sets = helped, .choice = "c" },
    { .name = "OTHER_SIZE", .fallback = "4", .needs = needed, .match = images, .choice = "c" },
    { .name = "SB_CONFIG_CHAIN", .since = "ncs-2.7" },
    { .name = "THE_VALUE", .until = "zephyr-3.3", .now = "THIRD_NAME" },
    { .name = "THIRD_NAME", .since = "zephyr-3.3", .images = images },
};

static const struct td_rule rule = { .id = "X", .name = "x", .when = asked };
static const struct td_knowledge knowledge = {
    .rules = &rule,
    .n_rules = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
};

static void check_inside(const char *line, size_t len, struct td_span span)
{
    if (span.len > 0 && (span.at < line || span.at + span.len > line + len))
        abort();
}

static void scan(const char *line, size_t len)
{
    struct td_assignment got;
    size_t at = 0, before = 0;

    while (td_assignment_next(line, len, &at, &got)) {
        check_inside(line, len, got.whole);
        check_inside(line, len, got.image);
        check_inside(line, len, got.name);
        if (!got.not_set && !got.defined)
            check_inside(line, len, got.value);
        if (got.name.len == 0 || got.begin < before || at <= before || at > len)
            abort();
        before = at;
    }
}

static struct td_facts *read_lines(const char *name, const char *text, size_t size)
{
    struct td_facts *facts = td_facts_new();
    struct td_config *config = td_config_new(facts, &knowledge);
    uint32_t n = 0;

    if (facts == NULL || config == NULL)
        abort();
    td_config_file(config, 0, name);
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t len = end == NULL ? size : (size_t)(end - text);
        char *line = strndup(text, len); // so that ASan sees its end
        struct td_event event = {
            .kind = TD_EVENT_LINE,
            .at = { .line = ++n },
            .line = { .text = line, .raw = line },
        };

        if (line == NULL)
            abort();
        event.line.len = strlen(line);
        scan(line, event.line.len);
        td_config_line(config, &event);
        free(line);
        len += end != NULL;
        text += len;
        size -= len;
    }
    td_config_end(config);
    td_config_free(config);
    return facts;
}

/* The first byte chooses a value, the others how the option gets there. */
static void write_and_read(const uint8_t *data, size_t size)
{
    static const struct {
        const char *before, *behind;
    } forms[] = {
        { "CONFIG_", "" },           { "CONFIG_A=y CONFIG_", " # B" },
        { "# HEAD CONFIG_", "" },    { "CONFIG_A=\"x y\" CONFIG_", "" },
        { "-- -DCONFIG_", " -DA" },  { "my board has `CONFIG_", "`, and" },
        { "CONFIG_A=yCONFIG_", "" },
    };
    size_t form = data[size - 1] % (sizeof forms / sizeof *forms);
    char text[128], want[64];
    struct td_facts *facts;
    int len = snprintf(text, sizeof text, "%sTHIRD_NAME=%u%s\n", forms[form].before, data[0],
                       forms[form].behind);

    snprintf(want, sizeof want, "option name=THIRD_NAME value=%u role=app", data[0]);
    facts = read_lines("prj.conf", text, (size_t)len);
    if (!td_facts_hold(facts, want))
        abort();
    td_facts_free(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { NULL, "prj.conf", "mcuboot.conf", ".config",
                                         "sysbuild.conf" };

    if (size == 0)
        return 0;
    write_and_read(data, size);
    td_facts_free(read_lines(names[data[0] % (sizeof names / sizeof *names)],
                             (const char *)data + 1, size - 1));
    return 0;
}
