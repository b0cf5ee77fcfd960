/*
 * layout/yaml_fuzz.c - hostile text as partition manager YAML.
 *
 * What is read is within 32 bits and named; it is checked, printed, drawn and compared, and a
 * layout does not differ from itself. What is refused names its reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "layout/diff.h"
#include "layout/read.h"
#include "layout/report.h"
#include "layout/svg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_partitions(const struct td_layout *layout)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (p->name[0] == '\0' || memchr(p->name, '\0', sizeof p->name) == NULL ||
            p->region[0] == '\0' || p->n_span > TD_LAYOUT_SPAN ||
            td_partition_end(p) > (uint64_t)UINT32_MAX + 1)
            abort();
    }
}

static void use(const struct td_layout *layout)
{
    static struct td_layout_issues issues;
    static struct td_layout_diff diff;
    static const struct td_report_style style = { false, "", "", "" };
    const struct td_layout_env env = { .image_size = 1 };
    const struct td_svg_side sides[] = { { layout, "a", &issues }, { layout, "b", NULL } };
    struct td_text out = { .len = 0 };

    td_layout_check(layout, &env, &issues);
    for (size_t i = 0; i < issues.n; i++) {
        if (issues.at[i].text[0] == '\0')
            abort();
    }
    td_layout_compare(layout, layout, &(struct td_layout_env){ .soc = NULL }, &diff);
    if (diff.n_changes > 0 || diff.way != TD_WAY_OTA)
        abort();
    td_report_print(layout, &style, &out);
    td_report_remarks(layout, NULL, &env, &out);
    td_layout_svg(sides, 1, &out);
    td_layout_svg(sides, 2, &out);
    if (out.len < 7 || strcmp(out.at + out.len - 7, "</svg>\n") != 0)
        abort();
    free(out.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct td_layout *layout = td_layout_new();
    struct td_layout_fault fault;
    char *text = malloc(size + (size == 0)); // of exactly this length, so that ASan sees

    if (layout == NULL || text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    if (td_layout_read_yaml(text, size, "", layout, &fault) == TD_OK) {
        check_partitions(layout);
        use(layout);
    } else if (fault.what[0] == '\0') {
        abort();
    }
    free(text);
    td_layout_free(layout);
    return 0;
}
