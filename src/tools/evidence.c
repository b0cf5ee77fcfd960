/*
 * tools/evidence.c - what a binary file shows, one fact after the other.
 *
 * What it takes is what inspect shows; the difference is in the form. Images are remembered in
 * a few words, so that tools/evidence_end.c can compare them with one another, with the lists of
 * a log and with layouts.
 */
#include "tools/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/evidence_priv.h"
#include "tools/inspect.h"
#include "tools/kind.h"
#include "tools/package.h"

#define QUOTE 200

struct td_evidence *td_evidence_new(struct td_facts *facts)
{
    struct td_evidence *e = calloc(1, sizeof *e);

    if (e != NULL)
        e->facts = facts;
    return e;
}

void td_evidence_free(struct td_evidence *evidence)
{
    for (size_t i = 0; evidence != NULL && i < evidence->n_dumps; i++)
        td_memory_free(&evidence->dumps[i].memory);
    free(evidence);
}

static struct td_place at_byte(const struct td_spot *s, uint64_t offset)
{
    return (struct td_place){ .file = s->file, .line = 0, .offset = offset };
}

/* Quotes and control characters would end a value or a terminal's patience. */
static void clean(char *out, size_t cap, const char *name)
{
    size_t n = 0;

    for (; n + 1 < cap && name[n] != '\0'; n++)
        out[n] = (char)((unsigned char)name[n] < 0x20 || name[n] == '\'' ? '_' : name[n]);
    out[n] = '\0';
}

static void add_have(const struct td_spot *s, const char *what)
{
    struct td_place at = at_byte(s, 0);

    td_fact_add(s->e->facts, "have", &at, TD_NO_TIME, s->name, "what=%s", what);
}

/* ---- images ------------------------------------------------------------------------- */

struct found_image {
    const struct td_image_facts *facts;
    const struct td_nsib_found *nsib;
    const struct td_vectors *vectors; /* NULL: none */
    int image;                        /* number by the manifest, -1: not said */
    int slot;                         /* of a dump or a manifest, -1: not said */
    uint64_t offset;
    bool in_dump;
};

static void remember(const struct td_spot *s, const struct td_place *at,
                     const struct found_image *i, const char *version, const char *hash,
                     const char *key)
{
    struct td_known_image *k;

    if (s->e->n_images == TD_EVIDENCE_IMAGES)
        return;
    k = &s->e->images[s->e->n_images++];
    *k = (struct td_known_image){ .at = *at, .size = i->facts->image.size, .in_dump = i->in_dump };
    snprintf(k->name, sizeof k->name, "%s", s->name);
    snprintf(k->version, sizeof k->version, "%s", version);
    snprintf(k->hash, sizeof k->hash, "%s", i->facts->hash_len > 0 ? hash : "");
    snprintf(k->key, sizeof k->key, "%s", i->facts->key_len > 0 ? key : "");
    memcpy(k->full_hash, i->facts->hash, sizeof k->full_hash);
    k->hash_len = i->facts->hash_len;
    k->is_stage2 = td_nsib_is_signed(i->nsib);
    k->linked_for = i->nsib->info.address;
    k->is_app = !k->is_stage2 && i->image <= 0;
    k->reset = i->vectors == NULL ? 0 : i->vectors->reset & ~1u;
}

/* ` name=value` behind what stands in text already. */
static void attr(char *text, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void attr(char *text, size_t cap, const char *format, ...)
{
    size_t n = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + n, cap - n, format, args);
    va_end(args);
}

