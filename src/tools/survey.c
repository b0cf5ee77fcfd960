/*
 * tools/survey.c - one pass for what has a mark, one for what is left between.
 *
 * Marks are looked for where such things begin: images and tables at multiples of 256 bytes,
 * trailers where one ends. A mark alone is not believed, since a bootloader's own code holds
 * all of these numbers as constants: what stands around it has to fit.
 */
#include "tools/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"
#include "tools/padding.h"

#define STEP      256u
#define PAGE      4096u
#define GRAIN     16u
#define BLANK_MIN 1024u /* an erased run that is worth a line of its own */
#define TAIL      256u  /* bytes in front of a magic that hold all cells */
#define CODE_MAX  (16u * 1024 * 1024)
#define LEAD_STEP 1024u /* a table of that many bytes is aligned so */
#define LEAD_MAX  32768u

struct scan {
    const struct td_memory *m;
    struct td_survey *out;
    size_t cap;
};

const char *td_thing_name(enum td_thing_kind kind)
{
    static const char *const names[] = {
        [TD_THING_IMAGE] = "image",       [TD_THING_TRAILER] = "trailer",
        [TD_THING_FIRMWARE] = "firmware", [TD_THING_PROVISION] = "provision",
        [TD_THING_STORAGE] = "storage",   [TD_THING_LOG] = "boot-log",
        [TD_THING_CODE] = "code",         [TD_THING_DATA] = "data",
        [TD_THING_BLANK] = "blank",       [TD_THING_HOLE] = "hole",
    };

    return names[kind];
}

static struct td_thing *add(struct scan *s, enum td_thing_kind kind, uint32_t addr, uint32_t size)
{
    struct td_thing *t;

    if (s->out->n == s->cap) {
        s->out->truncated = true;
        return NULL;
    }
    t = &s->out->at[s->out->n++];
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->addr = addr;
    t->size = size;
    return t;
}

/* Bytes from addr to the end of all that is there. */
static uint32_t rest_from(const struct td_memory *m, uint32_t addr)
{
    uint64_t end = td_memory_end(m);

    if (end <= addr)
        return 0;
    return end - addr > TD_FILE_MAX ? TD_FILE_MAX : (uint32_t)(end - addr);
}

/* ---- code --------------------------------------------------------------------------- */

static bool is_ram(uint32_t addr)
{
    return addr % 4 == 0 && addr >= 0x20000000u && addr < 0x30000000u;
}

/* Handlers are odd, lie near the reset handler or nowhere, and four of the first are reserved. */
bool td_vectors_at(const struct td_memory *m, uint32_t addr, struct td_vectors *v)
{
    static const uint8_t handlers[] = { 2, 3, 11, 14, 15 };
    uint8_t raw[64];
    uint32_t stack, reset;
    bool known;

    if (!td_memory_has(m, addr, sizeof raw))
        return false;
    td_memory_read(m, addr, raw, sizeof raw);
    stack = td_load_le32(raw);
    reset = td_load_le32(raw + 4);
    // Flash lies below RAM, or where the file itself says that it lies; then RAM may be anywhere.
    known = m->has_addresses && td_memory_has(m, reset & ~1u, 2);
    if ((reset & 1) == 0 || reset < 0x40 || (reset >= 0x20000000u && !known) ||
        !(is_ram(stack) || (known && stack % 4 == 0 && stack >= 0x60000000u)))
        return false;
    for (size_t i = 0; i < TD_N_OF(handlers); i++) {
        uint32_t at = td_load_le32(raw + 4 * handlers[i]);
        uint32_t apart = at > reset ? at - reset : reset - at;

        if (at != 0 && at != UINT32_MAX && ((at & 1) == 0 || apart > CODE_MAX))
            return false;
    }
    for (size_t i = 8; i <= 10; i++) {
        uint32_t at = td_load_le32(raw + 4 * i);

        if (at != 0 && at != UINT32_MAX && ((at & 1) == 0 || at >= 0x20000000u))
            return false;
    }
    *v = (struct td_vectors){ stack, reset };
    return td_load_le32(raw + 8) != UINT32_MAX;
}

/* ---- NSIB --------------------------------------------------------------------------- */

