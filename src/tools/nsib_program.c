/*
 * tools/nsib_program.c - a program on its way to being sealed for the first stage.
 *
 * What is signed is [address, address + size) of its fw_info, behind what --skip leaves out. A
 * first stage hashes just that, so a file that holds less or more is not what would boot.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "crypto/ct.h"
#include "tools/nsib_tool.h"
#include "tools/survey.h"

#define MCUBOOT_MAGIC 0x96f3b83du
#define SEARCH_STEP   0x200u
#define SEARCH_MAX    0x1000u
#define WRAP_PAD      0x200u /* of MCUboot's header in front of a second stage, as a rule */
#define ECDSA_P256    1u     /* crypto id of the validation info's magic */

static int fail(struct td_cli *cli, const struct nsib_program *p, const char *code,
                const char *text, const char *where, const char *remedy)
{
    char line[400];

    snprintf(line, sizeof line, "%.200s%s%.160s", p->in, where != NULL ? ": " : "",
             where != NULL ? where : "");
    return td_cli_fail(cli, TD_EXIT_FILE, code, text, line, remedy);
}

void nsib_program_free(struct nsib_program *p)
{
    td_file_free(&p->file);
    free(p->sealed);
    p->sealed = NULL;
}

/* ---- fw_info ------------------------------------------------------------------------ */

/* Whether a first stage of this generation looks at off behind a slot's start. */
static bool is_looked_at(const struct nsib_generation *g, uint32_t off)
{
    uint32_t place;

    for (unsigned n = 0; td_fw_search_nth(g->search, n, &place); n++)
        if (place == off)
            return true;
    return false;
}

static int find_info(struct td_cli *cli, struct nsib_program *p)
{
    struct td_source src = td_source_memory(p->file.bytes, p->file.size);
    enum td_err err = TD_ENOTFOUND;
    char where[80];

    for (uint32_t off = 0; off <= SEARCH_MAX && err == TD_ENOTFOUND; off += SEARCH_STEP)
        if (td_range_in(off, TD_FW_MAGIC_SIZE, src.size))
            err = td_fw_info_read(&src, off, &p->info);
    if (err == TD_ENOTFOUND)
        return fail(cli, p, "no-fw-info",
                    "there is no fw_info in it, so no first stage would find it",
                    "looked at every 0x200 up to 0x1000",
                    "build it with CONFIG_FW_INFO; is it a second stage at all?");
    snprintf(where, sizeof where, "offset 0x%x", p->info.off);
    if (err != TD_OK)
        return fail(cli, p, "bad-fw-info", "its fw_info contradicts itself", where,
                    "build it again; structures of SDK 1.0 and 1.1 are not read");
    return TD_EXIT_OK;
}

/* pad 0: nobody said whether a header will stand in front of it. */
static int check_place(struct td_cli *cli, const struct nsib_program *p, uint32_t skip,
                       uint32_t pad, const struct nsib_generation *g)
{
    uint32_t off = skip <= p->info.off ? p->info.off - skip : p->info.off;
    char where[120];

    if (pad != 0 ? is_looked_at(g, pad + off)
                 : is_looked_at(g, off) || is_looked_at(g, off + WRAP_PAD))
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "fw_info would stand 0x%x behind the slot's start", pad + off);
    return fail(cli, p, "fw-info-place",
                "first stages of the generation that was named do not look there", where,
                "move it with CONFIG_FW_INFO_OFFSET, or name a younger --b0-generation if that is "
                "what the devices have");
}

/* ---- what is signed ----------------------------------------------------------------- */