static void add_nsib(const struct td_spot *s, const struct td_nsib_found *f, int slot)
{
    struct td_place at = at_byte(s, f->info.off);
    const char *signature = f->validation == TD_EUNSUPPORTED           ? "other"
                            : f->validation != TD_OK                   ? "none"
                            : f->hash_matches && f->signature == TD_OK ? "good"
                                                                       : "bad";
    char quote[QUOTE], more[120] = "", print[9] = "";

    snprintf(quote, sizeof quote, "%s: NSIB metadata: version %u, for 0x%x, signature %s", s->name,
             f->info.version, f->info.address, signature);
    if (f->validation == TD_OK) {
        td_hex(f->fingerprint, 4, print);
        attr(more, sizeof more, " key=%s", print);
    }
    if (slot >= 0)
        attr(more, sizeof more, " slot=%d", slot);
    td_fact_add(s->e->facts, "nsib.metadata", &at, TD_NO_TIME, quote,
                "file='%s' version=%u address=%u size=%u valid=%d signature=%s soc=%u%s", s->name,
                f->info.version, f->info.address, f->info.size, f->info.valid == TD_FW_VALID,
                signature, f->info.compat.soc, more);
}

static void add_image_troubles(const struct td_spot *s, const struct td_place *at,
                               const struct found_image *i, const char *quote, const char *hash)
{
    const struct td_image_facts *f = i->facts;
    const struct td_version *v = &f->image.hdr.version;

    // In a dump the state of the slots says what is wrong with an image; see add_outlook.
    if (i->in_dump)
        return;
    if (f->err == TD_EIMG_HASH)
        td_fact_add(s->e->facts, "image.bad-hash", at, TD_NO_TIME, quote, "file='%s' hash=%s",
                    s->name, hash);
    else if (f->err != TD_OK)
        td_fact_add(s->e->facts, "image.malformed", at, TD_NO_TIME, quote,
                    "file='%s' error=%s why='%s'", s->name, td_errname(f->err),
                    td_strerror(f->err));
    if (f->err != TD_OK)
        return;
    if (f->sig_tlv == 0)
        td_fact_add(s->e->facts, "image.unsigned", at, TD_NO_TIME, quote, "file='%s' hash=%s",
                    s->name, hash);
    if (v->major == 0 && v->minor == 0 && v->revision == 0 && v->build == 0)
        td_fact_add(s->e->facts, "image.version-zero", at, TD_NO_TIME, quote, "file='%s'", s->name);
}

static void add_image(const struct td_spot *s, const struct found_image *i)
{
    const struct td_image_facts *f = i->facts;
    const struct td_image_header *hdr = &f->image.hdr;
    bool stage2 = td_nsib_is_signed(i->nsib);
    struct td_place at = at_byte(s, i->offset);
    char version[32], hash[9] = "none", key[9] = "none", quote[QUOTE], more[200] = "";

    snprintf(version, sizeof version, "%u.%u.%u+%u", hdr->version.major, hdr->version.minor,
             hdr->version.revision, hdr->version.build);
    if (f->hash_len > 0)
        td_hex(f->hash, 4, hash);
    if (f->key_len > 0)
        td_hex(f->key, 4, key);
    snprintf(quote, sizeof quote, "%s: MCUboot image, version %s, %u bytes, hash %s%s", s->name,
             version, f->image.size, hash,
             f->err == TD_OK          ? ""
             : f->err == TD_EIMG_HASH ? ", which does not match its bytes"
                                      : ", malformed");
    if (i->vectors != NULL)
        attr(more, sizeof more, " reset=%u", i->vectors->reset & ~1u);
    if (stage2)
        attr(more, sizeof more, " nsib=%u", i->nsib->info.version);
    // What is not the application is not weighed against the application's slot.
    if (stage2)
        attr(more, sizeof more, " image=boot");
    else if (i->image >= 0)
        attr(more, sizeof more, " image=%d", i->image);
    if (i->slot >= 0)
        attr(more, sizeof more, " slot=%d", i->slot);
    td_fact_add(s->e->facts, "image", &at, TD_NO_TIME, quote,
                "file='%s' version=%s size=%u hash=%s load=%u sig=%s key=%s ok=%d%s", s->name,
                version, f->image.size, hash, hdr->load_addr,
                f->sig_tlv == 0 ? "none" : td_tlv_name(f->sig_tlv), key, f->err == TD_OK, more);
    add_image_troubles(s, &at, i, quote, hash);
    if (stage2)
        add_nsib(s, i->nsib, i->slot);
    remember(s, &at, i, version, hash, key);
}

