#include "smp/tandem.h"

#include <string.h>

#include "base/range.h"

void td_tandem_req_put(struct td_cbor_writer *w, const struct td_tandem_req *req)
{
    td_cbor_open_map(w);
    if (req->has_off) {
        td_cbor_key(w, "off");
        td_cbor_put_uint(w, req->off);
    }
    td_cbor_close(w);
}

enum td_err td_tandem_req_get(const uint8_t *payload, size_t len, struct td_tandem_req *req)
{
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_UINT("off", &req->off, &req->has_off) };

    *req = (struct td_tandem_req){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

static void put_next(struct td_cbor_writer *w, bool has_next, uint32_t next)
{
    if (!has_next)
        return;
    td_cbor_key(w, "next");
    td_cbor_put_uint(w, next);
}

/* ---- why ----------------------------------------------------------------------------- */

void td_tandem_why_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "v");
    td_cbor_open_list(w);
}

void td_tandem_why_put_end(struct td_cbor_writer *w, bool has_next, uint32_t next)
{
    td_cbor_close(w);
    put_next(w, has_next, next);
    td_cbor_close(w);
}

static void put_fact(struct td_cbor_writer *w, struct td_cbor_text key, uint32_t value)
{
    if (value == 0)
        return;
    td_cbor_put_text(w, key);
    td_cbor_put_uint(w, value);
}

static void put_version(struct td_cbor_writer *w, struct td_cbor_text key,
                        const struct td_version *v)
{
    if (v->major == 0 && v->minor == 0 && v->revision == 0 && v->build == 0)
        return;
    td_cbor_put_text(w, key);
    td_cbor_open_list(w);
    td_cbor_put_uint(w, v->major);
    td_cbor_put_uint(w, v->minor);
    td_cbor_put_uint(w, v->revision);
    td_cbor_put_uint(w, v->build);
    td_cbor_close(w);
}

static void put_print(struct td_cbor_writer *w, struct td_cbor_text key, const uint8_t *print,
                      size_t len)
{
    static const uint8_t none[TD_VERDICT_KEY_LEN];

    if (memcmp(print, none, len) == 0)
        return;
    td_cbor_put_text(w, key);
    td_cbor_put_bytes(w, print, len);
}

void td_tandem_why_put(struct td_cbor_writer *w, const struct td_verdict *v)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "code");
    td_cbor_put_uint(w, v->code);
    td_cbor_key(w, "class");
    td_cbor_put_uint(w, v->kind);
    put_fact(w, TD_TEXT("image"), v->image);
    put_fact(w, TD_TEXT("slot"), v->slot);
    put_fact(w, TD_TEXT("swap"), v->swap_type);
    put_fact(w, TD_TEXT("count"), v->count);
    put_fact(w, TD_TEXT("seq"), v->seq);
    put_fact(w, TD_TEXT("wanted"), v->wanted);
    put_fact(w, TD_TEXT("found"), v->found);
    put_fact(w, TD_TEXT("off"), v->off);
    put_version(w, TD_TEXT("wver"), &v->wanted_version);
    put_version(w, TD_TEXT("fver"), &v->found_version);
    put_print(w, TD_TEXT("key"), v->key, TD_VERDICT_KEY_LEN);
    put_print(w, TD_TEXT("hash"), v->hash, TD_VERDICT_HASH_LEN);
    td_cbor_close(w);
}

enum td_err td_tandem_why_get_begin(const uint8_t *payload, size_t len, struct td_tandem_why *why)
{
    bool found;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_LIST("v", &why->reader, &found),
        TD_CBOR_FIELD_UINT("next", &why->next, &why->has_next),
    };
    enum td_err err;

    *why = (struct td_tandem_why){ .has_next = false };
    err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));
    if (err != TD_OK)
        return err;
    return found ? td_cbor_list_begin(&why->reader, &why->walk) : TD_EFORMAT;
}

/* Four numbers in a list; an absent one is all zeros. */
static enum td_err get_version(struct td_cbor_reader *r, bool found, struct td_version *v)
{
    static const uint32_t max[] = { UINT8_MAX, UINT8_MAX, UINT16_MAX, UINT32_MAX };
    struct td_cbor_walk walk = { 0, false };
    uint32_t part[4] = { 0 };
    bool more = false;
    enum td_err err = TD_OK;

