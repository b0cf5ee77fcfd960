/*
 * layout/scan_fuzz.c - hostile text as somebody's log, with reports and YAML in it.
 *
 * A report that was found and is printed anew reads as the same report.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "layout/read.h"
#include "layout/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct td_report_style style = { false, "", "", "" };

static void scan_text(const char *text, size_t len, const struct td_layout_scan_hooks *hooks)
{
    struct td_layout_scan *scan = td_layout_scan_new(hooks);
    uint32_t line = 1;

    if (scan == NULL)
        abort();
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end != NULL ? (size_t)(end - text) : len;
        char *copy = malloc(n + (n == 0)); // nothing behind the line's end

        if (copy == NULL)
            abort();
        memcpy(copy, text, n);
        td_layout_scan_line(scan, line++, copy, n);
        free(copy);
        n += end != NULL;
        text += n;
        len -= n;
    }
    td_layout_scan_end(scan);
    td_layout_scan_free(scan);
}

struct again {
    unsigned n;
    struct td_text text;
};

static void take_again(void *ctx, enum td_layout_kind kind, const struct td_layout *layout,
                       uint32_t line)
{
    struct again *again = ctx;

    (void)line;
    if (kind != TD_LAYOUT_REPORT)
        abort();
    again->n++;
    td_report_print(layout, &style, &again->text);
}

static void take(void *ctx, enum td_layout_kind kind, const struct td_layout *layout, uint32_t line)
{
    struct again again = { .n = 0 };
    const struct td_layout_scan_hooks hooks = { .found = take_again, .ctx = &again };
    struct td_text text = { .len = 0 };

    (void)ctx;
    if (layout->n == 0 || line == 0)
        abort();
    for (size_t i = 0; i < layout->n; i++) {
        if (td_partition_end(&layout->at[i]) > (uint64_t)UINT32_MAX + 1)
            abort();
    }
    if (kind != TD_LAYOUT_REPORT)
        return;
    td_report_print(layout, &style, &text);
    scan_text(text.at, text.len, &hooks);
    if (again.n != 1 || strcmp(again.text.at, text.at) != 0)
        abort();
    free(text.at);
    free(again.text.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct td_layout_scan_hooks hooks = { .found = take, .ctx = NULL };

    scan_text((const char *)data, size, &hooks);
    return 0;
}