/* The trailer that a padded file brings along asks for an update once it lies in slot 1. */
static void add_padding(const struct td_spot *s, const struct td_survey *survey)
{
    for (size_t i = 0; i < survey->n; i++) {
        const struct td_thing *t = &survey->at[i];
        struct td_place at = at_byte(s, t->addr);
        char quote[QUOTE];

        if (t->kind != TD_THING_TRAILER)
            continue;
        snprintf(quote, sizeof quote, "%s: a trailer ends at 0x%x, image_ok %s", s->name,
                 t->addr + t->size, td_flag_word(t->u.trailer.state.image_ok));
        td_fact_add(s->e->facts, "image.padded", &at, TD_NO_TIME, quote,
                    "file='%s' size=%u confirmed=%d align=%u", s->name, t->addr + t->size,
                    t->u.trailer.state.image_ok == TD_FLAG_SET, t->u.trailer.max_align);
    }
}

/* ---- dumps -------------------------------------------------------------------------- */

static void add_provision(const struct td_spot *s, const struct td_provision *p)
{
    struct td_place at = at_byte(s, p->off);
    bool old = false, young = false;
    char quote[QUOTE];

    snprintf(quote, sizeof quote, "%s: NSIB provision data: S0 0x%x, S1 0x%x, %u keys", s->name,
             p->s0_address, p->s1_address, p->n_keys);
    s->e->has_provision = true;
    s->e->s0 = p->s0_address;
    s->e->s1 = p->s1_address;
    for (uint32_t i = 0; i < p->n_keys; i++) {
        const struct td_provision_key *k = &p->keys[i];
        bool revoked = k->token == TD_TOKEN_REVOKED || k->token == TD_TOKEN_REVOKED_OLD;
        char print[9];

        td_hex(k->fingerprint, 4, print);
        old = old || k->token == TD_TOKEN_VALID_OLD || k->token == TD_TOKEN_REVOKED_OLD;
        young = young || k->token == TD_TOKEN_VALID || k->token == TD_TOKEN_REVOKED;
        td_fact_add(s->e->facts, "nsib.key", &at, TD_NO_TIME, quote,
                    "file='%s' index=%u key=%s revoked=%d", s->name, i, print, revoked);
    }
    td_fact_add(s->e->facts, "nsib.provision", &at, TD_NO_TIME, quote,
                "file='%s' s0=%u s1=%u keys=%u tokens=%s", s->name, p->s0_address, p->s1_address,
                p->n_keys,
                old && young ? "mixed"
                : old        ? "old"
                             : "new");
    for (unsigned i = 0; i < p->n_counters; i++)
        td_fact_add(s->e->facts, "nsib.counter", &at, TD_NO_TIME, quote,
                    "file='%s' what=%s value=%u slots=%u left=%d", s->name,
                    p->counters[i].what == TD_COUNTER_MCUBOOT ? "mcuboot" : "firmware",
                    p->counters[i].value, p->counters[i].n_slots,
                    p->counters[i].n_slots - p->counters[i].n_used);
}

static void add_trailers(const struct td_spot *s, const struct td_plan *plan,
                         const struct td_outlook *o)
{
    for (unsigned n = 0; n < 2; n++) {
        const struct td_slot_seen *slot = &o->slot[n];
        struct td_place at = at_byte(s, slot->at.addr);
        char quote[QUOTE];

        if (slot->at.size == 0 || !slot->trailer_read)
            continue;
        snprintf(quote, sizeof quote,
                 "%s: slot %u: trailer magic %s, image_ok %s, copy_done %s: %s", s->name, n,
                 td_magic_word(slot->trailer.magic), td_flag_word(slot->trailer.image_ok),
                 td_flag_word(slot->trailer.copy_done), td_trailer_words(plan, n, &slot->trailer));
        td_fact_add(s->e->facts, "trailer", &at, TD_NO_TIME, quote,
                    "file='%s' slot=%u magic=%s copy_done=%s image_ok=%s swap_type=%s guess=%d",
                    s->name, n, td_magic_word(slot->trailer.magic),
                    td_flag_word(slot->trailer.copy_done), td_flag_word(slot->trailer.image_ok),
                    td_swap_type_word(slot->trailer.swap_type), plan->guessed);
    }
}