    if (!found)
        return TD_OK;
    err = td_cbor_list_begin(r, &walk);
    for (size_t i = 0; i < TD_N_OF(part) && err == TD_OK; i++) {
        err = td_cbor_more(r, &walk, &more);
        if (err == TD_OK)
            err = more ? td_cbor_get_uint(r, &part[i]) : TD_EFORMAT;
        if (err == TD_OK && part[i] > max[i])
            err = TD_EFORMAT;
    }
    if (err != TD_OK)
        return err;
    *v = (struct td_version){ (uint8_t)part[0], (uint8_t)part[1], (uint16_t)part[2], part[3] };
    return TD_OK;
}

static enum td_err get_print(struct td_cbor_bytes bytes, uint8_t *out, size_t cap)
{
    if (bytes.len > cap)
        return TD_EFORMAT;
    if (bytes.len > 0)
        memcpy(out, bytes.p, bytes.len);
    return TD_OK;
}

/* The raw values of one verdict's map, before they are found to fit. */
struct raw_verdict {
    uint32_t code, class, image, slot, swap, count;
    struct td_cbor_reader wanted_version, found_version;
    bool has_wanted_version, has_found_version;
    struct td_cbor_bytes key, hash;
};

static enum td_err check_raw(struct raw_verdict *raw, struct td_verdict *v)
{
    enum td_err err;

    if (raw->code == TD_V_NONE || raw->code > UINT16_MAX || raw->class > UINT8_MAX ||
        raw->image > UINT8_MAX || raw->slot > UINT8_MAX || raw->swap > UINT8_MAX ||
        raw->count > UINT16_MAX)
        return TD_EFORMAT;
    v->code = (uint16_t)raw->code;
    v->kind = (uint8_t)raw->class;
    v->image = (uint8_t)raw->image;
    v->slot = (uint8_t)raw->slot;
    v->swap_type = (uint8_t)raw->swap;
    v->count = (uint16_t)raw->count;
    err = get_version(&raw->wanted_version, raw->has_wanted_version, &v->wanted_version);
    if (err == TD_OK)
        err = get_version(&raw->found_version, raw->has_found_version, &v->found_version);
    if (err == TD_OK)
        err = get_print(raw->key, v->key, sizeof v->key);
    if (err == TD_OK)
        err = get_print(raw->hash, v->hash, sizeof v->hash);
    return err;
}

enum td_err td_tandem_why_get(struct td_tandem_why *why, struct td_verdict *verdict, bool *end)
{
    struct raw_verdict raw = { .code = TD_V_NONE };
    struct td_verdict v = { .code = TD_V_NONE };
    bool seen[14], more;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("code", &raw.code, &seen[0]),
        TD_CBOR_FIELD_UINT("class", &raw.class, &seen[1]),
        TD_CBOR_FIELD_UINT("image", &raw.image, &seen[2]),
        TD_CBOR_FIELD_UINT("slot", &raw.slot, &seen[3]),
        TD_CBOR_FIELD_UINT("swap", &raw.swap, &seen[4]),
        TD_CBOR_FIELD_UINT("count", &raw.count, &seen[5]),
        TD_CBOR_FIELD_UINT("seq", &v.seq, &seen[6]),
        TD_CBOR_FIELD_UINT("wanted", &v.wanted, &seen[7]),
        TD_CBOR_FIELD_UINT("found", &v.found, &seen[8]),
        TD_CBOR_FIELD_UINT("off", &v.off, &seen[9]),
        TD_CBOR_FIELD_LIST("wver", &raw.wanted_version, &raw.has_wanted_version),
        TD_CBOR_FIELD_LIST("fver", &raw.found_version, &raw.has_found_version),
        TD_CBOR_FIELD_BYTES("key", &raw.key, &seen[12]),
        TD_CBOR_FIELD_BYTES("hash", &raw.hash, &seen[13]),
    };
    enum td_err err = td_cbor_more(&why->reader, &why->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_map(&why->reader, fields, TD_N_OF(fields));
    if (err == TD_OK)
        err = check_raw(&raw, &v);
    if (err == TD_OK)
        *verdict = v;
    return err;
}

