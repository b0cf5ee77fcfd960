/*
 * tools/package_fuzz.c - hostile bytes as a package, or as the manifest of one.
 *
 * A zip's checksums keep a mutation from reaching the manifest, so the first byte chooses
 * whether the rest is a whole package or the manifest's text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/package_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (256u * 1024)

static void check(const struct td_package *p)
{
    uint64_t total = 0;

    if (p->n > TD_PACKAGE_MEMBERS || p->n_issues > TD_PACKAGE_ISSUES)
        abort();
    for (size_t i = 0; i < p->n; i++) {
        const struct td_member *m = &p->at[i];

        total += m->size;
        if (memchr(m->name, 0, sizeof m->name) == NULL || (m->bytes == NULL && m->size > 0) ||
            (m->bytes != NULL && !m->present))
            abort();
        for (const char *c = m->name; *c != '\0'; c++)
            if ((unsigned char)*c < 0x20)
                abort();
    }
    if (total > LIMIT)
        abort();
    for (size_t i = 0; i < p->n_issues; i++)
        if (p->issues[i].member >= (int)p->n || p->issues[i].text[0] == '\0' ||
            p->issues[i].code == NULL)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct td_package p;
    struct td_package_fault fault = { .what = "" };
    uint8_t *bytes;

    if (size == 0)
        return 0;
    bytes = malloc(size); // of exactly this length, so that ASan sees
    if (bytes == NULL)
        abort();
    memcpy(bytes, data + 1, size - 1);
    if (data[0] == 'm') {
        memset(&p, 0, sizeof p);
        td_manifest_read(&p, (const char *)bytes, size - 1);
        td_package_judge(&p);
        check(&p);
    } else if (td_package_read(&p, bytes, size - 1, LIMIT, &fault)) {
        check(&p);
    } else if (fault.what[0] == '\0') {
        abort();
    }
    td_package_free(&p);
    free(bytes);
    return 0;
}
