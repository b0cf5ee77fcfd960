#include "smp/image.h"

#include "base/range.h"
#include "base/version.h"

/* ---- list ---------------------------------------------------------------------------- */

void td_img_list_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "images");
    td_cbor_open_list(w);
}

static void put_flag(struct td_cbor_writer *w, struct td_cbor_text key, bool flag, bool frugal)
{
    if (frugal && !flag)
        return;
    td_cbor_put_text(w, key);
    td_cbor_put_bool(w, flag);
}

void td_img_list_put(struct td_cbor_writer *w, const struct td_img_entry *entry, bool frugal)
{
    td_cbor_open_map(w);
    if (entry->has_image) {
        td_cbor_key(w, "image");
        td_cbor_put_uint(w, entry->image);
    }
    td_cbor_key(w, "slot");
    td_cbor_put_uint(w, entry->slot);
    if (entry->has_version) {
        td_cbor_key(w, "version");
        td_cbor_put_text(w, entry->version);
    }
    if (entry->has_hash) {
        td_cbor_key(w, "hash");
        td_cbor_put_bytes(w, entry->hash.p, entry->hash.len);
    }
    put_flag(w, TD_TEXT("bootable"), entry->bootable, frugal);
    put_flag(w, TD_TEXT("pending"), entry->pending, frugal);
    put_flag(w, TD_TEXT("confirmed"), entry->confirmed, frugal);
    put_flag(w, TD_TEXT("active"), entry->active, frugal);
    put_flag(w, TD_TEXT("permanent"), entry->permanent, frugal);
    td_cbor_close(w);
}

void td_img_list_put_end(struct td_cbor_writer *w, bool with_split_status)
{
    td_cbor_close(w);
    if (with_split_status) {
        td_cbor_key(w, "splitStatus");
        td_cbor_put_uint(w, 0);
    }
    td_cbor_close(w);
}

/* Opens the list under the key "images" of an answer. */
static enum td_err open_images(const uint8_t *payload, size_t len, struct td_cbor_reader *reader,
                               struct td_cbor_walk *walk)
{
    bool found;
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_LIST("images", reader, &found) };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    if (err != TD_OK)
        return err;
    return found ? td_cbor_list_begin(reader, walk) : TD_EFORMAT;
}

enum td_err td_img_list_get_begin(const uint8_t *payload, size_t len, struct td_img_list *list)
{
    return open_images(payload, len, &list->reader, &list->walk);
}

enum td_err td_img_list_get(struct td_img_list *list, struct td_img_entry *entry, bool *end)
{
    struct td_img_entry e = { .has_image = false };
    bool has_slot, more;
    bool seen[5]; // of the flags, of interest to nobody but the reader
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("image", &e.image, &e.has_image),
        TD_CBOR_FIELD_UINT("slot", &e.slot, &has_slot),
        TD_CBOR_FIELD_TEXT("version", &e.version, &e.has_version),
        TD_CBOR_FIELD_BYTES("hash", &e.hash, &e.has_hash),
        TD_CBOR_FIELD_BOOL("bootable", &e.bootable, &seen[0]),
        TD_CBOR_FIELD_BOOL("pending", &e.pending, &seen[1]),
        TD_CBOR_FIELD_BOOL("confirmed", &e.confirmed, &seen[2]),
        TD_CBOR_FIELD_BOOL("active", &e.active, &seen[3]),
        TD_CBOR_FIELD_BOOL("permanent", &e.permanent, &seen[4]),
    };
    enum td_err err = td_cbor_more(&list->reader, &list->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_map(&list->reader, fields, TD_N_OF(fields));
    if (err == TD_OK && (!has_slot || e.hash.len > TD_IMG_HASH_MAX))
        err = TD_EFORMAT;
    if (err == TD_OK)
        *entry = e;
    return err;
}

/* ---- versions ------------------------------------------------------------------------ */