static void add_outlook(const struct td_spot *s, const struct td_plan *plan,
                        const struct td_outlook *o, int layout)
{
    struct td_place at = at_byte(s, plan->primary.addr);
    char quote[QUOTE + 340], why[300], more[24] = "";

    if (layout >= 0)
        attr(more, sizeof more, " layout=%d", layout);
    clean(why, sizeof why, o->why);
    snprintf(quote, sizeof quote, "%s: next boot: %s", s->name, o->text);
    td_fact_add(s->e->facts, "dump", &at, TD_NO_TIME, quote,
                "file='%s' next=%s swap_type=%s guess=%d%s", s->name, td_next_name(o->next),
                td_swap_type_word(o->type), plan->guessed, more);
    if (o->why[0] == '\0')
        return;
    snprintf(quote, sizeof quote, "%s: %s", s->name, o->why);
    if (o->next == TD_NEXT_REFUSE)
        td_fact_add(s->e->facts, "dump.refused", &at, TD_NO_TIME, quote, "file='%s' why='%s'",
                    s->name, why);
    else if (o->slot[1].align_found != 0 || o->slot[1].stray != 0 ||
             o->slot[1].trailer.magic == TD_MAGIC_BAD || o->slot[1].trailer.magic == TD_MAGIC_GOOD)
        td_fact_add(s->e->facts, "dump.unseen", &at, TD_NO_TIME, quote, "file='%s' why='%s'",
                    s->name, why);
    else if (o->slot[1].image != NULL && o->slot[0].trailer.magic != TD_MAGIC_GOOD)
        td_fact_add(s->e->facts, "dump.not-asked", &at, TD_NO_TIME, quote, "file='%s' why='%s'",
                    s->name, why);
}

static int slot_of(const struct td_outlook *o, uint32_t addr)
{
    for (int n = 0; n < 2; n++)
        if (o->slot[n].at.size > 0 && addr >= o->slot[n].at.addr &&
            addr - o->slot[n].at.addr < o->slot[n].at.size)
            return n;
    return -1;
}

static void add_thing(const struct td_spot *s, const struct td_thing *t, int slot)
{
    if (t->kind == TD_THING_IMAGE) {
        struct found_image i = { &t->u.image, &t->nsib, t->has_vectors ? &t->vectors : NULL,
                                 -1,          slot,     t->addr,
                                 true };

        add_image(s, &i);
    }
    if (t->kind == TD_THING_FIRMWARE && td_nsib_is_signed(&t->nsib))
        add_nsib(s, &t->nsib, slot);
    if (t->kind == TD_THING_PROVISION)
        add_provision(s, &t->u.provision);
}

/* Code alone, and not a bootloader's: somebody's program before it was signed. */
static bool is_program(const struct td_survey *survey)
{
    if (survey->n == 0 || survey->at[0].kind != TD_THING_CODE ||
        survey->at[0].u.role != TD_CODE_UNKNOWN)
        return false;
    for (size_t i = 0; i < survey->n; i++)
        if (survey->at[i].kind < TD_THING_CODE)
            return false;
    return true;
}

/* How much of what lies in a dump lies where a layout says; 0: it is another device's. */
static int count_agreement(const struct td_plan *plan, const struct td_survey *survey)
{
    const struct td_place_of *slots[] = { &plan->primary, &plan->secondary };
    int n = 0;

    for (size_t i = 0; i < survey->n; i++) {
        const struct td_thing *t = &survey->at[i];

        for (size_t k = 0; k < TD_N_OF(slots); k++) {
            uint32_t start = slots[k]->addr, end = start + slots[k]->size;

            if (slots[k]->size == 0)
                continue;
            n += t->kind == TD_THING_IMAGE && (t->addr == start || t->addr == start + plan->sector);
            n += t->kind == TD_THING_TRAILER && t->addr + t->size == end;
        }
    }
    return n;
}

