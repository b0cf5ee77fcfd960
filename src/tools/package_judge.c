/*
 * tools/package_judge.c - the manifest against what is there, and the members against one another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/kind.h"
#include "tools/package_priv.h"

static bool is_named(const struct td_member *m, const char *part)
{
    return strstr(m->name, part) != NULL;
}

void td_package_look(struct td_member *m)
{
    struct td_image_work work = { .breathe = NULL };
    struct td_source src = td_source_memory(m->bytes, m->size);
    struct td_memory memory;
    uint32_t start = 0;

    m->is_image = td_kind_of(m->bytes, m->size) == TD_KIND_IMAGE;
    if (m->is_image) {
        td_image_facts(&src, &work, &m->image);
        start = m->image.image.hdr.hdr_size;
        if ((m->image.image.hdr.flags & (TD_IMAGE_F_ENCRYPTED | TD_IMAGE_F_COMPRESSED)) != 0)
            return;
    }
    if (start >= m->size || !td_memory_of_bytes(&memory, m->bytes, m->size, 0))
        return;
    m->has_vectors = td_vectors_at(&memory, start, &m->vectors);
    td_nsib_look(&memory, start, &m->nsib);
    td_memory_free(&memory);
}

static void judge_presence(struct td_package *p, const struct td_member *m)
{
    int n = (int)(m - p->at);

    if (m->in_manifest && !m->present)
        td_package_issue(p, TD_PACKAGE_ERROR, "file-missing", n,
                         "the manifest names %s, and it is not there", m->name);
    if (!m->in_manifest && !m->is_manifest && p->has_manifest)
        td_package_issue(p, TD_PACKAGE_WARN, "file-extra", n,
                         "%s is there, and the manifest does not name it: clients pass it over",
                         m->name);
    if (m->present && m->bytes != NULL && m->size_said >= 0 && m->size_said != m->size)
        td_package_issue(p, TD_PACKAGE_ERROR, "size-differs", n,
                         "%s has %u bytes, and the manifest says %lld: it was exchanged or cut",
                         m->name, m->size, (long long)m->size_said);
    if (m->in_manifest && strchr(m->name, '/') != NULL)
        td_package_issue(p, TD_PACKAGE_WARN, "file-in-folder", n,
                         "%s lies in a folder: phone clients look at the top only", m->name);
}

static void judge_version(struct td_package *p, const struct td_member *m)
{
    const struct td_version *v = &m->image.image.hdr.version;
    char has[40], short_form[40];

    // The network core's and b0's versions are single numbers of another kind.
    if (m->version[0] == '\0' || strchr(m->version, '.') == NULL)
        return;
    snprintf(has, sizeof has, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
    snprintf(short_form, sizeof short_form, "%u.%u.%u", v->major, v->minor, v->revision);
    if (strcmp(m->version, has) != 0 && (v->build != 0 || strcmp(m->version, short_form) != 0))
        td_package_issue(p, TD_PACKAGE_ERROR, "version-differs", (int)(m - p->at),
                         "%s is version %s, and the manifest says %s", m->name, has, m->version);
}

static void judge_place(struct td_package *p, const struct td_member *m)
{
    uint32_t reset = m->vectors.reset & ~1u;
    int64_t from = m->load_address;

    if (!m->has_vectors || from <= 0 || td_nsib_is_signed(&m->nsib))
        return;
    if (reset < from - 0x1000 || reset > from + (int64_t)m->image.image.hdr.img_size + 0x1000)
        td_package_issue(p, TD_PACKAGE_WARN, "address-differs", (int)(m - p->at),
                         "%s starts at 0x%x, and the manifest says that it lies at 0x%llx: it was "
                         "built for another layout",
                         m->name, reset, (unsigned long long)from);
}

static void judge_image(struct td_package *p, const struct td_member *m)
{
    const struct td_version *v = &m->image.image.hdr.version;
    int n = (int)(m - p->at);

    if (!m->is_image) {
        if (!td_nsib_is_signed(&m->nsib))
            td_package_issue(
                p, TD_PACKAGE_ERROR, "not-an-image", n, "%s is no MCUboot image%s", m->name,
                m->has_vectors ? ": it is the program without header and signature" : "");
        return;
    }
    if (m->image.err != TD_OK) {
        td_package_issue(p, TD_PACKAGE_ERROR, "image-damaged", n, "%s: %s", m->name,
                         td_strerror(m->image.err));
        if (m->image.err != TD_EIMG_HASH)
            return;
    }
    judge_version(p, m);
    judge_place(p, m);
    if (m->image.sig_tlv == 0 && (m->image.image.hdr.flags & TD_IMAGE_F_COMPRESSED) == 0)
        td_package_issue(p, TD_PACKAGE_WARN, "unsigned", n,
                         "%s carries no signature: only a bootloader that checks none runs it",
                         m->name);
    if (v->major == 0 && v->minor == 0 && v->revision == 0)
        td_package_issue(p, TD_PACKAGE_NOTE, "version-zero", n,
                         "%s is version 0.0.0: nobody set one, and no list can tell two builds "
                         "apart by it",
                         m->name);
}

static bool same_target(const struct td_member *a, const struct td_member *b)
{
    int64_t image_a = a->image_index < 0 ? 0 : a->image_index;
    int64_t image_b = b->image_index < 0 ? 0 : b->image_index;

    return image_a == image_b && a->slot == b->slot && strcmp(a->type, b->type) == 0;
}

static void judge_pair(struct td_package *p, const struct td_member *a, const struct td_member *b)
{
    bool variants = strcmp(a->type, "mcuboot") == 0;

    if (same_target(a, b) && variants && a->slot < 0)
        td_package_issue(p, TD_PACKAGE_WARN, "variants-without-slot", -1,
                         "%s and %s are the bootloader's two variants, and the manifest does not "
                         "say which is for S0 and which for S1: clients go by their order",
                         a->name, b->name);
    else if (same_target(a, b))
        td_package_issue(p, TD_PACKAGE_ERROR, "same-target", -1,
                         "%s and %s are both for image %lld: one replaces the other, and is never "
                         "installed",
                         a->name, b->name, (long long)(a->image_index < 0 ? 0 : a->image_index));
    if (a->is_image && b->is_image && a->image.hash_len > 0 &&
        a->image.hash_len == b->image.hash_len &&
        memcmp(a->image.hash, b->image.hash, a->image.hash_len) == 0)
        td_package_issue(p, TD_PACKAGE_WARN, "same-image", -1, "%s and %s are the same image",
                         a->name, b->name);
    if (a->is_image && b->is_image && a->image.key_len > 0 &&
        a->image.key_len == b->image.key_len &&
        memcmp(a->image.key, b->image.key, a->image.key_len) != 0)
        td_package_issue(p, TD_PACKAGE_WARN, "keys-differ", -1,
                         "%s and %s are signed with different keys: a bootloader that trusts one "
                         "key takes one of them",
                         a->name, b->name);
}

/* MCUboot's own update comes as two files that are linked for different addresses. */
static void judge_variants(struct td_package *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct td_member *m = &p->at[i];
        bool s1 = is_named(m, "s1");

        if (m->is_image && m->nsib.found && m->nsib.validation == TD_OK &&
            (!m->nsib.hash_matches || m->nsib.signature != TD_OK))
            td_package_issue(p, TD_PACKAGE_ERROR, "nsib-signature", (int)i,
                             "the signature for b0 inside %s does not verify", m->name);
        for (size_t k = i + 1; k < p->n; k++)
            if (m->nsib.found && p->at[k].nsib.found &&
                m->nsib.info.address == p->at[k].nsib.info.address &&
                s1 != is_named(&p->at[k], "s1"))
                td_package_issue(p, TD_PACKAGE_ERROR, "variants-same-address", -1,
                                 "%s and %s are linked for the same address 0x%x: one slot has no "
                                 "variant",
                                 m->name, p->at[k].name, m->nsib.info.address);
    }
}

void td_package_judge(struct td_package *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct td_member *m = &p->at[i];

        judge_presence(p, m);
        if (m->is_manifest || m->bytes == NULL || !m->in_manifest)
            continue;
        td_package_look(m);
        judge_image(p, m);
        for (size_t k = 0; k < i; k++)
            if (p->at[k].in_manifest && p->at[k].bytes != NULL)
                judge_pair(p, &p->at[k], m);
    }
    judge_variants(p);
}