static void judge_firmware(const struct td_memory *m, uint32_t start, struct td_nsib_found *f)
{
    struct td_window w;
    struct td_source src = td_window_source(&w, m, start, rest_from(m, start));
    uint8_t hash[32];

    f->start = start;
    f->validation = td_fw_validation_read(&src, f->info.size, &f->v);
    if (f->validation != TD_OK)
        return;
    f->v.off += start;
    if (td_fw_hash(&src, 0, f->info.size, hash) == TD_OK)
        f->hash_matches = memcmp(hash, f->v.hash, sizeof hash) == 0;
    f->signature = td_fw_verify(&f->v, hash, &td_sig_ecdsa_p256);
    td_fw_fingerprint(f->v.key, f->fingerprint);
}

/* The firmware whose vector table stands at start: fw_info at one of the usual offsets in it. */
static bool find_firmware(const struct td_memory *m, uint32_t start, struct td_nsib_found *f)
{
    struct td_window w;
    struct td_source src = td_window_source(&w, m, start, rest_from(m, start));

    memset(f, 0, sizeof *f);
    if (td_fw_info_find(&src, 0, TD_FW_SEARCH_2_9, &f->info) != TD_OK)
        return false;
    f->found = true;
    f->info.off += start;
    judge_firmware(m, start, f);
    return true;
}

void td_nsib_look(const struct td_memory *m, uint32_t start, struct td_nsib_found *f)
{
    (void)find_firmware(m, start, f);
}

bool td_nsib_is_signed(const struct td_nsib_found *f)
{
    return f->found && f->validation != TD_ENOTFOUND;
}

static uint32_t firmware_end(const struct td_nsib_found *f)
{
    if (f->validation == TD_OK)
        return f->v.off + TD_FW_VALIDATION_SIZE;
    return f->start + f->info.size;
}

static bool add_firmware(struct scan *s, uint32_t start, const struct td_nsib_found *f)
{
    struct td_thing *t;

    if (f->info.size > rest_from(s->m, start))
        return false;
    t = add(s, TD_THING_FIRMWARE, start, firmware_end(f) - start);
    if (t == NULL)
        return false;
    t->nsib = *f;
    t->has_vectors = td_vectors_at(s->m, start, &t->vectors);
    return true;
}

/*
 * A fw_info stands at addr. Where its firmware begins is where validation info follows; without
 * one, where the linker put it or where a vector table stands.
 */
static bool add_firmware_of(struct scan *s, uint32_t addr)
{
    static const uint16_t offsets[] = { 0x200, 0x400, 0x600, 0x800, 0xe00, 0x1000, 0 };
    struct td_nsib_found best = { .found = false };
    uint32_t start = 0;

    for (size_t i = 0; i < TD_N_OF(offsets); i++) {
        struct td_nsib_found f;
        struct td_vectors v;
        uint32_t at = addr - offsets[i];

        if (offsets[i] > addr || at < td_memory_low(s->m) || !find_firmware(s->m, at, &f) ||
            f.info.off != addr)
            continue;
        if (f.validation != TD_ENOTFOUND)
            return add_firmware(s, at, &f);
        if (!best.found && (at == f.info.address || td_vectors_at(s->m, at, &v))) {
            best = f;
            start = at;
        }
    }
    return best.found && add_firmware(s, start, &best);
}

/* Words that can be the start of provision data, looked at before the costly read. */
static bool tokens_fit(const uint8_t *s0)
{
    uint32_t n = td_load_le32(s0 + 8);
    uint32_t token = td_load_le32(s0 + 12);

    if (n == 0 || n > TD_PROVISION_KEYS || td_load_le32(s0) % 0x100 != 0)
        return false;
    return token == 0x50faffffu || token == 0x50fa0000u || token == 0xffffffffu ||
           token == 0xffff0000u;
}