/* The slots of the layout that agrees best, the first of several; its index. */
static bool plan_by_layout(const struct td_evidence *e, struct td_plan *plan,
                           const struct td_survey *survey, int *index)
{
    int best = 0;

    for (size_t i = 0; i < e->n_layouts; i++) {
        struct td_plan one;
        int n = td_plan_of_layout(&one, e->layouts[i]) ? count_agreement(&one, survey) : 0;

        if (n <= best)
            continue;
        best = n;
        *plan = one;
        *index = (int)i;
    }
    return best > 0;
}

static void look_at_flash(const struct td_spot *s, const struct td_memory *m)
{
    struct td_survey survey;
    struct td_outlook *o = calloc(1, sizeof *o);
    struct td_plan plan;
    int layout = -1;
    bool planned;

    if (o == NULL || !td_survey(&survey, m)) {
        free(o);
        return;
    }
    planned = plan_by_layout(s->e, &plan, &survey, &layout) || td_plan_guess(&plan, &survey, m);
    if (planned)
        td_outlook(o, &plan, &survey, m);
    if (!planned && is_program(&survey)) {
        struct td_place at = at_byte(s, 0);
        char quote[QUOTE];

        snprintf(quote, sizeof quote, "%s: a program without MCUboot header, starts at 0x%x",
                 s->name, survey.at[0].vectors.reset & ~1u);
        td_fact_add(s->e->facts, "image.program", &at, TD_NO_TIME, quote, "file='%s' reset=%u",
                    s->name, survey.at[0].vectors.reset & ~1u);
        add_have(s, "image");
    } else {
        add_have(s, "dump");
    }
    for (size_t i = 0; i < survey.n; i++)
        add_thing(s, &survey.at[i], slot_of(o, survey.at[i].addr));
    if (planned) {
        add_trailers(s, &plan, o);
        add_outlook(s, &plan, o, layout);
    }
    td_survey_free(&survey);
    free(o);
}

/* Takes the memory: it is judged when the layouts of all files are known. */
static void put_aside(const struct td_spot *s, struct td_memory *m)
{
    struct td_evidence *e = s->e;

    if (e->n_dumps == TD_EVIDENCE_DUMPS) {
        look_at_flash(s, m);
        td_memory_free(m);
        return;
    }
    e->dumps[e->n_dumps++] = (struct td_waiting_dump){ *s, *m };
}

/* The same of bytes that stay the caller's. */
static void put_bytes_aside(const struct td_spot *s, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    struct td_memory m;

    if (copy != NULL)
        memcpy(copy, bytes, len);
    if (!td_memory_of_bytes(&m, copy != NULL ? copy : bytes, (uint32_t)len, 0)) {
        free(copy);
        return;
    }
    m.heap = copy;
    if (copy != NULL) {
        put_aside(s, &m);
        return;
    }
    look_at_flash(s, &m);
    td_memory_free(&m);
}

void td_evidence_dumps(struct td_evidence *evidence, const struct td_layout *const *layouts,
                       size_t n)
{
    evidence->layouts = layouts;
    evidence->n_layouts = n;
    for (size_t i = 0; i < evidence->n_dumps; i++) {
        look_at_flash(&evidence->dumps[i].at, &evidence->dumps[i].memory);
        td_memory_free(&evidence->dumps[i].memory);
    }
    evidence->n_dumps = 0;
    evidence->n_layouts = 0;
}

/* ---- files -------------------------------------------------------------------------- */