/* ---- accepts ------------------------------------------------------------------------- */

static void put_addresses(struct td_cbor_writer *w, const uint32_t addr[2])
{
    td_cbor_key(w, "at");
    td_cbor_open_list(w);
    td_cbor_put_uint(w, addr[0]);
    td_cbor_put_uint(w, addr[1]);
    td_cbor_close(w);
}

static void put_image(struct td_cbor_writer *w, const struct td_tandem_image *image)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "max");
    td_cbor_put_uint(w, image->max_size);
    td_cbor_key(w, "slots");
    td_cbor_open_list(w);
    td_cbor_put_uint(w, image->slot_size[0]);
    td_cbor_put_uint(w, image->slot_size[1]);
    td_cbor_close(w);
    put_fact(w, TD_TEXT("upoff"), image->upload_off);
    if (image->has_addr)
        put_addresses(w, image->addr);
    if (image->reverts) {
        td_cbor_key(w, "trial");
        td_cbor_put_bool(w, true);
    }
    td_cbor_close(w);
}

static void put_images(struct td_cbor_writer *w, const struct td_tandem_accepts *a)
{
    td_cbor_key(w, "images");
    td_cbor_open_list(w);
    for (uint8_t i = 0; i < a->n_images; i++)
        put_image(w, &a->images[i]);
    td_cbor_close(w);
}

static void put_keys(struct td_cbor_writer *w, const struct td_tandem_accepts *a)
{
    td_cbor_key(w, "nkeys");
    td_cbor_put_uint(w, a->n_keys_total);
    td_cbor_key(w, "keys");
    td_cbor_open_list(w);
    for (uint8_t i = 0; i < a->n_keys; i++)
        td_cbor_put_bytes(w, a->keys[i].p, a->keys[i].len);
    td_cbor_close(w);
    put_next(w, a->has_next, a->next);
}

static void put_stage(struct td_cbor_writer *w, const struct td_tandem_stage *s)
{
    td_cbor_key(w, "stage");
    td_cbor_open_map(w);
    td_cbor_key(w, "slot");
    td_cbor_put_uint(w, s->slot);
    td_cbor_key(w, "ver");
    td_cbor_put_uint(w, s->version);
    td_cbor_key(w, "least");
    td_cbor_put_uint(w, s->least);
    td_cbor_key(w, "trial");
    td_cbor_put_uint(w, s->trial);
    put_addresses(w, s->addr);
    td_cbor_key(w, "size");
    td_cbor_put_uint(w, s->size);
    td_cbor_key(w, "keys");
    td_cbor_open_list(w);
    for (uint8_t i = 0; i < s->n_keys; i++)
        td_cbor_put_bytes(w, s->keys[i].p, s->keys[i].len);
    td_cbor_close(w);
    td_cbor_close(w);
}

static void put_name(struct td_cbor_writer *w, struct td_cbor_text key, struct td_cbor_text name)
{
    if (name.len == 0)
        return;
    td_cbor_put_text(w, key);
    td_cbor_put_text(w, name);
}

void td_tandem_accepts_put(struct td_cbor_writer *w, const struct td_tandem_accepts *a)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "sig");
    td_cbor_put_uint(w, a->sig);
    put_name(w, TD_TEXT("signame"), a->sig_name);
    td_cbor_key(w, "hash");
    td_cbor_put_uint(w, a->hash_len);
    td_cbor_key(w, "mode");
    td_cbor_put_uint(w, a->mode);
    td_cbor_key(w, "nodown");
    td_cbor_put_bool(w, a->no_downgrade);
    if (a->decrypts) {
        td_cbor_key(w, "enc");
        td_cbor_put_bool(w, true);
    }
    if (a->unpacks) {
        td_cbor_key(w, "comp");
        td_cbor_put_bool(w, true);
    }
    td_cbor_key(w, "log");
    td_cbor_put_bool(w, a->has_log);
    td_cbor_key(w, "auth");
    td_cbor_put_bool(w, a->authenticated);
    put_name(w, TD_TEXT("layout"), a->layout);
    put_name(w, TD_TEXT("board"), a->board);
    put_images(w, a);
    if (a->has_stage)
        put_stage(w, &a->stage);
    put_keys(w, a);
    td_cbor_close(w);
}