static bool add_provision(struct scan *s, uint32_t s0_at)
{
    static const enum td_provision_form forms[] = { TD_PROVISION_HALFWORD, TD_PROVISION_WORD,
                                                    TD_PROVISION_BARE };

    for (size_t i = 0; i < TD_N_OF(forms); i++) {
        uint32_t lead = td_provision_s0_off(forms[i]);
        struct td_provision p;
        struct td_thing *t;
        struct td_window w;
        struct td_source src;

        // Where it begins: OTP of all families and flash pages alike.
        if (s0_at < lead || (s0_at - lead) % (forms[i] == TD_PROVISION_BARE ? 0x80 : 8) != 0)
            continue;
        src = td_window_source(&w, s->m, s0_at - lead, rest_from(s->m, s0_at - lead));
        if (td_provision_read(&src, 0, forms[i], &p) != TD_OK || !td_provision_is_plausible(&p))
            continue;
        // Erased words can pass for old tokens; then the counters behind have to be there.
        if (p.keys[0].token == TD_TOKEN_VALID_OLD && p.n_counters == 0 &&
            (s0_at - lead) % 0x80 != 0 && (s0_at - lead) % 0x100 != 8)
            continue;
        t = add(s, TD_THING_PROVISION, s0_at - lead, p.size);
        if (t == NULL)
            return false;
        t->u.provision = p;
        t->u.provision.off = t->addr;
        for (unsigned c = 0; c < p.n_counters; c++)
            t->u.provision.counters[c].off += t->addr;
        return true;
    }
    return false;
}

/* ---- images and trailers ------------------------------------------------------------ */

static bool add_image(struct scan *s, uint32_t addr)
{
    struct td_image_work work = { .breathe = NULL };
    struct td_image_facts facts;
    struct td_window w;
    struct td_source src = td_window_source(&w, s->m, addr, rest_from(s->m, addr));
    struct td_thing *t;
    uint32_t size;

    td_image_facts(&src, &work, &facts);
    // A header alone is worth a line where one would stand; elsewhere it is a constant.
    if (facts.image.size == 0 && addr % PAGE != 0 && addr != td_memory_low(s->m))
        return false;
    if (facts.err == TD_EIMG_EMPTY || facts.err == TD_EIMG_MAGIC || facts.err == TD_EIMG_OLD)
        return false;
    size = facts.image.size != 0 ? facts.image.size : TD_IMAGE_HEADER_SIZE;
    t = add(s, TD_THING_IMAGE, addr, td_min_u32(size, rest_from(s->m, addr)));
    if (t == NULL)
        return false;
    t->u.image = facts;
    if (facts.image.size != 0 && facts.image.hdr.hdr_size < facts.image.size &&
        (facts.image.hdr.flags & (TD_IMAGE_F_ENCRYPTED | TD_IMAGE_F_COMPRESSED)) == 0) {
        find_firmware(s->m, addr + facts.image.hdr.hdr_size, &t->nsib);
        t->has_vectors = td_vectors_at(s->m, addr + facts.image.hdr.hdr_size, &t->vectors);
    }
    return true;
}

/* The bytes of a cell behind its first one are erased; a constant in code has no such cells. */
static bool cells_fit(const uint8_t tail[TAIL], uint32_t align, uint8_t erased)
{
    uint32_t at = TAIL - td_round_up(16, align);

    for (uint32_t i = at; i < TAIL - 16; i++)
        if (tail[i] != erased)
            return false;
    for (unsigned cell = 0; cell < 3; cell++) {
        at -= align;
        for (uint32_t i = 1; i < align; i++)
            if (tail[at + i] != erased)
                return false;
    }
    return true;
}

static bool magic_ends_at(const uint8_t tail[TAIL], uint32_t *align)
{
    static const uint8_t plain[16] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                       0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };
    static const uint8_t wide[14] = { 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                      0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a };
    const uint8_t *magic = tail + TAIL - 16;

    *align = 8;
    if (memcmp(magic, plain, sizeof plain) == 0)
        return true;
    *align = td_load_le16(magic);
    return memcmp(magic + 2, wide, sizeof wide) == 0 && (*align == 16 || *align == 32);
}

static bool add_trailer(struct scan *s, uint32_t end)
{
    struct td_trailer_state state;
    uint32_t align, swap_size, size;
    uint8_t tail[TAIL];
    struct td_thing *t;

    if (end < TAIL || !td_memory_has(s->m, end - 16, 16))
        return false;
    td_memory_read(s->m, end - TAIL, tail, sizeof tail);
    if (!magic_ends_at(tail, &align) || !cells_fit(tail, align, s->m->erased) ||
        !padding_read(align, tail, TAIL, &state, &swap_size))
        return false;
    size = td_round_up(16, align) + 4 * align;
    t = add(s, TD_THING_TRAILER, end - size, size);
    if (t == NULL)
        return false;
    t->u.trailer.max_align = align;
    t->u.trailer.state = state;
    t->u.trailer.swap_size = swap_size;
    return true;
}

/* ---- storage and log ---------------------------------------------------------------- */

