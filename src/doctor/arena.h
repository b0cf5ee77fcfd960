/*
 * doctor/arena.h - memory that is given back all at once, and arrays that grow in it.
 */
#ifndef TD_DOCTOR_ARENA_H
#define TD_DOCTOR_ARENA_H

#include <stddef.h>

struct td_arena_block;

/* Zeroed to begin with. */
struct td_arena {
    struct td_arena_block *blocks;
    size_t used; /* bytes of the newest block */
};
/* Zeroed, for any type. NULL: no memory. */
void *td_arena_take(struct td_arena *arena, size_t size);
char *td_arena_text(struct td_arena *arena, const char *text, size_t len);
void td_arena_free(struct td_arena *arena);

/* A growing array in an arena. */
struct td_rows {
    void *at;
    size_t n, cap;
    size_t size; /* of one */
};

void *td_rows_add(struct td_arena *arena,
                  struct td_rows *rows); /* a new, zeroed row; NULL: no memory */

#endif
