/* sim/stats.c - counters as tables: a name, its fields, and a function that reads one. */
#include "sim/stats.h"

#include "base/range.h"
#include "sim/device_priv.h"
#include "smp/error.h"
#include "smp/header.h"

/* ---- flash ----------------------------------------------------------------------------- */

static const struct td_cbor_text flash_fields[] = {
    TD_TEXT_INIT("reads"),         TD_TEXT_INIT("bytes_read"), TD_TEXT_INIT("writes"),
    TD_TEXT_INIT("bytes_written"), TD_TEXT_INIT("erases"),     TD_TEXT_INIT("refused"),
};

static uint64_t flash_value(void *ctx, unsigned field)
{
    const struct sim_stat_of *of = ctx;
    const struct sim_nor_stats *s = &of->dev->nor[of->i].stats;
    const uint64_t values[] = {
        s->reads,         s->read_bytes, s->writes,
        s->written_bytes, s->erases,     (uint64_t)s->over_budget + s->clashes + s->misaligned,
    };

    return field < TD_N_OF(values) ? values[field] : 0;
}

static const struct td_cbor_text flash_names[SIM_FLASHES_MAX] = {
    TD_TEXT_INIT("flash"),
    TD_TEXT_INIT("flash1"),
    TD_TEXT_INIT("flash2"),
    TD_TEXT_INIT("flash3"),
};

/* ---- smp and links --------------------------------------------------------------------- */

static const struct td_cbor_text traffic_fields[] = {
    TD_TEXT_INIT("requests"), TD_TEXT_INIT("answers"),  TD_TEXT_INIT("errors"),
    TD_TEXT_INIT("dropped"),  TD_TEXT_INIT("bytes_in"), TD_TEXT_INIT("bytes_out"),
};

static uint64_t traffic_value(void *ctx, unsigned field)
{
    const struct sim_stat_of *of = ctx;
    const struct sim_traffic *t = &of->dev->traffic[of->i];
    const uint64_t values[] = {
        t->requests, t->answers, t->errors, t->dropped, t->bytes_in, t->bytes_out,
    };

    return field < TD_N_OF(values) ? values[field] : 0;
}

static const struct td_cbor_text traffic_names[SIM_TRAFFIC_MAX] = {
    TD_TEXT_INIT("smp"),   TD_TEXT_INIT("link0"), TD_TEXT_INIT("link1"),
    TD_TEXT_INIT("link2"), TD_TEXT_INIT("link3"), TD_TEXT_INIT("link4"),
    TD_TEXT_INIT("link5"), TD_TEXT_INIT("link6"), TD_TEXT_INIT("link7"),
};

static void add_stat(struct sim_device *dev, struct td_cbor_text name,
                     const struct td_cbor_text *fields, uint8_t n_fields,
                     uint64_t (*value)(void *ctx, unsigned field), unsigned i)
{
    const uint8_t at = dev->config.n_stats++;

    dev->stat_of[at] = (struct sim_stat_of){ .dev = dev, .i = i };
    dev->stats[at] = (struct td_server_stat){
        .name = name,
        .fields = fields,
        .n_fields = n_fields,
        .value = value,
        .ctx = &dev->stat_of[at],
    };
}

/* The row of a link; the last one is shared by those for which there is none left. */
static struct sim_traffic *traffic_of(struct sim_device *dev, const struct td_server_link *link)
{
    unsigned i = 1;

    while (i < SIM_TRAFFIC_MAX - 1 && dev->traffic[i].link != NULL && dev->traffic[i].link != link)
        i++;
    if (dev->traffic[i].link == NULL) {
        dev->traffic[i].link = link;
        add_stat(dev, traffic_names[i], traffic_fields, TD_N_OF(traffic_fields), traffic_value, i);
    }
    return &dev->traffic[i];
}

void sim_stats_request(struct sim_device *dev, const struct td_server_link *link, size_t len)
{
    struct sim_traffic *const rows[] = { &dev->traffic[0], traffic_of(dev, link) };

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        rows[i]->requests++;
        rows[i]->bytes_in += len;
    }
}

void sim_stats_dropped(struct sim_device *dev, const struct td_server_link *link)
{
    dev->traffic[0].dropped++;
    traffic_of(dev, link)->dropped++;
}

void sim_stats_answer(struct sim_device *dev, const struct td_server_link *link,
                      const uint8_t *packet, size_t len)
{
    struct sim_traffic *const rows[] = { &dev->traffic[0], traffic_of(dev, link) };
    struct td_smp_status status;
    const bool failed = len > TD_SMP_HEADER_SIZE &&
                        td_smp_status_decode(packet + TD_SMP_HEADER_SIZE, len - TD_SMP_HEADER_SIZE,
                                             &status) == TD_OK &&
                        status.code != 0;

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        rows[i]->answers++;
        rows[i]->errors += failed ? 1 : 0;
        rows[i]->bytes_out += len;
    }
}

/* ---- boot ------------------------------------------------------------------------------ */

static const struct td_cbor_text boot_fields[] = {
    TD_TEXT_INIT("boots"),
    TD_TEXT_INIT("crashes"),
    TD_TEXT_INIT("reset_cause"),
    TD_TEXT_INIT("uptime_ms"),
};

static uint64_t boot_value(void *ctx, unsigned field)
{
    const struct sim_stat_of *of = ctx;
    const struct sim_device *dev = of->dev;
    const uint64_t values[] = {
        dev->boots,
        dev->crashed,
        (uint64_t)dev->retained.cause,
        (dev->now_us - dev->started_us) / 1000,
    };

    return field < TD_N_OF(values) ? values[field] : 0;
}

/* ---- building -------------------------------------------------------------------------- */

/* Links come last, as they are heard. */
static void build_rows(struct sim_device *dev)
{
    dev->config.n_stats = 0;
    add_stat(dev, TD_TEXT("boot"), boot_fields, TD_N_OF(boot_fields), boot_value, 0);
    for (unsigned i = 0; i < dev->profile->n_flash; i++)
        add_stat(dev, flash_names[i], flash_fields, TD_N_OF(flash_fields), flash_value, i);
    add_stat(dev, traffic_names[0], traffic_fields, TD_N_OF(traffic_fields), traffic_value, 0);
}

void sim_stats_build(struct sim_device *dev)
{
    dev->config.stats = dev->stats;
    build_rows(dev);
}

void sim_stats_reset(struct sim_device *dev)
{
    for (unsigned i = 0; i < SIM_TRAFFIC_MAX; i++)
        dev->traffic[i] = (struct sim_traffic){ .link = NULL };
    build_rows(dev);
}