/* CRC-8, polynomial 07, from FF on, as NVS checks its allocation entries. */
static uint8_t crc8(const uint8_t *bytes, size_t len)
{
    uint8_t crc = 0xff;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (uint8_t)((crc & 0x80) != 0 ? crc << 1 ^ 7 : crc << 1);
    }
    return crc;
}

/* An entry of 8 bytes: u16 id, u16 offset, u16 length, u8 part, u8 CRC. */
static bool entry_is_sound(const uint8_t e[8], uint32_t sector)
{
    return crc8(e, 7) == e[7] && td_load_le16(e + 2) < sector && td_load_le16(e + 4) < sector;
}

/*
 * A sector of settings: entries grow down from its end, stride bytes apart, where the last one
 * says where the sector was closed, and stays erased while it is open. How many sound ones there
 * are; 0: it is none.
 */
static uint32_t nvs_entries(const struct td_memory *m, uint32_t addr, uint32_t sector,
                            uint32_t stride)
{
    uint32_t at = addr + sector - stride;
    bool closed = !td_memory_is_blank(m, at, 8);
    uint32_t n = 0;
    bool likely = closed;
    uint8_t e[8];

    td_memory_read(m, at, e, sizeof e);
    if (closed && (!entry_is_sound(e, sector) || td_load_le16(e) != 0xffff))
        return 0;
    for (at -= stride; at > addr; at -= stride) {
        td_memory_read(m, at, e, sizeof e);
        if (!entry_is_sound(e, sector) || td_memory_is_blank(m, at, 8))
            break;
        // The first entry's data begin the sector, or it says that the sector was made.
        if (n == 0)
            likely = likely || td_load_le16(e) == 0xffff || td_load_le16(e + 2) == 0;
        n++;
    }
    return likely || n >= 4 ? n : 0;
}

/* Sectors of one size in a row, all with entries of one stride. */
static bool add_storage_of(struct scan *s, uint32_t addr, uint32_t sector, uint32_t stride)
{
    uint32_t room = rest_from(s->m, addr);
    uint32_t n = 0, total = 0, more;
    struct td_thing *t;

    while ((n + 1) * sector <= room &&
           (more = nvs_entries(s->m, addr + n * sector, sector, stride)) > 0) {
        total += more;
        n++;
    }
    t = n == 0 ? NULL : add(s, TD_THING_STORAGE, addr, n * sector);
    if (t == NULL)
        return false;
    t->u.storage.sector = sector;
    t->u.storage.stride = stride;
    t->u.storage.n_entries = total;
    return true;
}

static bool add_storage(struct scan *s, uint32_t addr)
{
    static const uint32_t sectors[] = { 4096, 1024, 2048, 8192 };
    static const uint32_t strides[] = { 8, 16 }; // an entry, and one in a write unit of 16

    for (size_t i = 0; i < TD_N_OF(sectors); i++)
        for (size_t k = 0; k < TD_N_OF(strides) && addr % sectors[i] == 0; k++)
            if (add_storage_of(s, addr, sectors[i], strides[k]))
                return true;
    return false;
}

static bool log_head_at(const struct td_memory *m, uint32_t addr)
{
    uint8_t raw[16];

    if (!td_memory_has(m, addr, sizeof raw))
        return false;
    td_memory_read(m, addr, raw, sizeof raw);
    return memcmp(raw, "TDlg", 4) == 0 && td_crc32(0, raw, 12) == td_load_le32(raw + 12);
}

/* A log of sectors of one page: heads in a row, and blank sectors between two heads. */
static bool add_log(struct scan *s, uint32_t addr)
{
    uint32_t n = 1;
    struct td_thing *t;

    if (addr % PAGE != 0 || !log_head_at(s->m, addr))
        return false;
    while (n < 64 && log_head_at(s->m, addr + n * PAGE))
        n++;
    // The ring's other sector was not begun yet.
    if (n == 1)
        n = 2;
    t = add(s, TD_THING_LOG, addr, td_min_u32(n * PAGE, rest_from(s->m, addr)));
    if (t == NULL)
        return false;
    t->u.log.sector = PAGE;
    t->u.log.n_sectors = n;
    return true;
}

/* ---- the two passes ----------------------------------------------------------------- */

