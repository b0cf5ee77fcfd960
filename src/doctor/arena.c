/* doctor/arena.c - blocks, and pieces of them. */
#include "doctor/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (64u * 1024)
#define ALIGN 16u

struct td_arena_block {
    struct td_arena_block *next;
    size_t cap;
    _Alignas(ALIGN) uint8_t bytes[];
};

void *td_arena_take(struct td_arena *arena, size_t size)
{
    struct td_arena_block *block = arena->blocks;
    void *at;

    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (block == NULL || block->cap - arena->used < size) {
        size_t cap = size > BLOCK ? size : BLOCK;

        block = calloc(1, sizeof *block + cap);
        if (block == NULL)
            return NULL;
        block->cap = cap;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
    }
    at = block->bytes + arena->used;
    arena->used += size;
    return at;
}

char *td_arena_text(struct td_arena *arena, const char *text, size_t len)
{
    char *copy = td_arena_take(arena, len + 1);

    if (copy != NULL)
        memcpy(copy, text, len);
    return copy;
}

void td_arena_free(struct td_arena *arena)
{
    while (arena->blocks != NULL) {
        struct td_arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}

void *td_rows_add(struct td_arena *arena, struct td_rows *rows)
{
    if (rows->n == rows->cap) {
        size_t cap = rows->cap == 0 ? 8 : 2 * rows->cap;
        void *more = td_arena_take(arena, cap * rows->size);

        if (more == NULL)
            return NULL;
        if (rows->n > 0)
            memcpy(more, rows->at, rows->n * rows->size);
        rows->at = more;
        rows->cap = cap;
    }
    return (uint8_t *)rows->at + rows->n++ * rows->size;
}
