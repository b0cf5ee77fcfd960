/* tools/evidence.c - what a binary file shows, one fact after the other. */
#include "tools/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/preflight.h"
#include "tools/cli.h"
#include "tools/kind.h"

#define QUOTE 160

struct td_evidence {
    struct td_facts *facts;
};

struct td_evidence *td_evidence_new(struct td_facts *facts)
{
    struct td_evidence *e = calloc(1, sizeof *e);

    if (e != NULL)
        e->facts = facts;
    return e;
}

void td_evidence_free(struct td_evidence *evidence)
{
    free(evidence);
}

static struct td_place at_byte(uint16_t file, uint64_t offset)
{
    return (struct td_place){ .file = file, .line = 0, .offset = offset };
}

static void version_text(const struct td_version *v, char out[32])
{
    snprintf(out, 32, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
}

/* An image of a file, which may lie anywhere in it. */
static void add_image(struct td_evidence *e, const char *name, const struct td_place *at,
                      const struct td_image_facts *f)
{
    const struct td_image_header *hdr = &f->image.hdr;
    char version[32], hash[9] = "none", key[9] = "none", quote[QUOTE];

    version_text(&hdr->version, version);
    if (f->hash_len > 0)
        td_hex(f->hash, 4, hash);
    if (f->key_len > 0)
        td_hex(f->key, 4, key);
    snprintf(quote, sizeof quote, "%s: MCUboot image, version %s, %u bytes, hash %s", name, version,
             f->image.size, hash);
    td_fact_add(e->facts, "image", at, TD_NO_TIME, quote,
                "file='%s' version=%s size=%u hash=%s load=%u sig=%s key=%s ok=%d", name, version,
                f->image.size, hash, hdr->load_addr,
                f->sig_tlv == 0 ? "none" : td_tlv_name(f->sig_tlv), key, f->err == TD_OK);
    if (f->err == TD_EIMG_HASH)
        td_fact_add(e->facts, "image.bad-hash", at, TD_NO_TIME, quote, "file='%s' hash=%s", name,
                    hash);
    else if (f->err != TD_OK)
        td_fact_add(e->facts, "image.malformed", at, TD_NO_TIME, td_strerror(f->err),
                    "file='%s' error=%s offset=%u", name, td_errname(f->err), f->fault.off);
}

static void look_at_image(struct td_evidence *e, uint16_t file, const char *name,
                          const uint8_t *bytes, size_t len)
{
    struct td_source src = td_source_memory(bytes, (uint32_t)len);
    struct td_image_work work = { .breathe = NULL };
    struct td_place at = at_byte(file, 0);
    struct td_image_facts f;

    td_image_facts(&src, &work, &f);
    add_image(e, name, &at, &f);
}

void td_evidence_file(struct td_evidence *evidence, uint16_t file, const char *name,
                      const uint8_t *bytes, size_t len)
{
    enum td_kind kind = td_kind_of(bytes, len < TD_KIND_HEAD ? len : TD_KIND_HEAD);

    if (kind == TD_KIND_IMAGE && len <= UINT32_MAX)
        look_at_image(evidence, file, name, bytes, len);
}

void td_evidence_end(struct td_evidence *evidence)
{
    (void)evidence;
}
