/*
 * crypto/vectors_test.h - reads the lines of tests/vectors/ for this room's tests.
 *
 * Bytes are copied to the heap at their exact length, so that the address sanitizer sees a
 * read of one byte too many. Include after cmocka.h.
 */
#ifndef TD_CRYPTO_VECTORS_TEST_H
#define TD_CRYPTO_VECTORS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vectors {
    FILE *file;
    char *line;
    size_t cap;
    int number;
    const char *field[8];
    int n_fields;
};

struct bytes {
    uint8_t *at;
    size_t len;
};

static inline void vectors_open(struct vectors *v, const char *name)
{
    char path[512];

    memset(v, 0, sizeof(*v));
    snprintf(path, sizeof(path), "%s/tests/vectors/%s", TD_ROOT, name);
    v->file = fopen(path, "r");
    if (v->file == NULL)
        fail_msg("cannot open %s", path);
}

static inline bool vectors_next(struct vectors *v)
{
    ssize_t len = getline(&v->line, &v->cap, v->file);
    char *rest = v->line;

    if (len < 0)
        return false;
    v->line[strcspn(v->line, "\n")] = '\0';
    v->number++;
    v->n_fields = 0;
    while (rest != NULL && v->n_fields < 8)
        v->field[v->n_fields++] = strsep(&rest, "\t");
    return true;
}

static inline void vectors_close(struct vectors *v)
{
    free(v->line);
    fclose(v->file);
}

/* The bytes of a field; the caller frees them. */
static inline struct bytes vectors_bytes(const struct vectors *v, int field)
{
    struct bytes b = { NULL, 0 };
    const char *hex;

    if (field >= v->n_fields)
        fail_msg("line %d has no field %d", v->number, field);
    hex = v->field[field];
    b.len = hex[0] == '-' ? 0 : strlen(hex) / 2;
    b.at = malloc(b.len > 0 ? b.len : 1);
    assert_non_null(b.at);
    for (size_t i = 0; i < b.len; i++) {
        unsigned value;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        b.at[i] = (uint8_t)value;
    }
    return b;
}

static inline void bytes_free(struct bytes *b)
{
    free(b->at);
    b->at = NULL;
}

#endif