static enum td_err get_addresses(struct td_cbor_reader *r, uint32_t addr[2])
{
    struct td_cbor_walk walk = { 0, false };
    bool more = true;
    enum td_err err = td_cbor_list_begin(r, &walk);

    for (size_t i = 0; i < 2 && err == TD_OK; i++) {
        err = td_cbor_more(r, &walk, &more);
        if (err == TD_OK)
            err = more ? td_cbor_get_uint(r, &addr[i]) : TD_EFORMAT;
    }
    return err;
}

static enum td_err get_image(struct td_cbor_reader *r, struct td_tandem_image *image)
{
    struct td_cbor_reader slots = { NULL, 0, 0 }, at = { NULL, 0, 0 };
    struct td_cbor_walk walk = { 0, false };
    bool has_max, has_slots, has_off, has_trial, more = false;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("max", &image->max_size, &has_max),
        TD_CBOR_FIELD_LIST("slots", &slots, &has_slots),
        TD_CBOR_FIELD_UINT("upoff", &image->upload_off, &has_off),
        TD_CBOR_FIELD_LIST("at", &at, &image->has_addr),
        TD_CBOR_FIELD_BOOL("trial", &image->reverts, &has_trial),
    };
    enum td_err err = td_cbor_get_map(r, fields, TD_N_OF(fields));

    if (err == TD_OK && image->has_addr)
        err = get_addresses(&at, image->addr);
    if (err != TD_OK || !has_slots)
        return err;
    err = td_cbor_list_begin(&slots, &walk);
    for (size_t i = 0; i < TD_N_OF(image->slot_size) && err == TD_OK; i++) {
        err = td_cbor_more(&slots, &walk, &more);
        if (err != TD_OK || !more)
            break;
        err = td_cbor_get_uint(&slots, &image->slot_size[i]);
    }
    return err;
}

static enum td_err get_images(struct td_cbor_reader *r, struct td_tandem_accepts *a)
{
    struct td_cbor_walk walk = { 0, false };
    bool more = true;
    enum td_err err = td_cbor_list_begin(r, &walk);

    while (err == TD_OK && a->n_images < TD_TANDEM_IMAGES_MAX) {
        err = td_cbor_more(r, &walk, &more);
        if (err != TD_OK || !more)
            break;
        err = get_image(r, &a->images[a->n_images++]);
    }
    return err;
}

/* A list of byte strings of one length, at most max of them; the rest is skipped. */
static enum td_err get_prints(struct td_cbor_reader *r, struct td_cbor_bytes *out, uint8_t max,
                              size_t len, uint8_t *n)
{
    struct td_cbor_walk walk = { 0, false };
    bool more = true;
    enum td_err err = td_cbor_list_begin(r, &walk);

    while (err == TD_OK && *n < max) {
        err = td_cbor_more(r, &walk, &more);
        if (err != TD_OK || !more)
            break;
        err = td_cbor_get_bytes(r, &out[*n]);
        if (err == TD_OK && out[(*n)++].len != len)
            err = TD_EFORMAT;
    }
    return err;
}

static enum td_err get_stage(struct td_cbor_reader *r, struct td_tandem_stage *s)
{
    struct td_cbor_reader at, keys;
    bool has_at, has_keys, seen[5];
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("slot", &s->slot, &seen[0]),
        TD_CBOR_FIELD_UINT("ver", &s->version, &seen[1]),
        TD_CBOR_FIELD_UINT("least", &s->least, &seen[2]),
        TD_CBOR_FIELD_UINT("trial", &s->trial, &seen[3]),
        TD_CBOR_FIELD_UINT("size", &s->size, &seen[4]),
        TD_CBOR_FIELD_LIST("at", &at, &has_at),
        TD_CBOR_FIELD_LIST("keys", &keys, &has_keys),
    };
    enum td_err err = td_cbor_get_map(r, fields, TD_N_OF(fields));

    // What says neither which slot runs nor where the slots lie helps nobody.
    if (err == TD_OK && (!seen[0] || !seen[1] || s->slot > 1 || !has_at))
        err = TD_EFORMAT;
    if (err == TD_OK)
        err = get_addresses(&at, s->addr);
    if (err == TD_OK && has_keys)
        err = get_prints(&keys, s->keys, TD_TANDEM_STAGE_KEYS, TD_TANDEM_STAGE_PRINT, &s->n_keys);
    return err;
}

