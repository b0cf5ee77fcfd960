/*
 * smp/fs.h - group 8, files: they go both ways chunk by chunk, and are hashed where they lie.
 *
 * put and get as in smp/os.h. Offsets and lengths are bytes. The requests of close and types
 * and the answer of close are empty maps.
 */
#ifndef TD_SMP_FS_H
#define TD_SMP_FS_H

#include "smp/header.h"

enum td_fs_id {
    TD_FS_FILE = 0,   /* R downloads, W uploads */
    TD_FS_STATUS = 1, /* R */
    TD_FS_HASH = 2,   /* R */
    TD_FS_TYPES = 3,  /* R: which hashes and checksums there are */
    TD_FS_CLOSE = 4,  /* W: the file that a transfer left open */
};

/* ---- download ------------------------------------------------------------------------ */

struct td_fs_download_req {
    bool has_off, has_name;
    uint64_t off;
    struct td_cbor_text name; /* the whole path, "/lfs1/x.txt" */
};

struct td_fs_download_rsp {
    bool has_off, has_data, has_len;
    uint64_t off; /* where data stands in the file */
    struct td_cbor_bytes data;
    uint64_t len; /* of the whole file; with offset 0 */
};

void td_fs_download_req_put(struct td_cbor_writer *w, const struct td_fs_download_req *req);
enum td_err td_fs_download_req_get(const uint8_t *payload, size_t len,
                                   struct td_fs_download_req *req);
void td_fs_download_rsp_put(struct td_cbor_writer *w, const struct td_fs_download_rsp *rsp);
enum td_err td_fs_download_rsp_get(const uint8_t *payload, size_t len,
                                   struct td_fs_download_rsp *rsp);

/* ---- upload -------------------------------------------------------------------------- */

struct td_fs_upload_req {
    bool has_off, has_name, has_data, has_len;
    uint64_t off;
    struct td_cbor_text name;
    struct td_cbor_bytes data;
    uint64_t len; /* of the whole file; with offset 0 */
};

struct td_fs_upload_rsp {
    bool has_off, has_len;
    uint64_t off; /* the offset the device wants next */
    uint64_t len; /* beside TD_FS_OFFSET_NOT_VALID: how long the file is */
};

/* Keys go out in the order off, name, len, data. */
void td_fs_upload_req_put(struct td_cbor_writer *w, const struct td_fs_upload_req *req);
enum td_err td_fs_upload_req_get(const uint8_t *payload, size_t len, struct td_fs_upload_req *req);
void td_fs_upload_rsp_put(struct td_cbor_writer *w, const struct td_fs_upload_rsp *rsp);
enum td_err td_fs_upload_rsp_get(const uint8_t *payload, size_t len, struct td_fs_upload_rsp *rsp);

/*
 * The answer to a chunk that does not follow: TD_FS_OFFSET_NOT_VALID with "len" beside it. A
 * v1 client gets td_smp_put_rc instead.
 */
void td_fs_upload_put_offset(struct td_cbor_writer *w, uint64_t len, struct td_cbor_text reason);

/* ---- status -------------------------------------------------------------------------- */

struct td_fs_status_req {
    bool has_name;
    struct td_cbor_text name;
};

struct td_fs_status_rsp {
    bool has_len;
    uint64_t len;
};

void td_fs_status_req_put(struct td_cbor_writer *w, const struct td_fs_status_req *req);
enum td_err td_fs_status_req_get(const uint8_t *payload, size_t len, struct td_fs_status_req *req);
void td_fs_status_rsp_put(struct td_cbor_writer *w, const struct td_fs_status_rsp *rsp);
enum td_err td_fs_status_rsp_get(const uint8_t *payload, size_t len, struct td_fs_status_rsp *rsp);

/* ---- hashes -------------------------------------------------------------------------- */

#define TD_FS_CRC32  "crc32"  /* IEEE; its output is a number */
#define TD_FS_SHA256 "sha256" /* its output is 32 bytes */

struct td_fs_hash_req {
    bool has_name, has_type, has_off, has_len;
    struct td_cbor_text name;
    struct td_cbor_text type; /* absent: the device's choice, usually crc32 */
    uint64_t off;             /* absent: 0 */
    uint64_t len;             /* absent: to the end */
};

struct td_fs_hash_rsp {
    bool has_type, has_off, has_len, has_number, has_bytes;
    struct td_cbor_text type;
    uint64_t off;               /* absent: 0 */
    uint64_t len;               /* how many bytes were hashed */
    uint32_t number;            /* "output" is one of the two */
    struct td_cbor_bytes bytes; /* likewise */
};

void td_fs_hash_req_put(struct td_cbor_writer *w, const struct td_fs_hash_req *req);
enum td_err td_fs_hash_req_get(const uint8_t *payload, size_t len, struct td_fs_hash_req *req);
void td_fs_hash_rsp_put(struct td_cbor_writer *w, const struct td_fs_hash_rsp *rsp);
enum td_err td_fs_hash_rsp_get(const uint8_t *payload, size_t len, struct td_fs_hash_rsp *rsp);

enum td_fs_format { TD_FS_NUMBER = 0, TD_FS_BYTES = 1 };

struct td_fs_type {
    struct td_cbor_text name;
    uint32_t format; /* enum td_fs_format */
    uint32_t size;   /* bytes of the output */
};

/* begin, each type, end. */
void td_fs_types_put_begin(struct td_cbor_writer *w);
void td_fs_types_put(struct td_cbor_writer *w, const struct td_fs_type *type);
void td_fs_types_put_end(struct td_cbor_writer *w);

struct td_fs_types {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* TD_EFORMAT also when the answer has no types. */
enum td_err td_fs_types_get_begin(const uint8_t *payload, size_t len, struct td_fs_types *types);
enum td_err td_fs_types_get(struct td_fs_types *types, struct td_fs_type *type, bool *end);

#endif
