/* nsib/store.c - a page of flash as a store, and stores as sources that read torn words steadily. */
#include "nsib/store.h"

#include "base/bytes.h"
#include "base/range.h"

static enum td_err flash_read(const struct td_nsib_store *store, uint32_t off, uint32_t *word)
{
    uint8_t raw[4];
    enum td_err err = td_flash_read(store->area, off, raw, sizeof raw);

    *word = err == TD_OK ? td_load_le32(raw) : 0;
    return err;
}

/* The word as all later reads will have it, see store.h. */
static enum td_err steady_word(const struct td_nsib_store *store, uint32_t off, uint32_t *word)
{
    uint32_t every = UINT32_MAX;

    for (unsigned n = 0; n < TD_FLASH_READS; n++) {
        uint32_t once;
        enum td_err err = store->read(store, off, &once);

        if (err != TD_OK)
            return err;
        every &= once;
    }
    *word = every;
    return TD_OK;
}

// A word of this flash is programmed twice at most: its halfwords hold one counter slot each, a
// token is written at the factory and revoked once.
static enum td_err flash_program(const struct td_nsib_store *store, uint32_t off, uint32_t value,
                                 uint8_t width)
{
    uint32_t at = off & ~3u;
    uint32_t shift = 8 * (off & 3);
    uint32_t mask = (width == 4 ? UINT32_MAX : 0xffffu) << shift;
    uint8_t raw[4];
    uint32_t word;
    enum td_err err = steady_word(store, at, &word);

    if (err != TD_OK)
        return err;
    td_store_le32(raw, (word & ~mask) | (value << shift & mask));
    return td_flash_write(store->area, at, raw, sizeof raw);
}

struct td_nsib_store td_nsib_store_flash(const struct td_flash_area *area)
{
    return (struct td_nsib_store){ flash_read, flash_program, area, NULL, area->size };
}

static enum td_err source_read(const void *ctx, uint32_t off, void *dst, size_t len)
{
    const struct td_nsib_store *store = (const struct td_nsib_store *)ctx;
    uint8_t *out = (uint8_t *)dst;

    if (off % 4 != 0 || len % 4 != 0)
        return TD_EALIGN;
    for (size_t done = 0; done < len; done += 4) {
        uint32_t word;
        enum td_err err = steady_word(store, off + (uint32_t)done, &word);

        if (err != TD_OK)
            return err;
        td_store_le32(out + done, word);
    }
    return TD_OK;
}

struct td_source td_nsib_store_source(const struct td_nsib_store *store)
{
    return (struct td_source){ source_read, store, store->size };
}
