/* tools/hex.c - Intel hex, read strictly and written as imgtool's library writes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/range.h"
#include "tools/cli.h"
#include "tools/file.h"
#include "tools/memory.h"

enum record {
    DATA = 0,
    END = 1,
    SEGMENT = 2,
    START_SEGMENT = 3,
    LINEAR = 4,
    START_LINEAR = 5,
};

#define RECORD_MAX 255
#define PER_LINE   16

bool td_file_is_hex(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot != NULL && strcasecmp(dot, ".hex") == 0;
}

struct line {
    uint8_t type;
    uint16_t addr;
    uint8_t len;
    uint8_t data[RECORD_MAX];
};

/* Where the reader stands, and how far the data reaches. */
struct reader {
    uint32_t upper; /* added to a record's address */
    uint64_t low;   /* of all data; low >= high: none yet */
    uint64_t high;
    bool done;
    struct td_hex_error *error;
    unsigned n_line;
};

static bool wrong(struct reader *r, const char *text)
{
    r->error->text = text;
    r->error->line = r->n_line;
    return false;
}

static bool parse_line(struct reader *r, const char *text, size_t len, struct line *line)
{
    uint8_t raw[RECORD_MAX + 5];
    uint8_t sum = 0;
    size_t n = (len - 1) / 2;

    if (text[0] != ':')
        return wrong(r, "a record does not begin with a colon");
    if (len % 2 == 0 || n < 5 || n > sizeof raw)
        return wrong(r, "a record has not the length that it should have");
    for (size_t i = 0; i < n; i++) {
        int high = td_hex_digit(text[1 + 2 * i]);
        int low = td_hex_digit(text[2 + 2 * i]);

        if (high < 0 || low < 0)
            return wrong(r, "a record holds something that is not a hex digit");
        raw[i] = (uint8_t)(high << 4 | low);
        sum = (uint8_t)(sum + raw[i]);
    }
    if (raw[0] + 5u != n)
        return wrong(r, "a record has not the length that it announces");
    if (sum != 0)
        return wrong(r, "a record's checksum is wrong");
    line->len = raw[0];
    line->addr = td_load_be16(raw + 1);
    line->type = raw[3];
    memcpy(line->data, raw + 4, line->len);
    return true;
}

static bool take_upper(struct reader *r, const struct line *line, unsigned shift)
{
    if (line->len != 2)
        return wrong(r, "an address record does not hold two bytes");
    r->upper = (uint32_t)td_load_be16(line->data) << shift;
    return true;
}

/* What a record does to the reader; *is_data tells that it holds bytes of the image. */
static bool take_line(struct reader *r, const struct line *line, bool *is_data)
{
    *is_data = false;
    switch (line->type) {
    case DATA: *is_data = line->len > 0; return true;
    case END: r->done = true; return true;
    case SEGMENT: return take_upper(r, line, 4);
    case LINEAR: return take_upper(r, line, 16);
    case START_SEGMENT:
    case START_LINEAR: return true; // where a debugger would start; an image has its own
    default: return wrong(r, "a record is of a type that does not exist");
    }
}

/* Calls visit for each data record; both passes over the text go through here. */
static bool each_record(struct reader *r, const char *text, size_t len,
                        bool (*visit)(struct reader *r, uint64_t addr, const struct line *line,
                                      void *ctx),
                        void *ctx)
{
    size_t at = 0;

    r->upper = 0;
    r->done = false;
    r->n_line = 0;
    while (at < len && !r->done) {
        const char *start = text + at;
        const char *stop = memchr(start, '\n', len - at);
        size_t n = stop != NULL ? (size_t)(stop - start) : len - at;
        struct line line;
        bool is_data;

        at += n + 1;
        r->n_line++;
        while (n > 0 && (start[n - 1] == '\r' || start[n - 1] == ' ' || start[n - 1] == '\t'))
            n--;
        if (n == 0)
            continue;
        if (!parse_line(r, start, n, &line) || !take_line(r, &line, &is_data))
            return false;
        if (is_data && !visit(r, (uint64_t)r->upper + line.addr, &line, ctx))
            return false;
    }
    return true;
}

