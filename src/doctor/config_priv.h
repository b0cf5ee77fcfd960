/*
 * doctor/config_priv.h - the parts of the configuration reader.
 *
 * config_scan.c finds assignments in a line, config_role.c tells which image a text is for,
 * config_sdk.c finds versions and chips, config.c collects. At the end config_holds.c works out
 * what holds, config_age.c which names the SDK knows, config_spell.c what was meant, and
 * config_judge.c makes facts of it.
 */
#ifndef TD_DOCTOR_CONFIG_PRIV_H
#define TD_DOCTOR_CONFIG_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/fact.h"
#include "doctor/knowledge.h"
#include "doctor/option.h"

/* A piece of a line; borrowed. */
struct td_span {
    const char *at;
    size_t len;
};

enum td_flaw {
    TD_FLAW_NONE,
    TD_FLAW_BLANK,   /* a blank beside the = */
    TD_FLAW_COMMENT, /* a comment behind the value */
    TD_FLAW_QUOTES,  /* typographic quotation marks */
};

/* CONFIG_NAME=value as it stands in a line. */
struct td_assignment {
    struct td_span image; /* what stands before _CONFIG_: "mcuboot", "SB"; len 0: nothing */
    struct td_span name;  /* without CONFIG_ */
    struct td_span value; /* without quotes; "n" for "is not set" */
    struct td_span whole; /* all of it, as evidence */
    size_t begin;         /* of whole in the line */
    bool not_set;         /* "# CONFIG_NAME is not set" */
    bool defined;         /* "#define CONFIG_NAME value" */
    bool command;         /* -DCONFIG_NAME=value */
    enum td_flaw flaw;
};

/* The next assignment at or behind *at, which is moved on; commented-out ones are left out. */
bool td_assignment_next(const char *line, size_t len, size_t *at, struct td_assignment *out);

enum td_role {
    TD_ROLE_UNKNOWN,
    TD_ROLE_APP,
    TD_ROLE_MCUBOOT,
    TD_ROLE_B0,
    TD_ROLE_NET,
    TD_ROLE_SYSBUILD,
    TD_ROLE_COUNT
};

const char *td_role_name(enum td_role role);
enum td_role td_role_from_name(const char *name);    /* "mcuboot"; UNKNOWN when it is none */
enum td_role td_role_of_image(struct td_span image); /* "mcuboot", "hci_ipc", "SB" */

/* What a file's name or a heading says. */
struct td_heading {
    enum td_role role;
    bool whole;  /* prj.conf and its like: not only a fragment laid over something else */
    bool merged; /* a build's result */
    bool sure;   /* a form that is nothing but a heading: "<prj.conf>" */
    struct td_span name;
};

/* Reads a path; role UNKNOWN and an empty name: it is no configuration's. */
struct td_heading td_heading_of_path(struct td_span path);

/* Whether a line without options begins another file. */
bool td_heading_in_line(const char *line, size_t len, struct td_heading *out);

enum td_sdk_family { TD_SDK_NONE, TD_SDK_NCS, TD_SDK_ZEPHYR };

struct td_sdk {
    enum td_sdk_family family;
    uint16_t number; /* major * 100 + minor */
    uint16_t patch;  /* TD_SDK_NO_PATCH: not said */
    bool banner;     /* by a device or a build, not by a person */
};

#define TD_SDK_NO_PATCH 0xFFFF

bool td_sdk_in_line(const char *line, size_t len, struct td_sdk *out);
bool td_sdk_from_text(const char *text, struct td_sdk *out); /* "zephyr-3.3", "ncs-2.4" */
/* The Zephyr whose option names an SDK has, as major * 100 + minor. */
uint16_t td_sdk_zephyr(const struct td_sdk *sdk);

/* The next chip named in a line at or behind *at; out: its name in small letters. */
bool td_soc_in_line(const char *line, size_t len, size_t *at, char out[16]);

/* Without regard to case. len of needle by strlen; NULL: not there. */
const char *td_find_text(const char *hay, size_t len, const char *needle);

#define TD_CONFIG_OPTIONS 8192 /* kept of all files together; a build's .config has 3000 */
#define TD_CONFIG_BLOCKS  64
#define TD_CONFIG_WHOLE   8   /* options of a text that is no excerpt */
#define TD_CONFIG_MERGED  500 /* more than anybody writes: what a build makes of them */
#define TD_CONFIG_SPELL   500 /* unknown names that are compared with the known ones */

