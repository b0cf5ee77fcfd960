/* client/chunk.c - the file's bytes go straight from the source to their place in a message. */
#include <string.h>

#include "base/range.h"
#include "cbor/cbor.h"
#include "client/chunk_priv.h"

uint32_t td_chunk_fit(uint32_t room)
{
    static const struct {
        uint32_t head, most;
    } rows[] = { { 1, 23 }, { 2, 255 }, { 3, 65535 }, { 5, UINT32_MAX } };
    uint32_t data = 0;

    for (size_t i = 0; i < TD_N_OF(rows); i++)
        if (room > rows[i].head)
            data = td_max_u32(data, td_min_u32(room - rows[i].head, rows[i].most));
    return data;
}

static size_t put_bytes_head(uint8_t *out, uint32_t n)
{
    size_t head = td_cbor_head_size(n);

    if (head == 1) {
        out[0] = (uint8_t)(0x40 | n);
    } else if (head == 2) {
        out[0] = 0x58;
        out[1] = (uint8_t)n;
    } else {
        out[0] = 0x59;
        out[1] = (uint8_t)(n >> 8);
        out[2] = (uint8_t)n;
    }
    return head;
}

enum td_err td_chunk_fill(uint8_t *out, size_t cap, size_t tail, const struct td_source *src,
                          uint32_t off, uint32_t n, size_t *len)
{
    size_t head = td_cbor_head_size(n), at;

    // A message has 16 bits for its length, so that a longer head never fits.
    if (n > UINT16_MAX || *len - 1 + head + n > cap)
        return TD_ESPACE;
    at = *len - tail - 1;
    memmove(out + at + head + n, out + at + 1, tail);
    at += put_bytes_head(out + at, n);
    *len = at + n + tail;
    return td_source_read(src, off, out + at, n);
}