/* An image alone, with what its end may hold. */
static void look_at_image(const struct td_spot *s, const uint8_t *bytes, size_t len)
{
    struct td_source src = td_source_memory(bytes, (uint32_t)len);
    struct td_image_work work = { .breathe = NULL };
    struct td_image_facts f;
    struct td_nsib_found nsib = { .found = false };
    struct td_vectors vectors;
    struct found_image i = { &f, &nsib, NULL, -1, -1, 0, false };
    struct td_survey survey = { 0 };
    struct td_memory m;
    uint32_t start;

    td_image_facts(&src, &work, &f);
    start = f.image.hdr.hdr_size;
    if (!td_memory_of_bytes(&m, bytes, (uint32_t)len, 0))
        return;
    if (start < len && (f.image.hdr.flags & (TD_IMAGE_F_ENCRYPTED | TD_IMAGE_F_COMPRESSED)) == 0) {
        if (td_vectors_at(&m, start, &vectors))
            i.vectors = &vectors;
        td_nsib_look(&m, start, &nsib);
    }
    add_have(s, "image");
    add_image(s, &i);
    if (td_survey(&survey, &m))
        add_padding(s, &survey);
    td_survey_free(&survey);
    td_memory_free(&m);
}

/* More than one image: a dump that happens to begin with one. */
static bool is_dump(const uint8_t *bytes, size_t len)
{
    struct td_survey survey = { 0 };
    struct td_memory m;
    size_t images = 0;

    if (!td_memory_of_bytes(&m, bytes, (uint32_t)len, 0))
        return false;
    if (td_survey(&survey, &m))
        for (size_t i = 0; i < survey.n; i++)
            images += survey.at[i].kind == TD_THING_IMAGE;
    td_survey_free(&survey);
    td_memory_free(&m);
    return images > 1;
}

static void look_at_hex(const struct td_spot *s, const uint8_t *text, size_t len)
{
    struct td_place at = at_byte(s, 0);
    struct td_hex_error error = { "it cannot be read", 0 };
    struct td_memory m;
    uint8_t head[4];

    if (!td_memory_of_hex(&m, (const char *)text, len, &error)) {
        at.line = error.line;
        td_fact_add(s->e->facts, "file.unreadable", &at, TD_NO_TIME, error.text,
                    "file='%s' what=hex why='%s'", s->name, error.text);
    } else {
        td_memory_read(&m, td_memory_low(&m), head, sizeof head);
        if (m.n != 1 || td_kind_of(head, sizeof head) != TD_KIND_IMAGE ||
            is_dump(m.at[0].bytes, m.at[0].len)) {
            put_aside(s, &m);
            return;
        }
        look_at_image(s, m.at[0].bytes, m.at[0].len);
    }
    td_memory_free(&m);
}

static void add_member(const struct td_spot *s, const struct td_member *m)
{
    struct td_spot inner = { s->e, s->file, "" };
    struct td_place at = at_byte(s, 0);
    struct found_image i = { &m->image,
                             &m->nsib,
                             m->has_vectors ? &m->vectors : NULL,
                             (int)(m->image_index > INT16_MAX ? -1 : m->image_index),
                             (int)(m->slot > INT16_MAX ? -1 : m->slot),
                             0,
                             false };
    char member[96], type[24], version[32], more[160] = "";

    clean(member, sizeof member, m->name);
    clean(type, sizeof type, m->type);
    clean(version, sizeof version, m->version);
    snprintf(inner.name, sizeof inner.name, "%.60s(%.30s)", s->name, member);
    if (type[0] != '\0')
        attr(more, sizeof more, " type='%s'", type);
    if (i.image >= 0)
        attr(more, sizeof more, " image=%d", i.image);
    if (i.slot >= 0)
        attr(more, sizeof more, " slot=%d", i.slot);
    if (version[0] != '\0')
        attr(more, sizeof more, " version='%s'", version);
    td_fact_add(s->e->facts, "package.file", &at, TD_NO_TIME, member,
                "file='%s' name='%s' present=%d is_image=%d size=%u%s", s->name, member, m->present,
                m->is_image, m->size, more);
    if (m->is_image)
        add_image(&inner, &i);
    else if (td_nsib_is_signed(&m->nsib))
        add_nsib(&inner, &m->nsib, i.slot);
}

