#include "base/verdict.h"

#include <string.h>

#include "base/bytes.h"

/*
 * Record version 1, offsets in bytes, little-endian:
 *  0 version (1)   1 class   2 code u16   4 image   5 slot   6 swap type   7 zero
 *  8 count u16    10 zero u16   12 seq u32   16 wanted u32   20 found u32   24 off u32
 * 28 wanted version (8)   36 found version (8)   44 key (8)   52 hash (8)   60 end
 */
enum { RECORD_VERSION = 1 };

static void encode_version(const struct td_version *v, uint8_t *out)
{
    out[0] = v->major;
    out[1] = v->minor;
    td_store_le16(out + 2, v->revision);
    td_store_le32(out + 4, v->build);
}

static void decode_version(const uint8_t *in, struct td_version *v)
{
    v->major = in[0];
    v->minor = in[1];
    v->revision = td_load_le16(in + 2);
    v->build = td_load_le32(in + 4);
}

void td_verdict_encode(const struct td_verdict *v, uint8_t out[TD_VERDICT_SIZE])
{
    memset(out, 0, TD_VERDICT_SIZE);
    out[0] = RECORD_VERSION;
    out[1] = v->kind;
    td_store_le16(out + 2, v->code);
    out[4] = v->image;
    out[5] = v->slot;
    out[6] = v->swap_type;
    td_store_le16(out + 8, v->count);
    td_store_le32(out + 12, v->seq);
    td_store_le32(out + 16, v->wanted);
    td_store_le32(out + 20, v->found);
    td_store_le32(out + 24, v->off);
    encode_version(&v->wanted_version, out + 28);
    encode_version(&v->found_version, out + 36);
    memcpy(out + 44, v->key, TD_VERDICT_KEY_LEN);
    memcpy(out + 52, v->hash, TD_VERDICT_HASH_LEN);
}

enum td_err td_verdict_decode(const uint8_t in[TD_VERDICT_SIZE], struct td_verdict *v)
{
    if (in[0] != RECORD_VERSION || td_load_le16(in + 2) == TD_V_NONE)
        return TD_EFORMAT;
    memset(v, 0, sizeof *v);
    v->kind = in[1];
    v->code = td_load_le16(in + 2);
    v->image = in[4];
    v->slot = in[5];
    v->swap_type = in[6];
    v->count = td_load_le16(in + 8);
    v->seq = td_load_le32(in + 12);
    v->wanted = td_load_le32(in + 16);
    v->found = td_load_le32(in + 20);
    v->off = td_load_le32(in + 24);
    decode_version(in + 28, &v->wanted_version);
    decode_version(in + 36, &v->found_version);
    memcpy(v->key, in + 44, TD_VERDICT_KEY_LEN);
    memcpy(v->hash, in + 52, TD_VERDICT_HASH_LEN);
    return TD_OK;
}

int td_verdict_same(const struct td_verdict *a, const struct td_verdict *b)
{
    uint8_t as[TD_VERDICT_SIZE], bs[TD_VERDICT_SIZE];
    struct td_verdict b_counted = *b;

    b_counted.count = a->count;
    b_counted.seq = a->seq;
    td_verdict_encode(a, as);
    td_verdict_encode(&b_counted, bs);
    return memcmp(as, bs, sizeof as) == 0;
}

enum td_verdict_class td_verdict_class_of(uint16_t code)
{
    switch (code) {
#define TD_VERDICT_CLASS_CASE(name, number, text, class, sentence, remedy)                         \
    case number: return class;
        TD_VERDICTS(TD_VERDICT_CLASS_CASE)
#undef TD_VERDICT_CLASS_CASE
    default: return TD_VERDICT_FAULT;
    }
}