/* What begins at addr; how far it reaches, 0 for nothing. */
static uint32_t look_at(struct scan *s, uint32_t addr)
{
    size_t before = s->out->n;
    const struct td_thing *t;
    uint8_t head[8];

    td_memory_read(s->m, addr, head, sizeof head);
    if (td_load_le32(head) == TD_IMAGE_MAGIC)
        (void)add_image(s, addr);
    else if (td_load_le32(head) == TD_FW_MAGIC_COMMON && td_load_le32(head + 4) == TD_FW_MAGIC_INFO)
        (void)add_firmware_of(s, addr);
    else if (!add_log(s, addr))
        (void)add_storage(s, addr);
    t = s->out->n > before ? &s->out->at[before] : NULL;
    return t == NULL ? 0 : (uint32_t)(t->addr + (uint64_t)t->size - addr);
}

static void scan_provision(struct scan *s, const struct td_segment *seg)
{
    uint32_t first = td_round_up(seg->addr, 4) - seg->addr;

    for (uint32_t off = first; off + 16 <= seg->len; off += 4) {
        if (tokens_fit(seg->bytes + off) && !add_provision(s, seg->addr + off))
            continue;
    }
}

static void scan_segment(struct scan *s, const struct td_segment *seg)
{
    uint64_t end = (uint64_t)seg->addr + seg->len;
    uint64_t at = seg->addr;

    // A file made of nothing but small signed things would cost a signature each.
    while (at < end && !s->out->truncated) {
        uint32_t taken = look_at(s, (uint32_t)at);
        uint64_t next = at + (taken > 0 ? taken : STEP);

        at = next / STEP * STEP;
        if (at < next && taken > 0)
            at += STEP;
    }
}

static void scan_trailers(struct scan *s, const struct td_segment *seg)
{
    uint64_t end = (uint64_t)seg->addr + seg->len;

    for (uint64_t at = (uint64_t)td_round_down(seg->addr, STEP) + STEP; at < end; at += STEP)
        (void)add_trailer(s, (uint32_t)at);
    if (end <= UINT32_MAX)
        (void)add_trailer(s, (uint32_t)end);
}

static int by_address(const void *a, const void *b)
{
    const struct td_thing *x = a, *y = b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

/* What lies inside another thing that begins earlier is that one's own business. */
static void drop_overlaps(struct td_survey *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct td_thing *before = kept == 0 ? NULL : &s->at[kept - 1];

        if (before != NULL && s->at[i].addr < (uint64_t)before->addr + before->size)
            continue;
        if (kept != i)
            s->at[kept] = s->at[i];
        kept++;
    }
    s->n = kept;
}

/* How many bytes from addr on are blank, up to len; in steps that end at multiples of GRAIN. */
static uint32_t blank_run(const struct td_memory *m, uint32_t addr, uint32_t len)
{
    uint32_t done = 0;

    while (done < len) {
        uint32_t n = td_min_u32(len - done, GRAIN - (addr + done) % GRAIN);

        if (!td_memory_is_blank(m, addr + done, n))
            break;
        done += n;
    }
    return done;
}

/* How many bytes from addr on are not blank, but for blanks too short for a line of their own. */
static uint32_t data_run(const struct td_memory *m, uint32_t addr, uint32_t len)
{
    uint32_t done = 0;

    while (done < len) {
        uint32_t rest = len - done;
        uint32_t blank = blank_run(m, addr + done, td_min_u32(rest, BLANK_MIN));

        if (blank >= BLANK_MIN || (blank > 0 && blank == rest))
            break;
        done += blank;
        done += td_min_u32(len - done, GRAIN - (addr + done) % GRAIN);
    }
    return done;
}

static bool holds(const struct td_memory *m, uint32_t addr, uint32_t len, const char *words)
{
    uint8_t *bytes = malloc(len);
    bool found = false;

    if (bytes == NULL)
        return false;
    td_memory_read(m, addr, bytes, len);
    found = memmem(bytes, len, words, strlen(words)) != NULL;
    free(bytes);
    return found;
}

static enum td_code_role role_of(const struct td_memory *m, uint32_t addr, uint32_t len)
{
    if (holds(m, addr, len, "Jumping to the first image") ||
        holds(m, addr, len, "Unable to find bootable image"))
        return TD_CODE_MCUBOOT;
    return holds(m, addr, len, "Attempting to boot slot") ? TD_CODE_B0 : TD_CODE_UNKNOWN;
}

