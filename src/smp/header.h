/*
 * smp/header.h - the 8 bytes in front of every SMP message, and messages as a whole.
 *
 * Format: docs/spec/smp.md. Integers are big-endian. Behind the header stand exactly `len`
 * bytes of CBOR, one map; no bytes at all are read as an empty map.
 */
#ifndef TD_SMP_HEADER_H
#define TD_SMP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cbor/cbor.h"

#define TD_SMP_HEADER_SIZE 8

enum td_smp_op {
    TD_SMP_READ = 0,
    TD_SMP_READ_RSP = 1,
    TD_SMP_WRITE = 2,
    TD_SMP_WRITE_RSP = 3,
};

enum td_smp_version {
    TD_SMP_V1 = 0, /* errors are {"rc":n} alone */
    TD_SMP_V2 = 1, /* errors of a group are {"err":{"group":g,"rc":n}} */
};

enum td_smp_group {
    TD_SMP_GROUP_OS = 0,
    TD_SMP_GROUP_IMAGE = 1,
    TD_SMP_GROUP_STAT = 2,
    TD_SMP_GROUP_SETTINGS = 3,
    TD_SMP_GROUP_FS = 8,
    TD_SMP_GROUP_SHELL = 9,
    TD_SMP_GROUP_ENUM = 10,
    TD_SMP_GROUP_BASIC = 63,
    TD_SMP_GROUP_TANDEM = 21572, /* 0x5444, "TD" */
};

struct td_smp_header {
    uint8_t version; /* 0..3, of which TD_SMP_V1 and TD_SMP_V2 are defined */
    uint8_t op;      /* 0..7, of which enum td_smp_op is defined */
    uint8_t flags;   /* nothing is defined; sent as 0, ignored when read */
    uint16_t len;    /* bytes behind the header */
    uint16_t group;
    uint8_t seq;
    uint8_t id;
};

void td_smp_header_encode(const struct td_smp_header *hdr, uint8_t out[TD_SMP_HEADER_SIZE]);
void td_smp_header_decode(const uint8_t in[TD_SMP_HEADER_SIZE], struct td_smp_header *hdr);

/*
 * Looks at the first message of a packet. *payload points into it, hdr->len bytes.
 * TD_ETRUNC: shorter than a header (hdr untouched), or shorter than the header says (hdr is
 * filled in, *payload is NULL). What stands behind the message is not looked at.
 */
enum td_err td_smp_open(const uint8_t *packet, size_t len, struct td_smp_header *hdr,
                        const uint8_t **payload);

/*
 * Builds a message: begin, write one map with the writer, end. cap is the whole buffer's,
 * header included. end fills in the header's length and gives the message's, header included.
 * TD_ESPACE: it does not fit, also not into 16 bits of length. *len is then 0.
 */
void td_smp_begin(struct td_cbor_writer *w, uint8_t *buf, size_t cap, enum td_cbor_style style);
enum td_err td_smp_end(const struct td_cbor_writer *w, const struct td_smp_header *hdr,
                       size_t *len);

/* Reads a payload's map with the fields' rows; len 0 is an empty map, bytes behind are let be. */
enum td_err td_smp_get_map(const uint8_t *payload, size_t len, const struct td_cbor_field *fields,
                           size_t n_fields);

/* Writes the map without members, request or answer of many commands. */
void td_smp_put_empty(struct td_cbor_writer *w);

#endif