static bool measure(struct reader *r, uint64_t addr, const struct line *line, void *ctx)
{
    (void)ctx;
    if (addr + line->len > UINT32_MAX)
        return wrong(r, "an address does not fit in 32 bits");
    if (r->low >= r->high || addr < r->low)
        r->low = addr;
    if (addr + line->len > r->high)
        r->high = addr + line->len;
    return true;
}

struct filling {
    struct td_disk_file *file;
    uint8_t *used;
};

static bool fill(struct reader *r, uint64_t addr, const struct line *line, void *ctx)
{
    struct filling *f = ctx;
    uint32_t off = (uint32_t)(addr - f->file->base);

    for (uint8_t i = 0; i < line->len; i++) {
        if (f->used[off + i] != 0)
            return wrong(r, "two records hold the same address");
        f->used[off + i] = 1;
        f->file->bytes[off + i] = line->data[i];
    }
    return true;
}

bool td_hex_parse(const char *text, size_t len, struct td_disk_file *file,
                  struct td_hex_error *error)
{
    struct reader r = { .error = error };
    struct filling filling = { file, NULL };
    bool filled;

    *file = (struct td_disk_file){ 0 };
    if (!each_record(&r, text, len, measure, NULL))
        return false;
    r.n_line = 0;
    if (r.low >= r.high)
        return wrong(&r, "the file holds no data");
    if (r.high - r.low > TD_FILE_MAX)
        return wrong(&r, "its first and its last byte lie too far apart for one image");
    file->has_base = true;
    file->base = (uint32_t)r.low;
    file->size = (uint32_t)(r.high - r.low);
    file->bytes = malloc(file->size);
    filling.used = calloc(file->size, 1);
    if (file->bytes == NULL || filling.used == NULL) {
        free(filling.used);
        td_file_free(file);
        return wrong(&r, "there is not enough memory");
    }
    memset(file->bytes, 0xff, file->size);
    filled = each_record(&r, text, len, fill, &filling);
    free(filling.used);
    if (!filled)
        td_file_free(file);
    return filled;
}

/* ---- with holes ---------------------------------------------------------------------- */

#define HOLE_MIN 64 /* bytes; smaller ones are a linker's alignment */

struct piece {
    uint32_t addr;
    uint32_t len;
    size_t off; /* in the bytes, in the order of the file */
    unsigned line;
};

struct pieces {
    struct piece *at;
    size_t n, cap;
    uint8_t *bytes;
    size_t len, bytes_cap;
};

static bool grow(void **array, size_t *cap, size_t want, size_t size)
{
    size_t more = *cap == 0 ? 1024 : *cap;
    void *bigger;

    if (want <= *cap)
        return true;
    while (more < want)
        more *= 2;
    bigger = realloc(*array, more * size);
    if (bigger == NULL)
        return false;
    *array = bigger;
    *cap = more;
    return true;
}

