#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"

void shim_forget(struct shim *shim)
{
    shim->n = 0;
}

static struct shim *shim_of(const struct td_flash_dev *dev)
{
    return dev->ctx;
}

static enum td_err erase_now(const struct shim *s, const struct op *op)
{
    const struct td_flash_dev *dev = &s->below->dev;
    bool done = false;
    enum td_err err = dev->ops->erase_begin(dev, op->off, op->len);

    while (err == TD_OK && !done)
        err = dev->ops->erase_step(dev, 1000000, &done);
    return err;
}

static enum td_err release(struct shim *s)
{
    const struct td_flash_dev *dev = &s->below->dev;
    enum td_err err = TD_OK;

    for (unsigned i = 0; err == TD_OK && i < s->n; i++) {
        const struct op *op = &s->ops[i].op;

        err = op->is_erase ? erase_now(s, op)
                           : dev->ops->write(dev, op->off, s->ops[i].bytes, op->len);
    }
    s->n = 0;
    return err;
}

static enum td_err hold(struct shim *s, const struct op *op, const void *src)
{
    if (s->n == SHIM_HELD_MAX || (src != NULL && op->len > sizeof s->ops[0].bytes)) {
        fprintf(stderr, "sweep: a planted bug holds back too much\n");
        exit(2);
    }
    s->ops[s->n].op = *op;
    if (src != NULL)
        memcpy(s->ops[s->n].bytes, src, op->len);
    s->n++;
    return TD_OK;
}

static enum td_err shim_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                              size_t len)
{
    struct shim *s = shim_of(dev);
    const struct td_flash_dev *below = &s->below->dev;
    struct op op = { false, off, (uint32_t)len };
    enum td_err err;

    if (s->below->power->lost)
        return TD_EFLASH;
    if (s->held(s->ctx, &op))
        return hold(s, &op, src);
    err = below->ops->write(below, off, src, len);
    return err == TD_OK && s->first(s->ctx, &op) ? release(s) : err;
}

static enum td_err shim_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    struct shim *s = shim_of(dev);
    struct op op = { true, off, len };
    enum td_err err;

    if (s->below->power->lost)
        return TD_EFLASH;
    if (s->held(s->ctx, &op))
        return hold(s, &op, NULL);
    err = erase_now(s, &op);
    return err == TD_OK && s->first(s->ctx, &op) ? release(s) : err;
}

static enum td_err shim_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)budget_us;
    *done = true;
    return shim_of(dev)->below->power->lost ? TD_EFLASH : TD_OK;
}

static enum td_err shim_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    const struct shim *s = shim_of(dev);
    const struct td_flash_dev *below = &s->below->dev;
    enum td_err err = below->ops->read(below, off, dst, len);
    uint8_t *out = dst;

    for (unsigned i = 0; err == TD_OK && i < s->n; i++) {
        const struct op *op = &s->ops[i].op;
        uint32_t from = td_max_u32(off, op->off);
        uint32_t end = td_min_u32(off + (uint32_t)len, op->off + op->len);

        if (from >= end)
            continue;
        if (op->is_erase)
            memset(out + (from - off), below->erased, end - from);
        else
            memcpy(out + (from - off), s->ops[i].bytes + (from - op->off), end - from);
    }
    return err;
}

void shim_init(struct shim *shim)
{
    static const struct td_flash_ops ops = { shim_read, shim_write, shim_erase_begin,
                                             shim_erase_step };

    shim->dev = shim->below->dev;
    shim->dev.ops = &ops;
    shim->dev.ctx = shim;
    shim->n = 0;
}