/*
 * Bytes without a mark: code from the vector table on. Some chips want a block of their own in
 * front of it.
 */
static void add_bytes(struct scan *s, uint32_t addr, uint32_t size)
{
    uint32_t lead = 0;
    struct td_vectors v;
    struct td_thing *t;

    while (lead < size && lead < LEAD_MAX && !td_vectors_at(s->m, addr + lead, &v))
        lead = td_round_up(addr + lead + 1, LEAD_STEP) - addr;
    if (lead >= size || lead >= LEAD_MAX) {
        add(s, TD_THING_DATA, addr, size);
        return;
    }
    if (lead > 0)
        add(s, TD_THING_DATA, addr, lead);
    t = add(s, TD_THING_CODE, addr + lead, size - lead);
    if (t == NULL)
        return;
    t->has_vectors = true;
    t->vectors = v;
    t->u.role = role_of(s->m, t->addr, t->size);
}

/* [addr, addr + len) holds nothing that has a mark: blank runs, and what is between them. */
static void name_rest(struct scan *s, uint32_t addr, uint32_t len)
{
    uint32_t done = 0;

    while (done < len) {
        uint32_t blank = blank_run(s->m, addr + done, len - done);
        uint32_t size;

        // A few blank bytes in front of something belong to it, as an alignment does.
        if (blank >= GRAIN || blank == len - done) {
            add(s, TD_THING_BLANK, addr + done, blank);
            done += blank;
            continue;
        }
        size = blank + data_run(s->m, addr + done + blank, len - done - blank);
        add_bytes(s, addr + done, size);
        done += size;
    }
}

/* Fills what is between the things, so that the map has no gaps. */
static void fill(struct scan *s)
{
    const struct td_memory *m = s->m;
    size_t n = s->out->n;
    size_t thing = 0;

    for (size_t i = 0; i < m->n; i++) {
        uint64_t at = m->at[i].addr;
        uint64_t end = at + m->at[i].len;

        if (i > 0) {
            uint64_t before = (uint64_t)m->at[i - 1].addr + m->at[i - 1].len;
            uint64_t to = at;

            // What begins in a hole, as provision data do, ends it.
            for (size_t k = 0; k < n; k++)
                if (s->out->at[k].addr >= before && s->out->at[k].addr < to)
                    to = s->out->at[k].addr;
            add(s, TD_THING_HOLE, (uint32_t)before, (uint32_t)(to - before));
        }
        while (at < end) {
            const struct td_thing *t;

            while (thing < n && (uint64_t)s->out->at[thing].addr + s->out->at[thing].size <= at)
                thing++;
            t = thing < n ? &s->out->at[thing] : NULL;
            if (t == NULL || t->addr >= end) {
                name_rest(s, (uint32_t)at, (uint32_t)(end - at));
                break;
            }
            if (t->addr > at)
                name_rest(s, (uint32_t)at, (uint32_t)(t->addr - at));
            at = (uint64_t)t->addr + t->size;
        }
    }
}

bool td_survey(struct td_survey *s, const struct td_memory *m)
{
    struct scan scan = { .m = m, .out = s, .cap = TD_SURVEY_MAX };

    memset(s, 0, sizeof *s);
    // Between two things, in front of the first and behind the last there is at most one more
    // of each kind; holes come on top.
    s->at = malloc((4 * (size_t)TD_SURVEY_MAX + 8) * sizeof *s->at);
    if (s->at == NULL)
        return false;
    for (size_t i = 0; i < m->n; i++)
        scan_segment(&scan, &m->at[i]);
    for (size_t i = 0; i < m->n; i++) {
        scan_trailers(&scan, &m->at[i]);
        scan_provision(&scan, &m->at[i]);
    }
    qsort(s->at, s->n, sizeof *s->at, by_address);
    drop_overlaps(s);
    scan.cap = 4 * TD_SURVEY_MAX;
    fill(&scan);
    qsort(s->at, s->n, sizeof *s->at, by_address);
    drop_overlaps(s);
    return true;
}

void td_survey_free(struct td_survey *s)
{
    free(s->at);
    s->at = NULL;
    s->n = 0;
}

const struct td_thing *td_survey_image_at(const struct td_survey *s, uint32_t addr)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].kind == TD_THING_IMAGE && s->at[i].addr == addr)
            return &s->at[i];
    return NULL;
}
