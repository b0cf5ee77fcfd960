/*
 * tools/survey.h - what lies where in a piece of flash, found by its own marks.
 *
 * Images by their magic, trailers by theirs, NSIB's structures, settings, Tandem's boot log,
 * vector tables; what is left is blank or of unknown purpose. Nothing is believed because
 * of where it lies: what a layout says about the place is tools/slots.h.
 */
#ifndef TD_TOOLS_SURVEY_H
#define TD_TOOLS_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/verdict.h"
#include "client/preflight.h"
#include "image/fw_info.h"
#include "nsib/provision.h"
#include "slot/trailer.h"
#include "tools/memory.h"

#define TD_SURVEY_MAX 256 /* things; what comes later is left out, and truncated says so */

enum td_thing_kind {
    TD_THING_IMAGE,     /* MCUboot image, header to TLVs */
    TD_THING_TRAILER,   /* a good magic and the cells in front of it */
    TD_THING_FIRMWARE,  /* what b0 boots: code with fw_info, and validation info behind */
    TD_THING_PROVISION, /* NSIB's provision data */
    TD_THING_STORAGE,   /* settings: sectors of Zephyr's NVS */
    TD_THING_LOG,       /* Tandem's boot log */
    TD_THING_CODE,      /* begins with a Cortex-M vector table, and nobody signed it */
    TD_THING_DATA,      /* bytes of unknown purpose */
    TD_THING_BLANK,     /* erased */
    TD_THING_HOLE,      /* not in the file */
};

/* A fw_info and what its signature says, inside an image, a firmware or an inner slot. */
struct td_nsib_found {
    bool found;
    struct td_fw_info info;    /* info.off is an address */
    uint32_t start;            /* address at which the firmware lies */
    enum td_err validation;    /* TD_OK: the one below was found; else why not */
    struct td_fw_validation v; /* v.off is an address */
    bool hash_matches;
    enum td_err signature; /* of the key that it carries: TD_OK, TD_ESIG, TD_EKEY */
    uint8_t fingerprint[TD_FW_FINGERPRINT];
};

struct td_vectors {
    uint32_t stack;
    uint32_t reset; /* as it stands, with the Thumb bit */
};

/* What a piece of code is, by the words it prints. */
enum td_code_role {
    TD_CODE_UNKNOWN,
    TD_CODE_MCUBOOT, /* or a bootloader with its console lines, as Tandem's */
    TD_CODE_B0,
};

struct td_thing {
    enum td_thing_kind kind;
    uint32_t addr;
    uint32_t size;
    struct td_nsib_found nsib; /* images and firmware */
    bool has_vectors;          /* images, firmware, code */
    struct td_vectors vectors;
    union {
        struct td_image_facts image;
        struct {
            uint32_t max_align;
            struct td_trailer_state state;
            uint32_t swap_size;
        } trailer;
        struct td_provision provision;
        enum td_code_role role; /* TD_THING_CODE */
        struct {
            uint32_t sector;
            uint32_t stride;    /* from one allocation entry to the next */
            uint32_t n_entries; /* those that are sound */
        } storage;
        struct {
            uint32_t sector;
            uint32_t n_sectors;
        } log;
    } u;
};

struct td_survey {
    struct td_thing *at; /* ascending, without overlap, without gaps from first to last byte */
    size_t n;
    bool truncated;
};

/* false: no memory. td_survey_free in any case. */
bool td_survey(struct td_survey *s, const struct td_memory *m);
void td_survey_free(struct td_survey *s);

/* The image that begins at addr; NULL when none does. */
const struct td_thing *td_survey_image_at(const struct td_survey *s, uint32_t addr);

/* The firmware whose first byte stands at start: its fw_info and what is behind; found says. */
void td_nsib_look(const struct td_memory *m, uint32_t start, struct td_nsib_found *f);

/* Whether it is made for b0 to boot: there is validation info behind it, of whatever kind. */
bool td_nsib_is_signed(const struct td_nsib_found *f);

/* "image", "trailer" ...: one word for programs. */
const char *td_thing_name(enum td_thing_kind kind);

/* Whether a Cortex-M vector table stands there. */
bool td_vectors_at(const struct td_memory *m, uint32_t addr, struct td_vectors *v);

#endif