enum td_err td_tandem_accepts_get(const uint8_t *payload, size_t len, struct td_tandem_accepts *a)
{
    struct td_cbor_reader images, keys, stage;
    bool has_images, has_keys, seen[12];
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_BOOL("enc", &a->decrypts, &seen[10]),
        TD_CBOR_FIELD_BOOL("comp", &a->unpacks, &seen[11]),
        TD_CBOR_FIELD_UINT("sig", &a->sig, &seen[0]),
        TD_CBOR_FIELD_TEXT("signame", &a->sig_name, &seen[1]),
        TD_CBOR_FIELD_UINT("hash", &a->hash_len, &seen[2]),
        TD_CBOR_FIELD_UINT("mode", &a->mode, &seen[3]),
        TD_CBOR_FIELD_BOOL("nodown", &a->no_downgrade, &seen[4]),
        TD_CBOR_FIELD_BOOL("log", &a->has_log, &seen[5]),
        TD_CBOR_FIELD_BOOL("auth", &a->authenticated, &seen[6]),
        TD_CBOR_FIELD_TEXT("layout", &a->layout, &seen[7]),
        TD_CBOR_FIELD_TEXT("board", &a->board, &seen[8]),
        TD_CBOR_FIELD_LIST("images", &images, &has_images),
        TD_CBOR_FIELD_MAP("stage", &stage, &a->has_stage),
        TD_CBOR_FIELD_UINT("nkeys", &a->n_keys_total, &seen[9]),
        TD_CBOR_FIELD_LIST("keys", &keys, &has_keys),
        TD_CBOR_FIELD_UINT("next", &a->next, &a->has_next),
    };
    enum td_err err;

    memset(a, 0, sizeof *a);
    err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));
    if (err == TD_OK && has_images)
        err = get_images(&images, a);
    if (err == TD_OK && has_keys)
        err = get_prints(&keys, a->keys, TD_TANDEM_KEYS_MAX, TD_TANDEM_FINGERPRINT, &a->n_keys);
    if (err == TD_OK && a->has_stage)
        err = get_stage(&stage, &a->stage);
    return err;
}

/* ---- upload -------------------------------------------------------------------------- */

void td_tandem_upload_put(struct td_cbor_writer *w, const struct td_tandem_upload *upload)
{
    td_cbor_open_map(w);
    put_fact(w, TD_TEXT("state"), upload->state);
    put_fact(w, TD_TEXT("start"), upload->start);
    put_fact(w, TD_TEXT("image"), upload->image);
    put_fact(w, TD_TEXT("slot"), upload->slot);
    put_fact(w, TD_TEXT("off"), upload->off);
    put_fact(w, TD_TEXT("len"), upload->len);
    put_fact(w, TD_TEXT("kept"), upload->kept);
    td_cbor_close(w);
}

enum td_err td_tandem_upload_get(const uint8_t *payload, size_t len,
                                 struct td_tandem_upload *upload)
{
    bool has[7];
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("state", &upload->state, &has[0]),
        TD_CBOR_FIELD_UINT("start", &upload->start, &has[1]),
        TD_CBOR_FIELD_UINT("image", &upload->image, &has[2]),
        TD_CBOR_FIELD_UINT("slot", &upload->slot, &has[3]),
        TD_CBOR_FIELD_UINT("off", &upload->off, &has[4]),
        TD_CBOR_FIELD_UINT("len", &upload->len, &has[5]),
        TD_CBOR_FIELD_UINT("kept", &upload->kept, &has[6]),
    };

    memset(upload, 0, sizeof *upload);
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}
