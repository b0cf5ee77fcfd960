/*
 * doctor/option.c - looks up options by name, also as people write and misspell them.
 */
#include "doctor/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "doctor/config_priv.h"

static int by_option(const void *name, const void *option)
{
    return strcmp(name, ((const struct td_option *)option)->name);
}

const struct td_option *td_option_find(const struct td_knowledge *knowledge, const char *name)
{
    return knowledge->n_options == 0 ? NULL
                                     : bsearch(name, knowledge->options, knowledge->n_options,
                                               sizeof *knowledge->options, by_option);
}

/* The name in "CONFIG_X=y" as the books have it. */
static void bare_name(const char *text, char out[160])
{
    static const char prefix[] = "CONFIG_";
    size_t len;

    while (*text == ' ')
        text++;
    if (strncasecmp(text, prefix, sizeof prefix - 1) == 0)
        text += sizeof prefix - 1;
    len = strcspn(text, "= ");
    snprintf(out, 160, "%.*s", (int)(len < 159 ? len : 159), text);
}

const struct td_option *td_option_written(const struct td_knowledge *knowledge, const char *text)
{
    char name[160];

    bare_name(text, name);
    for (size_t i = 0; i < knowledge->n_options; i++)
        if (strcasecmp(knowledge->options[i].name, name) == 0)
            return &knowledge->options[i];
    return NULL;
}

const struct td_option *td_option_meant(const struct td_knowledge *knowledge, const char *text)
{
    const struct td_option *nearest = NULL;
    unsigned least = 3;
    char name[160];

    bare_name(text, name);
    for (char *p = name; *p != 0; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    for (size_t i = 0; i < knowledge->n_options; i++) {
        unsigned far = td_option_distance(name, knowledge->options[i].name);

        if (far < least) {
            least = far;
            nearest = &knowledge->options[i];
        }
    }
    // Two of four letters are another word.
    return least > strlen(name) / 4 ? NULL : nearest;
}

const struct td_option *td_option_newest(const struct td_knowledge *knowledge,
                                         const struct td_option *option)
{
    for (int steps = 0; steps < 8 && option != NULL && td_is_set(option->now); steps++)
        option = td_option_find(knowledge, option->now);
    return option;
}

void td_option_spell(const char *name, char out[160])
{
    snprintf(out, 160, "%s%s", strncmp(name, "SB_CONFIG_", 10) == 0 ? "" : "CONFIG_", name);
}

void td_say_bound(const char *bound, char out[32])
{
    struct td_sdk sdk;

    out[0] = 0;
    if (td_is_set(bound) && td_sdk_from_text(bound, &sdk))
        snprintf(out, 32, "%s %u.%u", sdk.family == TD_SDK_NCS ? "nRF Connect SDK" : "Zephyr",
                 sdk.number / 100, sdk.number % 100);
}

unsigned td_option_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned rows[3][96];

    if (n >= 96 || m >= 96 || n > m + 2 || m > n + 2)
        return 3;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        unsigned least = now[0] = (unsigned)i;

        for (size_t j = 1; j <= m; j++) {
            unsigned cost = last[j - 1] + (a[i - 1] != b[j - 1]);

            if (last[j] + 1 < cost)
                cost = last[j] + 1;
            if (now[j - 1] + 1 < cost)
                cost = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < cost)
                cost = before[j - 2] + 1;
            now[j] = cost;
            if (cost < least)
                least = cost;
        }
        if (least > 2)
            return 3;
    }
    return rows[n % 3][m] > 2 ? 3 : rows[n % 3][m];
}
