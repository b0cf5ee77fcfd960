/* tools/evidence_priv.h - what is remembered of each image until all files were seen. */
#ifndef TD_TOOLS_EVIDENCE_PRIV_H
#define TD_TOOLS_EVIDENCE_PRIV_H

#include "tools/evidence.h"

#include "tools/memory.h"

#define TD_EVIDENCE_IMAGES 64
#define TD_EVIDENCE_DUMPS  8

/* An image as the comparison at the end wants it. */
struct td_known_image {
    struct td_place at;
    char name[96];
    char version[32];
    char hash[9]; /* first digits; "" when it has none */
    char key[9];
    uint8_t full_hash[64];
    uint8_t hash_len;
    uint32_t size;
    bool in_dump;
    bool is_stage2; /* carries fw_info: MCUboot's own update */
    uint32_t linked_for;
    bool is_app;    /* of image 0, as far as anything says */
    uint32_t reset; /* where it starts; 0: not known */
};

/* Where in which file something was seen, and the file's name as facts may have it. */
struct td_spot {
    struct td_evidence *e;
    uint16_t file;
    char name[96];
};

/* A flash dump that waits for the layouts. */
struct td_waiting_dump {
    struct td_spot at;
    struct td_memory memory; /* its own */
};

struct td_evidence {
    struct td_facts *facts;
    struct td_known_image images[TD_EVIDENCE_IMAGES];
    size_t n_images;
    struct td_waiting_dump dumps[TD_EVIDENCE_DUMPS];
    size_t n_dumps;
    const struct td_layout *const *layouts; /* while the dumps are judged */
    size_t n_layouts;
    bool has_provision;
    uint32_t s0, s1; /* of the provision data that were seen */
};

#endif