static bool is_blank(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static int check_end(struct td_cli *cli, struct nsib_program *p)
{
    struct td_source src = td_source_memory(p->file.bytes, p->file.size);
    struct td_fw_validation v;
    enum td_err err;
    char where[120];

    snprintf(where, sizeof where, "fw_info says 0x%x bytes, the file has 0x%x", p->info.size,
             p->file.size);
    if (p->info.size > p->file.size)
        return fail(cli, p, "cut-off", "the file ends before the firmware does", where,
                    "name the whole file that was built");
    p->end = p->info.size;
    err = td_fw_validation_read(&src, p->end, &v);
    if (err == TD_OK || err == TD_EUNSUPPORTED)
        return fail(cli, p, "signed-already", "it is sealed already", where,
                    "name the file as it was built, without validation info");
    // What fills up the last word is allowed to be there.
    if (p->file.size - p->end > 3 || !is_blank(p->file.bytes + p->end, p->file.size - p->end))
        return fail(cli, p, "longer",
                    "there are bytes behind the firmware's end, which no first "
                    "stage would check",
                    where, "name the file as it was built; is it one of several parts?");
    return TD_EXIT_OK;
}

static int check_address(struct td_cli *cli, struct nsib_program *p, uint32_t skip)
{
    char where[160];

    p->base = p->file.has_base ? p->file.base : p->info.address;
    if (p->base != p->info.address) {
        snprintf(where, sizeof where, "the hex file begins at 0x%x, fw_info says 0x%x", p->base,
                 p->info.address);
        return fail(cli, p, "address", "the file does not begin where the firmware does", where,
                    "name the program's own hex file, not a merged one");
    }
    if (skip >= p->end || p->info.off < skip) {
        snprintf(where, sizeof where, "--skip 0x%x, fw_info at 0x%x", skip, p->info.off);
        return fail(cli, p, "skip", "what is skipped would hold what has to be signed", where,
                    "--skip is the room of the header in front of the vector table");
    }
    if (skip != 0 && p->info.boot_address != p->info.address + skip) {
        snprintf(where, sizeof where, "--skip 0x%x, boot address 0x%x of 0x%x", skip,
                 p->info.boot_address, p->info.address);
        return fail(cli, p, "skip", "the vector table is not behind what is skipped", where,
                    "give the skip that the build used (CONFIG_SB_IMAGE_BOOT_OFFSET), or none");
    }
    p->start = skip;
    return TD_EXIT_OK;
}

/* Where the first stage would jump to, by the word behind the stack's. */
static int check_reset(struct td_cli *cli, const struct nsib_program *p)
{
    uint32_t table = p->info.boot_address - p->info.address;
    uint32_t reset;
    char where[160];

    if (p->info.boot_address < p->info.address || !td_range_in(table, 8, p->end))
        return fail(cli, p, "boot-address", "its vector table lies outside of it", NULL,
                    "build it again: fw_info's boot address is not the program's");
    reset = td_load_le32(p->file.bytes + table + 4);
    snprintf(where, sizeof where, "reset vector 0x%x, program at 0x%x to 0x%x", reset,
             p->info.address, p->info.address + p->info.size);
    if ((reset & 1) == 0 || reset - p->info.address >= p->info.size)
        return fail(cli, p, "reset-vector", "its reset vector does not point into it", where,
                    "is this the program itself, and not a merged file?");
    return TD_EXIT_OK;
}

int nsib_program_read(struct td_cli *cli, struct nsib_program *p, const char *path, uint32_t skip,
                      uint32_t pad, const struct nsib_generation *generation)
{
    int exit = td_file_read(cli, path, &p->file);

    p->in = path;
    if (exit != TD_EXIT_OK)
        return exit;
    if (p->file.size >= 4 && td_load_le32(p->file.bytes) == MCUBOOT_MAGIC)
        return fail(cli, p, "wrapped", "it has MCUboot's header already", NULL,
                    "the first stage's signature comes first, MCUboot's around it: name the bare "
                    "program");
    exit = find_info(cli, p);
    if (exit == TD_EXIT_OK)
        exit = check_end(cli, p);
    if (exit == TD_EXIT_OK)
        exit = check_address(cli, p, skip);
    if (exit == TD_EXIT_OK)
        exit = check_place(cli, p, skip, pad, generation);
    if (exit == TD_EXIT_OK && p->info.valid != TD_FW_VALID)
        exit = fail(cli, p, "invalidated", "a first stage has marked it invalid", NULL,
                    "name the file as it was built, not what was read from a device");
    if (exit == TD_EXIT_OK)
        exit = check_reset(cli, p);
    if (exit != TD_EXIT_OK)
        return exit;
    td_hash_of(&td_sha256, p->file.bytes + p->start, p->end - p->start, p->h1);
    td_hash_of(&td_sha256, p->h1, sizeof p->h1, p->h2);
    return TD_EXIT_OK;
}

/* ---- against others ----------------------------------------------------------------- */

/* The highest version of a firmware in a file of any kind. */
static int highest_in(struct td_cli *cli, const char *path, uint32_t *version)
{
    struct td_survey s = { .at = NULL };
    struct td_memory m = { .at = NULL };
    struct td_disk_file file;
    bool found = false;
    int exit = td_file_read(cli, path, &file);

    if (exit != TD_EXIT_OK)
        return exit;
    if (!td_memory_of_bytes(&m, file.bytes, file.size, file.base) || !td_survey(&s, &m))
        exit = td_cli_fail(cli, TD_EXIT_FILE, "memory", "there is not enough memory", path, NULL);
    *version = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!s.at[i].nsib.found)
            continue;
        found = true;
        *version = td_max_u32(*version, s.at[i].nsib.info.version);
    }
    if (exit == TD_EXIT_OK && !found)
        exit = td_cli_fail(cli, TD_EXIT_FILE, "no-fw-info", "no firmware of a first stage is in it",
                           path, "--previous is the second stage of the last release");
    td_survey_free(&s);
    td_memory_free(&m);
    td_file_free(&file);
    return exit;
}

