#include "smp/header.h"

#include <string.h>

#include "base/bytes.h"

void td_smp_header_encode(const struct td_smp_header *hdr, uint8_t out[TD_SMP_HEADER_SIZE])
{
    out[0] = (uint8_t)((hdr->version & 3u) << 3 | (hdr->op & 7u));
    out[1] = hdr->flags;
    td_store_be16(out + 2, hdr->len);
    td_store_be16(out + 4, hdr->group);
    out[6] = hdr->seq;
    out[7] = hdr->id;
}

void td_smp_header_decode(const uint8_t in[TD_SMP_HEADER_SIZE], struct td_smp_header *hdr)
{
    hdr->version = in[0] >> 3 & 3;
    hdr->op = in[0] & 7;
    hdr->flags = in[1];
    hdr->len = td_load_be16(in + 2);
    hdr->group = td_load_be16(in + 4);
    hdr->seq = in[6];
    hdr->id = in[7];
}

enum td_err td_smp_open(const uint8_t *packet, size_t len, struct td_smp_header *hdr,
                        const uint8_t **payload)
{
    *payload = NULL;
    if (len < TD_SMP_HEADER_SIZE)
        return TD_ETRUNC;
    td_smp_header_decode(packet, hdr);
    if (hdr->len > len - TD_SMP_HEADER_SIZE)
        return TD_ETRUNC;
    *payload = packet + TD_SMP_HEADER_SIZE;
    return TD_OK;
}

void td_smp_begin(struct td_cbor_writer *w, uint8_t *buf, size_t cap, enum td_cbor_style style)
{
    td_cbor_writer_init(w, buf, cap, style);
    if (cap < TD_SMP_HEADER_SIZE)
        w->err = TD_ESPACE;
    else
        w->len = TD_SMP_HEADER_SIZE;
}

enum td_err td_smp_end(const struct td_cbor_writer *w, const struct td_smp_header *hdr, size_t *len)
{
    struct td_smp_header full = *hdr;
    enum td_err err = td_cbor_done(w, len);

    if (err == TD_OK && *len > TD_SMP_HEADER_SIZE + UINT16_MAX) {
        *len = 0;
        err = TD_ESPACE;
    }
    if (err != TD_OK)
        return err;
    full.len = (uint16_t)(*len - TD_SMP_HEADER_SIZE);
    td_smp_header_encode(&full, w->buf);
    return TD_OK;
}

enum td_err td_smp_get_map(const uint8_t *payload, size_t len, const struct td_cbor_field *fields,
                           size_t n_fields)
{
    static const uint8_t empty_map[] = { 0xa0 };
    struct td_cbor_reader r = td_cbor_reader_of(payload, len);

    if (len == 0)
        r = td_cbor_reader_of(empty_map, sizeof empty_map);
    return td_cbor_get_map(&r, fields, n_fields);
}

void td_smp_put_empty(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_close(w);
}