static bool collect(struct reader *r, uint64_t addr, const struct line *line, void *ctx)
{
    struct pieces *p = ctx;
    void *at = p->at, *bytes = p->bytes;
    struct piece *last;
    bool grown;

    if (addr + line->len > UINT32_MAX)
        return wrong(r, "an address does not fit in 32 bits");
    grown = grow(&bytes, &p->bytes_cap, p->len + line->len, 1);
    p->bytes = bytes;
    grown = grown && grow(&at, &p->cap, p->n + 1, sizeof *p->at);
    p->at = at;
    if (!grown)
        return wrong(r, "there is not enough memory");
    memcpy(p->bytes + p->len, line->data, line->len);
    last = p->n == 0 ? NULL : &p->at[p->n - 1];
    if (last != NULL && (uint64_t)last->addr + last->len == addr)
        last->len += line->len;
    else
        p->at[p->n++] = (struct piece){ (uint32_t)addr, line->len, p->len, r->n_line };
    p->len += line->len;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Pieces in ascending order, put together where the hole between two is small. */
static bool assemble(struct reader *r, struct pieces *p, struct td_memory *m)
{
    size_t total = p->len + p->n * HOLE_MIN;
    size_t len = 0;

    qsort(p->at, p->n, sizeof *p->at, by_address);
    m->heap = malloc(total);
    m->at = malloc(p->n * sizeof *m->at);
    if (m->heap == NULL || m->at == NULL)
        return wrong(r, "there is not enough memory");
    for (size_t i = 0; i < p->n; i++) {
        const struct piece *piece = &p->at[i];
        struct td_segment *last = m->n == 0 ? NULL : &m->at[m->n - 1];
        uint64_t end = last == NULL ? 0 : (uint64_t)last->addr + last->len;

        r->n_line = piece->line;
        if (last != NULL && piece->addr < end)
            return wrong(r, "two records hold the same address");
        if (last != NULL && piece->addr - end < HOLE_MIN) {
            size_t hole = (size_t)(piece->addr - end);

            memset(m->heap + len, 0xff, hole);
            len += hole;
            last->len += (uint32_t)hole + piece->len;
        } else {
            m->at[m->n++] = (struct td_segment){ piece->addr, piece->len, m->heap + len };
        }
        memcpy(m->heap + len, p->bytes + piece->off, piece->len);
        len += piece->len;
    }
    return true;
}

bool td_memory_of_hex(struct td_memory *m, const char *text, size_t len, struct td_hex_error *error)
{
    struct reader r = { .error = error };
    struct pieces p = { 0 };
    bool read;

    memset(m, 0, sizeof *m);
    m->erased = 0xff;
    m->has_addresses = true;
    read = each_record(&r, text, len, collect, &p);
    if (read && p.n == 0) {
        r.n_line = 0;
        read = wrong(&r, "the file holds no data");
    }
    read = read && assemble(&r, &p, m);
    free(p.at);
    free(p.bytes);
    return read;
}

static void put_record(FILE *out, uint8_t type, uint16_t addr, const uint8_t *data, uint8_t len)
{
    uint8_t sum = (uint8_t)(len + (addr >> 8) + addr + type);

    fprintf(out, ":%02X%04X%02X", len, addr, type);
    for (uint8_t i = 0; i < len; i++) {
        fprintf(out, "%02X", data[i]);
        sum = (uint8_t)(sum + data[i]);
    }
    fprintf(out, "%02X\n", (uint8_t)-sum);
}

/* One chunk's records; they end at the borders of 64 KiB. *upper is the address in force. */
static void put_chunk(FILE *out, const struct td_hex_chunk *chunk, bool wide, uint32_t *upper)
{
    uint32_t done = 0;

    while (done < chunk->len) {
        uint32_t addr = chunk->addr + done;
        uint32_t len = td_min_u32(chunk->len - done, PER_LINE);
        uint8_t high[2];

        len = td_min_u32(len, 0x10000 - (addr & 0xffff));
        if (wide && addr >> 16 != *upper) {
            *upper = addr >> 16;
            td_store_be16(high, (uint16_t)*upper);
            put_record(out, LINEAR, 0, high, sizeof high);
        }
        put_record(out, DATA, (uint16_t)addr, chunk->bytes + done, (uint8_t)len);
        done += len;
    }
}

/* Chunks that touch are one run of bytes: their records would otherwise break in between. */
static bool join(struct td_hex_chunk *into, const struct td_hex_chunk *next, uint8_t **heap)
{
    uint8_t *both = malloc((size_t)into->len + next->len);

    if (both == NULL)
        return false;
    memcpy(both, into->bytes, into->len);
    memcpy(both + into->len, next->bytes, next->len);
    free(*heap);
    *heap = both;
    into->bytes = both;
    into->len += next->len;
    return true;
}

char *td_hex_format(const struct td_hex_chunk *chunks, size_t n, size_t *len)
{
    const struct td_hex_chunk *last = &chunks[n - 1];
    bool wide = last->addr + (last->len - 1) > 0xffff;
    uint32_t upper = UINT32_MAX;
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct td_hex_chunk run = chunks[i];
        uint8_t *heap = NULL;

        for (; i + 1 < n && run.addr + run.len == chunks[i + 1].addr; i++)
            if (!join(&run, &chunks[i + 1], &heap))
                break;
        put_chunk(out, &run, wide, &upper);
        free(heap);
    }
    put_record(out, END, 0, NULL, 0);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