/* The options between two headings. */
struct td_block {
    char name[64]; /* "prj.conf"; "" when nothing names it */
    enum td_role role;
    bool named, whole, merged;
    bool own_file; /* the file's name says what it is; else a heading does, or nothing */
    bool sure;     /* a heading that is nothing else */
    uint16_t file;
    struct td_place first;
    uint32_t options, unset_lines;
};

struct td_setting {
    char *name; /* with SB_CONFIG_ when it is sysbuild's */
    char *value;
    const struct td_option *known; /* NULL: not in the books */
    uint16_t block;
    enum td_role role;
    bool sysbuild;
    bool pinned; /* an image's name stands before it: role is certain */
    enum td_flaw flaw;
    struct td_place at;
    int64_t time_us;
};

struct td_sdk_said {
    struct td_sdk sdk;
    struct td_place at;
    char quote[TD_FACT_QUOTE];
};

struct td_config {
    struct td_facts *facts;
    const struct td_knowledge *knowledge;
    char **asked; /* names that rules ask for, sorted */
    size_t n_asked;
    char **missed; /* names for which rules ask whether they are unset, sorted */
    size_t n_missed;
    char **words; /* parts of known names between underscores, sorted */
    size_t n_words;
    struct td_block blocks[TD_CONFIG_BLOCKS];
    size_t n_blocks;
    bool open;           /* the last block takes options */
    bool file_is_config; /* the file's own name says so: headings in comments are comments */
    uint16_t file;
    struct td_setting *settings;
    size_t n_settings, cap_settings;
    uint32_t dropped;
    struct td_sdk_said said[8];
    size_t n_said;
};

bool td_config_asks(const struct td_config *config, const char *name);
bool td_config_word(const struct td_config *config, const char *word, size_t len);
void td_config_judge(struct td_config *config);

/* What holds in an image. */
struct td_effect {
    const char *name, *value;
    const struct td_setting *from; /* the assignment, or that of the helper */
    const char *by;                /* the helper; NULL: assigned */
    const char *was;               /* the old name that was used; NULL: none */
};

/* By name: a hash table with room for twice its entries. */
struct td_effects {
    struct td_effect *slots;
    size_t mask;
};

struct td_judge {
    struct td_config *config;
    struct td_effects maps[TD_ROLE_COUNT];
    struct td_sdk sdk;   /* family NONE: unknown */
    uint16_t generation; /* Zephyr number of sdk; 0: unknown */
    uint16_t lower;      /* names at hand are of this Zephyr at least */
    unsigned olds;       /* names that a later SDK dropped */
};

bool td_effects_init(struct td_effects *map, size_t entries); /* false: no memory */
const struct td_effect *td_holds(const struct td_judge *judge, enum td_role role,
                                 const char *name); /* NULL: nothing is said of it */
void td_judge_fill(struct td_judge *judge);
void td_judge_expand(struct td_judge *judge, enum td_role role); /* what helpers switch on */

bool td_is_no(const char *value);

/* "NAME", "NAME=value": the name into out; the value, NULL when none is given. */
const char *td_split_need(const char *text, size_t len, char out[128]);

enum td_need { TD_NEED_MET, TD_NEED_OPEN, TD_NEED_REFUSED };

/* "A|B=2": the best of the alternatives. */
enum td_need td_need(const struct td_judge *judge, enum td_role role, const char *needs);

bool td_is_set(const char *text); /* neither NULL nor empty */

/* "ncs-2.7" as the number of the Zephyr whose names it has; 0: no bound. */
uint16_t td_bound_zephyr(const char *bound);

/* Whether the SDK at hand is at least `bound`; only with a known generation. */
bool td_reached(const struct td_judge *judge, const char *bound);

/* NULL: the name is right, as far as anybody can tell; else "dropped", "mixed" or "old". */
const char *td_fate(const struct td_judge *judge, const struct td_option *known);

/* The name of an option in the SDK at hand, else the newest; NULL: it went. */
const struct td_option *td_option_current(const struct td_judge *judge,
                                          const struct td_option *known);

/* What a name that no book has was meant to be; NULL: it is merely unknown. */
const struct td_option *td_option_nearest(const struct td_config *config, const char *name);

#endif
