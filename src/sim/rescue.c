/* sim/rescue.c - recovery's loop, cut into turns. */
#include "sim/rescue.h"

#include "sim/device_priv.h"

#define WORK_US 20000

static bool judge(void *ctx, uint8_t image, uint8_t slot, struct td_verdict *why)
{
    struct sim_device *dev = ctx;

    return td_boot_judge(&dev->boot, &dev->work, image, slot, why);
}

void sim_rescue_build(struct sim_device *dev)
{
    const struct sim_recovery *p = &dev->profile->recovery;
    struct sim_rescue *r = &dev->rescue;

    r->groups[0] = &td_recovery_group_os;
    r->groups[1] = p->manages ? &td_recovery_group_image_full : &td_recovery_group_image;
    r->groups[2] = &td_recovery_group_tandem;
    r->config = (struct td_recovery_config){
        .framing = p->framing,
        .groups = r->groups,
        .n_groups = 3,
        .images = dev->image,
        .n_images = dev->n_images,
        .target = p->target,
        .hash_len = 32,
        .boot_log = sim_area(dev, SIM_PART_BOOT_LOG),
        .judge = judge,
        .ctx = dev,
    };
}

static uint32_t now_ms(const struct sim_device *dev)
{
    return (uint32_t)(dev->now_us / 1000);
}

void sim_rescue_begin(struct sim_device *dev)
{
    struct sim_rescue *r = &dev->rescue;
    const uint16_t said = dev->profile->recovery.buf_size;
    const struct td_recovery_buffers buffers = { r->rx, r->tx, r->hold,
                                                 said == 0 ? SIM_RESCUE_BUF : said };

    dev->image[0].active_slot = 0;
    r->link = NULL;
    if (td_recovery_init(&r->server, &r->config, &buffers) != TD_OK)
        return;
    sim_say(dev, "sim: recovery serves on the serial lines");
    dev->state = SIM_RECOVERS;
}

static void send(struct sim_device *dev)
{
    struct sim_rescue *r = &dev->rescue;
    uint8_t out[128];
    size_t len;

    while ((len = td_recovery_send(&r->server, out, sizeof out)) > 0) {
        if (r->link != NULL && !dev->power.lost && dev->io.bytes != NULL)
            dev->io.bytes(dev->io.ctx, r->link, out, len);
    }
}

void sim_rescue_receive(struct sim_device *dev, const struct td_server_link *link,
                        const uint8_t *bytes, size_t len)
{
    struct sim_rescue *r = &dev->rescue;

    r->link = link;
    for (size_t at = 0; at < len && !dev->power.lost;) {
        at += td_recovery_receive(&r->server, now_ms(dev), bytes + at, len - at);
        td_recovery_work(&r->server, now_ms(dev), WORK_US);
        send(dev);
    }
}

bool sim_rescue_work(struct sim_device *dev)
{
    struct sim_rescue *r = &dev->rescue;
    struct td_server_reset reset;

    if (td_recovery_busy(&r->server)) {
        td_recovery_work(&r->server, now_ms(dev), WORK_US);
        send(dev);
    }
    if (!td_recovery_resets(&r->server, now_ms(dev), &reset))
        return false;
    dev->retained.boot_mode = reset.boot_mode;
    return true;
}
