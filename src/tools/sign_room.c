/* tools/sign_room.c - whether an image finds room in its slot, and whether it would boot. */
#include "base/range.h"
#include "tools/sign_priv.h"

/* imgtool's estimate of the trailer; too kind to most bootloaders, which --strategy mends. */
static uint32_t usual_trailer(const struct signing *s)
{
    const struct sign_opts *o = &s->o;
    uint32_t magic = td_round_up(16, o->max_align);
    uint32_t key = td_round_up(o->save_enctlv ? (uint32_t)s->wrapped.len : 16, o->max_align);

    if (o->overwrite_only)
        return magic + 2 * o->max_align;
    return o->max_sectors * 3 * o->align + 4 * o->max_align + magic +
           (s->recipient != NULL ? 2 * key : 0);
}

/* The slots hold the image packed, and one of them unpacked afterwards. */
static uint32_t largest_form(const struct signing *s)
{
    return td_max_u32(s->b.len, s->unpacked.whole);
}

static int check_usual_room(struct signing *s)
{
    uint32_t trailer = usual_trailer(s);
    uint32_t size = largest_form(s);
    char where[160];

    if (s->o.slot_size == 0 || (uint64_t)size + trailer <= s->o.slot_size)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "image 0x%x + trailer 0x%x > slot 0x%x: %llu bytes too many",
             size, trailer, s->o.slot_size, (unsigned long long)size + trailer - s->o.slot_size);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(TD_EIMG_SIZE),
                       "the image does not fit into the slot beside its trailer", where,
                       "make the program smaller, or the slot larger (-S)");
}

static int check_exact_room(struct signing *s)
{
    const struct sign_opts *o = &s->o;
    uint32_t sectors = o->sector_size != 0 ? o->slot_size / o->sector_size : 0;
    struct td_room_geometry g = {
        .primary_size = o->slot_size,
        .secondary_size = o->slot_size,
        .primary_sector = o->sector_size,
        .secondary_sector = o->sector_size,
        .scratch_size = o->sector_size,
        .max_sectors = (uint16_t)o->max_sectors,
        .write_size = (uint8_t)o->align,
        .max_align = (uint8_t)o->max_align,
    };
    char where[160];
    enum td_err err;
    uint32_t max;

    if (!o->has_strategy)
        return TD_EXIT_OK;
    if (o->layout != NULL)
        g = o->pair;
    if (s->recipient != NULL)
        g.enc_key_len = o->save_enctlv ? (uint16_t)s->wrapped.len : (uint16_t)(o->encrypt_bits / 8);
    // The bootloader's sector limit is at least its slot's, unless somebody says otherwise.
    if (!o->has_max_sectors && sectors > g.max_sectors && sectors <= UINT16_MAX)
        g.max_sectors = (uint16_t)sectors;
    err = td_room_max_image(o->strategy, &g, &max);
    snprintf(where, sizeof where, "slot 0x%x, sectors of 0x%x, %s", g.primary_size,
             g.primary_sector, td_mode_name(o->strategy));
    if (err != TD_OK)
        return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(err), td_strerror(err), where,
                           "check -S, --sector-size, --align and --max-sectors");
    if (largest_form(s) <= max)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "image %u bytes, %s takes at most %u in a slot of 0x%x",
             largest_form(s), td_mode_name(o->strategy), max, o->slot_size);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(TD_EIMG_SIZE),
                       "the image leaves the bootloader no room for this way of updating", where,
                       "make the program smaller, or the slots larger");
}

int sign_check_room(struct signing *s)
{
    int exit = check_usual_room(s);

    return exit == TD_EXIT_OK ? check_exact_room(s) : exit;
}

int sign_check_image(struct signing *s)
{
    struct td_image_key key = { s->der, (uint16_t)s->der_len };
    const struct td_image_policy policy = {
        .hash = s->hash,
        .sig = s->key != NULL && !s->o.pure ? td_key_sig_alg(s->key) : NULL,
        .keys = &key,
        .n_keys = 1,
        .max_size = UINT32_MAX,
        .payload = TD_PAYLOAD_OPENED, // still: it is encrypted when all else is done
        .key_in_full = s->o.full_key,
        .takes_compressed = true,
    };
    struct td_source src = td_source_memory(s->image, s->b.len);
    struct td_image_work work = { .breathe = NULL };
    struct td_image_report report;
    enum td_err err = td_image_check(&src, &policy, &work, &report);

    if (err == TD_OK)
        return TD_EXIT_OK;
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(err), td_strerror(err), s->o.in,
                       "a bootloader would refuse this image; change the options that lead here");
}