/* Digits of value in front of end; returns where they begin. */
static char *put_digits(char *end, uint32_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

struct td_cbor_text td_img_version_text(const struct td_version *version,
                                        char buf[TD_IMG_VERSION_MAX])
{
    char *end = buf + TD_IMG_VERSION_MAX;
    char *at = end;

    if (version->build != 0) {
        at = put_digits(at, version->build);
        *--at = '.';
    }
    at = put_digits(at, version->revision);
    *--at = '.';
    at = put_digits(at, version->minor);
    *--at = '.';
    at = put_digits(at, version->major);
    return (struct td_cbor_text){ at, (size_t)(end - at) };
}

/* A decimal number of at most max at *pos, which moves behind it. */
static bool take_number(struct td_cbor_text text, size_t *pos, uint32_t max, uint32_t *value)
{
    size_t start = *pos;

    for (*value = 0; *pos < text.len && text.p[*pos] >= '0' && text.p[*pos] <= '9'; ++*pos) {
        uint32_t digit = (uint32_t)(text.p[*pos] - '0');

        if (*value > (max - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return *pos > start;
}

enum td_err td_img_version_parse(struct td_cbor_text text, struct td_version *version)
{
    static const uint32_t max[] = { UINT8_MAX, UINT8_MAX, UINT16_MAX, UINT32_MAX };
    uint32_t part[4] = { 0 };
    size_t pos = 0, n = 0;

    for (;;) {
        if (n == TD_N_OF(part) || !take_number(text, &pos, max[n], &part[n]))
            return TD_EFORMAT;
        n++;
        if (pos == text.len)
            break;
        if (text.p[pos++] != '.')
            return TD_EFORMAT;
    }
    if (n < 3)
        return TD_EFORMAT;
    *version =
        (struct td_version){ (uint8_t)part[0], (uint8_t)part[1], (uint16_t)part[2], part[3] };
    return TD_OK;
}

/* ---- state --------------------------------------------------------------------------- */

void td_img_state_req_put(struct td_cbor_writer *w, const struct td_img_state_req *req)
{
    td_cbor_open_map(w);
    if (req->has_confirm) {
        td_cbor_key(w, "confirm");
        td_cbor_put_bool(w, req->confirm);
    }
    if (req->has_hash) {
        td_cbor_key(w, "hash");
        td_cbor_put_bytes(w, req->hash.p, req->hash.len);
    }
    td_cbor_close(w);
}

enum td_err td_img_state_req_get(const uint8_t *payload, size_t len, struct td_img_state_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_BYTES("hash", &req->hash, &req->has_hash),
        TD_CBOR_FIELD_BOOL("confirm", &req->confirm, &req->has_confirm),
    };

    *req = (struct td_img_state_req){ .has_hash = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- upload -------------------------------------------------------------------------- */

void td_img_upload_req_put(struct td_cbor_writer *w, const struct td_img_upload_req *req)
{
    td_cbor_open_map(w);
    if (req->has_image) {
        td_cbor_key(w, "image");
        td_cbor_put_uint(w, req->image);
    }
    if (req->has_len) {
        td_cbor_key(w, "len");
        td_cbor_put_uint(w, req->len);
    }
    if (req->has_off) {
        td_cbor_key(w, "off");
        td_cbor_put_uint(w, req->off);
    }
    if (req->has_sha) {
        td_cbor_key(w, "sha");
        td_cbor_put_bytes(w, req->sha.p, req->sha.len);
    }
    if (req->has_data) {
        td_cbor_key(w, "data");
        td_cbor_put_bytes(w, req->data.p, req->data.len);
    }
    if (req->has_upgrade) {
        td_cbor_key(w, "upgrade");
        td_cbor_put_bool(w, req->upgrade);
    }
    td_cbor_close(w);
}

enum td_err td_img_upload_req_get(const uint8_t *payload, size_t len, struct td_img_upload_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("image", &req->image, &req->has_image),
        TD_CBOR_FIELD_UINT("len", &req->len, &req->has_len),
        TD_CBOR_FIELD_UINT("off", &req->off, &req->has_off),
        TD_CBOR_FIELD_BYTES("sha", &req->sha, &req->has_sha),
        TD_CBOR_FIELD_BYTES("data", &req->data, &req->has_data),
        TD_CBOR_FIELD_BOOL("upgrade", &req->upgrade, &req->has_upgrade),
    };

    *req = (struct td_img_upload_req){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_img_upload_rsp_put(struct td_cbor_writer *w, const struct td_img_upload_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_off) {
        td_cbor_key(w, "off");
        td_cbor_put_uint(w, rsp->off);
    }
    if (rsp->has_match) {
        td_cbor_key(w, "match");
        td_cbor_put_bool(w, rsp->match);
    }
    td_cbor_close(w);
}

enum td_err td_img_upload_rsp_get(const uint8_t *payload, size_t len, struct td_img_upload_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("off", &rsp->off, &rsp->has_off),
        TD_CBOR_FIELD_BOOL("match", &rsp->match, &rsp->has_match),
    };

    *rsp = (struct td_img_upload_rsp){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- erase --------------------------------------------------------------------------- */

void td_img_erase_req_put(struct td_cbor_writer *w, const struct td_img_erase_req *req)
{
    td_cbor_open_map(w);
    if (req->has_slot) {
        td_cbor_key(w, "slot");
        td_cbor_put_uint(w, req->slot);
    }
    td_cbor_close(w);
}

enum td_err td_img_erase_req_get(const uint8_t *payload, size_t len, struct td_img_erase_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("slot", &req->slot, &req->has_slot),
    };

    *req = (struct td_img_erase_req){ .has_slot = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- slot information ---------------------------------------------------------------- */

void td_img_slots_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "images");
    td_cbor_open_list(w);
}

void td_img_slots_put_image_begin(struct td_cbor_writer *w, uint32_t image)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "image");
    td_cbor_put_uint(w, image);
    td_cbor_key(w, "slots");
    td_cbor_open_list(w);
}

void td_img_slots_put(struct td_cbor_writer *w, const struct td_img_slot *slot)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "slot");
    td_cbor_put_uint(w, slot->slot);
    if (slot->has_rc) {
        td_cbor_key(w, "rc");
        td_cbor_put_uint(w, slot->rc);
    }
    if (slot->has_size) {
        td_cbor_key(w, "size");
        td_cbor_put_uint(w, slot->size);
    }
    if (slot->has_upload_image_id) {
        td_cbor_key(w, "upload_image_id");
        td_cbor_put_uint(w, slot->upload_image_id);
    }
    td_cbor_close(w);
}

void td_img_slots_put_image_end(struct td_cbor_writer *w, bool has_max, uint32_t max_image_size)
{
    td_cbor_close(w);
    if (has_max) {
        td_cbor_key(w, "max_image_size");
        td_cbor_put_uint(w, max_image_size);
    }
    td_cbor_close(w);
}

void td_img_slots_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

enum td_err td_img_slots_get_begin(const uint8_t *payload, size_t len, struct td_img_slots *slots)
{
    return open_images(payload, len, &slots->reader, &slots->walk);
}

enum td_err td_img_slots_get_image(struct td_img_slots *slots, struct td_img_slots_image *image,
                                   bool *end)
{
    struct td_img_slots_image i = { .image = 0 };
    bool has_image, has_slots, more;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("image", &i.image, &has_image),
        TD_CBOR_FIELD_LIST("slots", &i.reader, &has_slots),
        TD_CBOR_FIELD_UINT("max_image_size", &i.max_image_size, &i.has_max_image_size),
    };
    enum td_err err = td_cbor_more(&slots->reader, &slots->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_map(&slots->reader, fields, TD_N_OF(fields));
    if (err == TD_OK)
        err = has_slots ? td_cbor_list_begin(&i.reader, &i.walk) : TD_EFORMAT;
    if (err == TD_OK)
        *image = i;
    return err;
}

enum td_err td_img_slots_get(struct td_img_slots_image *image, struct td_img_slot *slot, bool *end)
{
    struct td_img_slot s = { .slot = 0 };
    bool has_slot, more;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("slot", &s.slot, &has_slot),
        TD_CBOR_FIELD_UINT("size", &s.size, &s.has_size),
        TD_CBOR_FIELD_UINT("upload_image_id", &s.upload_image_id, &s.has_upload_image_id),
        TD_CBOR_FIELD_UINT("rc", &s.rc, &s.has_rc),
    };
    enum td_err err = td_cbor_more(&image->reader, &image->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_map(&image->reader, fields, TD_N_OF(fields));
    if (err == TD_OK && !has_slot)
        err = TD_EFORMAT;
    if (err == TD_OK)
        *slot = s;
    return err;
}
