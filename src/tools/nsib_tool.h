/*
 * tools/nsib_tool.h - what the verbs of `tandem nsib` share: generations of the first stage, keys
 * and their fingerprints, a program on its way to being sealed.
 *
 * A function that takes a cli says its own error there and returns an exit code.
 */
#ifndef TD_TOOLS_NSIB_TOOL_H
#define TD_TOOLS_NSIB_TOOL_H

#include "image/fw_info.h"
#include "keys/point.h"
#include "nsib/provision.h"
#include "tools/file.h"

/* A first stage of some age, as --b0-generation names it. */
struct nsib_generation {
    const char *name;
    const char *means;
    enum td_fw_search search;
    bool old_tokens;
    bool bare; /* provision data begin with S0's address */
};

/* --b0-generation NAME; any other name is said. */
int nsib_generation_take(struct td_cli *cli, const char *name, const struct nsib_generation **out);
const struct nsib_generation *nsib_generation_latest(void);

/* A key as a device holds it. */
struct nsib_key {
    uint8_t xy[64];
    uint8_t print[TD_FW_FINGERPRINT];
};

/* Of an open key of P-256; path is for what is said of any other. */
int nsib_key_of(struct td_cli *cli, const char *path, const struct td_key *key,
                struct nsib_key *out);

/* Opens path, which holds a public or a private key, and closes it again. */
int nsib_key_read(struct td_cli *cli, const char *path, const char *passphrase_file,
                  struct nsib_key *out);

/* Whether the fingerprint has an aligned FFFF: a first stage refuses to boot with such a key. */
bool nsib_print_has_hole(const uint8_t print[TD_FW_FINGERPRINT]);

/* Where a key file should not lie, in words: a build's folder. NULL: no objection. */
const char *nsib_key_place_trouble(const char *path);

/* An unsigned program, then a sealed one. Begin with { 0 }, end with nsib_program_free. */
struct nsib_program {
    const char *in;
    struct td_disk_file file;
    uint32_t base;          /* address of the file's first byte */
    struct td_fw_info info; /* info.off counts from there */
    uint32_t start, end;    /* of the signed range, in the file */
    uint8_t h1[32];         /* SHA-256 of it: the message */
    uint8_t h2[32];         /* SHA-256 of h1: the digest */

    uint8_t *sealed; /* with validation info behind it; NULL before */
    uint32_t len;
    uint32_t seal_off; /* of the validation info */
};

/*
 * Reads and judges a program that is to be signed: fw_info where the generation looks for it (in
 * front of pad bytes of MCUboot's header, when pad is not 0), sizes, reset vector.
 */
int nsib_program_read(struct td_cli *cli, struct nsib_program *p, const char *path, uint32_t skip,
                      uint32_t pad, const struct nsib_generation *generation);
void nsib_program_free(struct nsib_program *p);

/* What the first stage compares is above what the firmware in the file previous has. */
int nsib_program_newer(struct td_cli *cli, const struct nsib_program *p, const char *previous);

/*
 * Two builds of one program for two addresses: all that differs is words that hold an address.
 * accept: what differs otherwise is noted, and no error.
 */
int nsib_programs_alike(struct td_cli *cli, const struct nsib_program *a,
                        const struct nsib_program *b, bool accept);

/*
 * Puts filler and validation info behind the program: into p->sealed. at: where, an address of
 * a hex file, or an offset in any other; 0: the next word. magic, when it is not NULL, has to be
 * what follows from fw_info. The result was verified as the first stage does it.
 */
int nsib_program_seal(struct td_cli *cli, struct nsib_program *p, const struct nsib_key *key,
                      const uint8_t sig[64], uint32_t at, const uint32_t magic[3]);

#endif