/* A file that this cannot look into, and what would help. */
static void add_unreadable(const struct td_spot *s, const char *what, const char *why)
{
    struct td_place at = at_byte(s, 0);

    td_fact_add(s->e->facts, "file.unreadable", &at, TD_NO_TIME, why, "file='%s' what=%s why='%s'",
                s->name, what, why);
}

/* A zip is no update because it is a zip: phones and browsers pack logs as well. */
static bool is_update(const struct td_package *p)
{
    bool images = p->has_manifest || p->kind == TD_PACKAGE_MULTI;

    for (size_t i = 0; i < p->n; i++)
        images |= p->at[i].is_image || td_nsib_is_signed(&p->at[i].nsib);
    return images;
}

static void look_at_package(const struct td_spot *s, const uint8_t *bytes, size_t len)
{
    struct td_package_fault fault = { .what = "there is not enough memory" };
    struct td_package *p = malloc(sizeof *p);
    struct td_place at = at_byte(s, 0);
    char text[200];

    if (p == NULL || !td_package_read(p, bytes, len, TD_PACKAGE_LIMIT, &fault)) {
        clean(text, sizeof text, fault.what);
        add_unreadable(s, "package", text);
        if (p != NULL)
            td_package_free(p);
        free(p);
        return;
    }
    if (!is_update(p)) {
        add_unreadable(s, "zip", "zip archive without a manifest or an image");
        td_package_free(p);
        free(p);
        return;
    }
    add_have(s, "package");
    snprintf(text, sizeof text, "%.80s: update package, %zu members", s->name, p->n);
    td_fact_add(s->e->facts, "package", &at, TD_NO_TIME, text,
                "file='%s' form=%s format=%lld files=%zu", s->name,
                p->kind == TD_PACKAGE_MULTI ? "multi" : "zip", (long long)p->format_version, p->n);
    for (size_t i = 0; i < p->n; i++)
        if (!p->at[i].is_manifest)
            add_member(s, &p->at[i]);
    for (size_t i = 0; i < p->n_issues; i++) {
        clean(text, sizeof text, p->issues[i].text);
        td_fact_add(s->e->facts, "package.issue", &at, TD_NO_TIME, p->issues[i].text,
                    "file='%s' code=%s harm=%s text='%s'", s->name, p->issues[i].code,
                    td_package_harm_name(p->issues[i].harm), text);
    }
    td_package_free(p);
    free(p);
}

void td_evidence_file(struct td_evidence *evidence, uint16_t file, const char *name,
                      const uint8_t *bytes, size_t len)
{
    struct td_spot s = { evidence, file, "" };
    const char *last = strrchr(name, '/');
    struct td_place at = at_byte(&s, 0);

    clean(s.name, sizeof s.name, last != NULL ? last + 1 : name);
    if (len > UINT32_MAX / 2)
        return;
    switch (td_kind_of(bytes, len < TD_KIND_HEAD ? len : TD_KIND_HEAD)) {
    case TD_KIND_IMAGE:
        if (!is_dump(bytes, len)) {
            look_at_image(&s, bytes, len);
            return;
        }
        break;
    case TD_KIND_FLASH: break;
    case TD_KIND_HEX: look_at_hex(&s, bytes, len); return;
    case TD_KIND_ZIP:
    case TD_KIND_MULTI: look_at_package(&s, bytes, len); return;
    case TD_KIND_GZIP: add_unreadable(&s, "gzip", "packed with gzip"); return;
    case TD_KIND_ELF:
        td_fact_add(evidence->facts, "image.elf", &at, TD_NO_TIME, "an ELF file", "file='%s'",
                    s.name);
        return;
    default: return;
    }
    put_bytes_aside(&s, bytes, len);
}