int nsib_program_newer(struct td_cli *cli, const struct nsib_program *p, const char *previous)
{
    uint32_t before;
    char where[400];
    int exit = highest_in(cli, previous, &before);

    if (exit != TD_EXIT_OK || p->info.version > before)
        return exit;
    snprintf(where, sizeof where, "%.150s has version %u, %.150s has %u", p->in, p->info.version,
             previous, before);
    return td_cli_fail(cli, TD_EXIT_REFUSED, "version",
                       p->info.version == before
                           ? "its version is the previous one's: a first stage would boot S0, "
                             "whichever that is, and the update seems to be without effect"
                           : "its version is below the previous one's: no first stage would choose "
                             "it",
                       where, "raise CONFIG_FW_INFO_FIRMWARE_VERSION");
}

/* The 16 bits of a MOVW or MOVT; false: it is neither. kind tells which, and the register. */
static bool moved(const uint8_t *at, uint16_t *value, uint16_t *kind)
{
    uint16_t a = td_load_le16(at), b = td_load_le16(at + 2);

    if ((a & 0xfb70) != 0xf240 || (b & 0x8000) != 0)
        return false;
    *value = (uint16_t)((a & 0xf) << 12 | (a & 0x400) << 1 | (b & 0x7000) >> 4 | (b & 0xff));
    *kind = (uint16_t)((a & 0x80) | (b & 0xf00));
    return true;
}

/* The same instruction with the halves of two addresses that are delta apart. */
static bool moves_address(const uint8_t *a, const uint8_t *b, uint32_t delta)
{
    uint16_t va, vb, ka, kb, apart;

    if (!moved(a, &va, &ka) || !moved(b, &vb, &kb) || ka != kb)
        return false;
    apart = (uint16_t)(vb - va);
    if ((ka & 0x80) == 0)
        return apart == (uint16_t)delta;
    // The upper half takes what the lower one carries.
    return apart == (uint16_t)(delta >> 16) || apart == (uint16_t)((delta >> 16) + 1);
}

/* How many of the bytes at i differ by address alone; 0: they differ otherwise. */
static uint32_t address_at(const struct nsib_program *a, const struct nsib_program *b, uint32_t i)
{
    uint32_t delta = b->info.address - a->info.address;
    uint32_t word = i & ~3u, half = i & ~1u;

    if (td_range_in(word, 4, a->end) &&
        td_load_le32(b->file.bytes + word) - td_load_le32(a->file.bytes + word) == delta)
        return word + 4 - i;
    for (uint32_t back = 0; back <= 2 && back <= half; back += 2)
        if (td_range_in(half - back, 4, a->end) &&
            moves_address(a->file.bytes + half - back, b->file.bytes + half - back, delta))
            return half - back + 4 - i;
    return 0;
}

static int check_pair(struct td_cli *cli, const struct nsib_program *a,
                      const struct nsib_program *b)
{
    char where[400];

    snprintf(where, sizeof where, "%.100s: version %u at 0x%x, %u bytes; %.100s: %u at 0x%x, %u",
             a->in, a->info.version, a->info.address, a->info.size, b->in, b->info.version,
             b->info.address, b->info.size);
    if (a->info.address == b->info.address)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "same-variant", "both are built for one address",
                           where, "one is for S0, the other for S1");
    if (td_range_overlap(a->info.address, a->info.size, b->info.address, b->info.size))
        return td_cli_fail(cli, TD_EXIT_REFUSED, "overlap", "they would lie on one another", where,
                           "check where the slots are, and how large");
    if (a->info.version != b->info.version)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "versions-differ",
                           "the two variants have different versions", where,
                           "build both from the same sources and configuration");
    if (a->info.size != b->info.size ||
        memcmp(&a->info.compat, &b->info.compat, sizeof a->info.compat) != 0)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "variants-differ",
                           "the two are no variants of one program", where,
                           "build both from the same sources and configuration");
    return TD_EXIT_OK;
}

int nsib_programs_alike(struct td_cli *cli, const struct nsib_program *a,
                        const struct nsib_program *b, bool accept)
{
    uint32_t n = 0, first = 0;
    char where[400];
    int exit = check_pair(cli, a, b);

    if (exit != TD_EXIT_OK)
        return exit;
    for (uint32_t i = 0; i < a->end; i++) {
        uint32_t by_address;

        if (a->file.bytes[i] == b->file.bytes[i])
            continue;
        by_address = address_at(a, b, i);
        if (by_address > 0) {
            i += by_address - 1;
            continue;
        }
        first = n == 0 ? i : first;
        n++;
    }
    if (n == 0)
        return TD_EXIT_OK;
    if (accept) {
        td_cli_note(cli, "The variants differ in %u bytes that are no addresses, first at 0x%x.", n,
                    first);
        return TD_EXIT_OK;
    }
    snprintf(where, sizeof where, "%.120s and %.120s: %u bytes, first at offset 0x%x", a->in, b->in,
             n, first);
    return td_cli_fail(cli, TD_EXIT_REFUSED, "variants-differ",
                       "the two variants differ in more than addresses", where,
                       "build both from the same sources and configuration; with "
                       "--accept-differences they are signed all the same");
}

