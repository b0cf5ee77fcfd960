/*
 * tools/sign_priv.h - one image on its way through `tandem sign`, and the rooms it comes through.
 *
 * Every function that returns an int says its own error, and returns an exit code.
 */
#ifndef TD_TOOLS_SIGN_PRIV_H
#define TD_TOOLS_SIGN_PRIV_H

#include "image/build.h"
#include "keys/wrap.h"
#include "tools/file.h"
#include "tools/sign_opts.h"

#define SIGN_AREAS_MAX    (2u * 65536) /* both TLV areas at their largest */
#define SIGN_CIPHER_BLOCK 16

/* What a compressed image tells of the one that it becomes. */
struct sign_unpacked {
    bool is_known;  /* the image being built is the compressed one */
    uint32_t size;  /* bytes of the payload */
    uint32_t whole; /* bytes of the image */
    uint8_t digest[TD_HASH_MAX];
    uint8_t sig[TD_KEY_SIG_MAX];
    size_t sig_len; /* 0: unsigned */
};

struct signing {
    struct td_cli *cli;
    struct sign_opts o;
    struct td_disk_file in;
    struct td_disk_file *custom_files; /* one for each of o.custom; empty where it is no file */

    struct td_key *key; /* of -k or of --fix-sig-pubkey; NULL: unsigned */
    uint8_t der[TD_KEY_DER_MAX];
    size_t der_len;
    const struct td_hash_alg *hash;
    struct td_key *recipient; /* of -E; NULL: not encrypted */

    uint8_t *image; /* grows to the whole image */
    uint32_t cap;
    struct td_build b;
    uint32_t payload_end; /* header and payload */
    uint32_t hashed;      /* and the protected area */
    uint32_t base;        /* address of the first byte, for hex */
    bool has_base;
    uint8_t digest[TD_HASH_MAX];
    uint8_t sig[TD_KEY_SIG_MAX];
    size_t sig_len;

    struct sign_unpacked unpacked;
    uint32_t packed_size; /* bytes of the compressed payload, before the cipher's padding */
    uint8_t content_key[32];
    struct td_wrapped wrapped; /* content_key for the recipient; tlv 0: not encrypted */
};

int sign_fail(struct signing *s, const char *code, const char *text, const char *where,
              const char *remedy);

/* tools/sign_seal.c: the keys and the hash that goes with them, then what they make. */
int sign_open_keys(struct signing *s);
int sign_choose_hash(struct signing *s);

/* The unprotected area: hash, signature, wrapped key. */
int sign_seal(struct signing *s);

/* tools/sign_tlvs.c: header and protected area around the payload, and their digest. */
int sign_hashed_part(struct signing *s);

/*
 * tools/sign_pack.c. sign_compress signs the program as it is, packs it, and leaves the packed
 * payload with the facts of the other; or the program, when it does not shrink.
 */
int sign_compress(struct signing *s);
int sign_choose_content_key(struct signing *s); /* and pads the payload for the cipher */
int sign_encrypt(struct signing *s);            /* the payload of the finished image */

/* tools/sign_room.c: whether the image finds room in its slot, and whether it would boot. */
int sign_check_room(struct signing *s);
int sign_check_image(struct signing *s);

#endif
