/*
 * smp/image.h - group 1, images: list and state, upload, erase, slot information.
 *
 * put and get as in smp/os.h. Answers with lists are written and read entry by entry, so that
 * neither side needs room for a whole list.
 */
#ifndef TD_SMP_IMAGE_H
#define TD_SMP_IMAGE_H

#include "base/version.h"
#include "smp/header.h"

enum td_img_id {
    TD_IMG_STATE = 0,     /* R list, W test or confirm; both are answered with the list */
    TD_IMG_UPLOAD = 1,    /* W */
    TD_IMG_ERASE = 5,     /* W */
    TD_IMG_SLOT_INFO = 6, /* R */
};

#define TD_IMG_HASH_MAX    64
#define TD_IMG_VERSION_MAX 25 /* "255.255.65535.4294967295" and one to spare */

/* ---- list ---------------------------------------------------------------------------- */

struct td_img_entry {
    bool has_image; /* only devices with more than one image say it */
    uint32_t image;
    uint32_t slot; /* within the image */
    bool has_version;
    struct td_cbor_text version; /* "a.b.c" or "a.b.c.d" */
    bool has_hash;
    struct td_cbor_bytes hash; /* the hash TLV: not the hash of the file */
    bool bootable, pending, confirmed, active, permanent; /* absent is false */
};

/*
 * begin opens the map and the list, then each entry, then end. frugal leaves false flags out.
 * with_split_status writes "splitStatus":0 behind the list, as Zephyr does unless it is frugal.
 */
void td_img_list_put_begin(struct td_cbor_writer *w);
void td_img_list_put(struct td_cbor_writer *w, const struct td_img_entry *entry, bool frugal);
void td_img_list_put_end(struct td_cbor_writer *w, bool with_split_status);

struct td_img_list {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* TD_EFORMAT also when the answer has no list of images. */
enum td_err td_img_list_get_begin(const uint8_t *payload, size_t len, struct td_img_list *list);

/* The next entry; *end true and entry untouched behind the last one. An entry has a slot. */
enum td_err td_img_list_get(struct td_img_list *list, struct td_img_entry *entry, bool *end);

/* A version as text ("1.2.3", "1.2.3.4") out of and into numbers. */
struct td_cbor_text td_img_version_text(const struct td_version *version,
                                        char buf[TD_IMG_VERSION_MAX]);
enum td_err td_img_version_parse(struct td_cbor_text text, struct td_version *version);

/* ---- state --------------------------------------------------------------------------- */

/* Without a hash and with confirm: the running image. */
struct td_img_state_req {
    bool has_hash;
    struct td_cbor_bytes hash;
    bool has_confirm, confirm; /* absent: test */
};

void td_img_state_req_put(struct td_cbor_writer *w, const struct td_img_state_req *req);
enum td_err td_img_state_req_get(const uint8_t *payload, size_t len, struct td_img_state_req *req);

/* ---- upload -------------------------------------------------------------------------- */

/* At offset 0 also len, and where wanted sha, image and upgrade; later only off and data. */
struct td_img_upload_req {
    bool has_image, has_len, has_off, has_sha, has_data, has_upgrade;
    uint32_t image;
    uint32_t len; /* bytes of the whole file */
    uint32_t off;
    struct td_cbor_bytes sha; /* SHA-256 of the whole file */
    struct td_cbor_bytes data;
    bool upgrade; /* only when strictly newer than what runs */
};

struct td_img_upload_rsp {
    bool has_off, has_match;
    uint32_t off; /* the offset the device wants next */
    bool match;   /* whether what was written has the sha that was announced */
};

/* Keys go out in the order image, len, off, sha, data, upgrade. */
void td_img_upload_req_put(struct td_cbor_writer *w, const struct td_img_upload_req *req);
enum td_err td_img_upload_req_get(const uint8_t *payload, size_t len,
                                  struct td_img_upload_req *req);
void td_img_upload_rsp_put(struct td_cbor_writer *w, const struct td_img_upload_rsp *rsp);
enum td_err td_img_upload_rsp_get(const uint8_t *payload, size_t len,
                                  struct td_img_upload_rsp *rsp);

/* ---- erase --------------------------------------------------------------------------- */

/* The answer is an empty map. */
struct td_img_erase_req {
    bool has_slot;
    uint32_t slot; /* image * 2 + slot within it */
};

void td_img_erase_req_put(struct td_cbor_writer *w, const struct td_img_erase_req *req);
enum td_err td_img_erase_req_get(const uint8_t *payload, size_t len, struct td_img_erase_req *req);

/* ---- slot information ---------------------------------------------------------------- */

struct td_img_slot {
    uint32_t slot; /* within the image */
    bool has_size, has_upload_image_id, has_rc;
    uint32_t size;
    uint32_t upload_image_id; /* what "image" of an upload has to say to get here */
    uint32_t rc;              /* the device could not look at this slot */
};

/* begin, then per image: image_begin, each slot, image_end; then end. */
void td_img_slots_put_begin(struct td_cbor_writer *w);
void td_img_slots_put_image_begin(struct td_cbor_writer *w, uint32_t image);
void td_img_slots_put(struct td_cbor_writer *w, const struct td_img_slot *slot);
void td_img_slots_put_image_end(struct td_cbor_writer *w, bool has_max, uint32_t max_image_size);
void td_img_slots_put_end(struct td_cbor_writer *w);

struct td_img_slots {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

struct td_img_slots_image {
    uint32_t image;
    bool has_max_image_size;
    uint32_t max_image_size;      /* bytes of the largest file that can be swapped */
    struct td_cbor_reader reader; /* for td_img_slots_get */
    struct td_cbor_walk walk;
};

enum td_err td_img_slots_get_begin(const uint8_t *payload, size_t len, struct td_img_slots *slots);
enum td_err td_img_slots_get_image(struct td_img_slots *slots, struct td_img_slots_image *image,
                                   bool *end);
enum td_err td_img_slots_get(struct td_img_slots_image *image, struct td_img_slot *slot, bool *end);

#endif