/* ---- the seal ----------------------------------------------------------------------- */

static int seal_place(struct td_cli *cli, struct nsib_program *p, uint32_t at)
{
    uint32_t least = td_round_up(p->end, 4);
    uint32_t origin = p->file.has_base ? p->base : 0;
    char where[80];

    p->seal_off = at == 0 ? least : at - origin;
    snprintf(where, sizeof where, "--offset 0x%x", at);
    if (at != 0 && (at < origin || p->seal_off < least)) {
        char remedy[60];

        snprintf(remedy, sizeof remedy, "0x%x or more", origin + least);
        return fail(cli, p, "offset", "validation info there would lie inside the firmware", where,
                    remedy);
    }
    if (p->seal_off - p->end > 4)
        return fail(cli, p, "offset",
                    "no first stage looks there: it does from the firmware's end to 4 bytes behind",
                    where, "leave --offset away");
    p->len = p->seal_off + TD_FW_VALIDATION_SIZE;
    return TD_EXIT_OK;
}

/* With the code that the first stage runs, on the bytes that will be written. */
static int prove(struct td_cli *cli, const struct nsib_program *p)
{
    struct td_source src = td_source_memory(p->sealed, p->len);
    struct td_fw_validation v;
    struct td_fw_info info;
    uint8_t hash[32];
    enum td_err err = td_fw_info_read(&src, p->info.off, &info);

    if (err == TD_OK)
        err = td_fw_validation_read(&src, info.size, &v);
    if (err == TD_OK)
        err = td_fw_hash(&src, p->start, info.size - p->start, hash);
    if (err == TD_OK && !td_ct_equal(hash, v.hash, sizeof hash))
        err = TD_EFORMAT;
    if (err == TD_OK)
        err = td_fw_verify(&v, hash, &td_sig_ecdsa_p256);
    if (err != TD_OK)
        return fail(cli, p, td_errname(err), "the sealed file does not verify", td_strerror(err),
                    "this should not happen: please report it with the file");
    return TD_EXIT_OK;
}

static int check_magic(struct td_cli *cli, const struct nsib_program *p, const uint32_t own[3],
                       const uint32_t *given)
{
    char where[160];

    if (given == NULL || memcmp(own, given, 3 * sizeof *own) == 0)
        return TD_EXIT_OK;
    snprintf(where, sizeof where,
             "given 0x%08x,0x%08x,0x%08x, fw_info goes with 0x%08x,0x%08x,0x%08x", given[0],
             given[1], given[2], own[0], own[1], own[2]);
    return fail(cli, p, "magic",
                "a first stage that finds this program would not find validation "
                "info with that magic",
                where, "leave --magic-value away: it follows from fw_info");
}

int nsib_program_seal(struct td_cli *cli, struct nsib_program *p, const struct nsib_key *key,
                      const uint8_t sig[64], uint32_t at, const uint32_t magic[3])
{
    const struct td_fw_compat *c = &p->info.compat;
    const uint32_t own[3] = { TD_FW_MAGIC_COMMON, TD_FW_MAGIC_VALIDATION,
                              c->format | (uint32_t)c->soc << 8 | ECDSA_P256 << 16 |
                                  (uint32_t)c->product << 24 };
    uint8_t *v;
    int exit = seal_place(cli, p, at);

    if (exit == TD_EXIT_OK)
        exit = check_magic(cli, p, own, magic);
    if (exit != TD_EXIT_OK)
        return exit;
    p->sealed = malloc(p->len);
    if (p->sealed == NULL)
        return fail(cli, p, "memory", "there is not enough memory", NULL, NULL);
    memcpy(p->sealed, p->file.bytes, p->end);
    memset(p->sealed + p->end, 0xff, p->seal_off - p->end);
    v = p->sealed + p->seal_off;
    for (size_t i = 0; i < 3; i++)
        td_store_le32(v + 4 * i, own[i]);
    td_store_le32(v + 12, p->base + p->start);
    memcpy(v + 16, p->h1, 32);
    memcpy(v + 48, key->xy, 64);
    memcpy(v + 112, sig, 64);
    return prove(cli, p);
}
