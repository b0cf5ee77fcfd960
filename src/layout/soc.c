/* layout/soc.c - the chips, and how to tell one from another. */
#include "layout/soc.h"

#include <stdio.h>
#include <string.h>

/*
 * Of chips that look the same to a layout, the likelier one stands first.
 *
 * Locks: BPROT (nRF52832) and SPU (nRF5340, nRF9160) have a bit for each block and no largest
 * area. An area of ACL is at most half the flash on the nRF52840, and all of it on the nRF5340
 * (their product specifications, chapter ACL). A region of RRAMC counts KB in a field of 5 bits on
 * the nRF54L05, L10 and L15, of 7 on the nRF54LM20.
 *
 * Writes between two erasures (docs/spec/layout.md has where each is from): flash 2 a word, on the
 * nRF52832 181 for 512 bytes instead; OTP once a half-word, on the nRF54L once a word; RRAM as
 * often as one likes.
 */
// clang-format off
#define RRAM(id, words, flash, ram, lock, only_named)                                              \
    { .name = id, .title = words, .domain = "", .flash_size = flash, .page = 0x1000,               \
      .lock_block = 0x400, .lock_max = lock, .lock_joined = 2 * lock, .write_size = 16,            \
      .ram_addr = 0x20000000, .ram_size = ram,                                                     \
      .otp_addr = 0x00ffd500, .otp_size = 0x4fc, .otp_unit = 4, .provision_used = 0x460,           \
      .counter_slot = 4, .keys_in_kmu = true, .named_only = only_named }
static const struct td_soc socs[] = {
    { .name = "nrf52833", .title = "nRF52833", .domain = "",
      .flash_size = 0x80000, .page = 0x1000, .lock_block = 0x1000, .write_size = 4,
      .ram_addr = 0x20000000, .ram_size = 0x20000, .counter_slot = 2, .word_writes = 2 },
    { .name = "nrf52832", .title = "nRF52832", .domain = "",
      .flash_size = 0x80000, .page = 0x1000, .lock_block = 0x1000, .write_size = 4,
      .ram_addr = 0x20000000, .ram_size = 0x10000, .counter_slot = 2, .block_writes = 181 },
    { .name = "nrf52840", .title = "nRF52840", .domain = "",
      .flash_size = 0x100000, .page = 0x1000, .lock_block = 0x1000, .write_size = 4,
      .lock_max = 0x80000,
      .ram_addr = 0x20000000, .ram_size = 0x40000, .counter_slot = 2, .word_writes = 2 },
    { .name = "nrf5340", .title = "nRF5340 application core", .domain = "",
      .flash_size = 0x100000, .page = 0x1000, .lock_block = 0x4000, .write_size = 4,
      .ram_addr = 0x20000000, .ram_size = 0x80000,
      .otp_addr = 0x00ff8100, .otp_size = 0x2fc, .otp_unit = 2, .provision_used = 0x280,
      .counter_slot = 2, .word_writes = 2 },
    { .name = "nrf5340-net", .title = "nRF5340 network core", .domain = "CPUNET",
      .flash_addr = 0x01000000, .flash_size = 0x40000, .page = 0x800, .lock_block = 0x800,
      .write_size = 4, .ram_addr = 0x21000000, .ram_size = 0x10000, .counter_slot = 2, .word_writes = 2 },
    { .name = "nrf9160", .title = "nRF9160", .domain = "",
      .flash_size = 0x100000, .page = 0x1000, .lock_block = 0x8000, .write_size = 4,
      .ram_addr = 0x20000000, .ram_size = 0x40000,
      .otp_addr = 0x00ff8108, .otp_size = 0x2f4, .otp_unit = 2, .provision_used = 0x280,
      .counter_slot = 2, .word_writes = 2 },
    RRAM("nrf54l15", "nRF54L15", 0x17d000, 0x40000, 0x7c00, false),
    RRAM("nrf54l10", "nRF54L10", 0xff800, 0x30000, 0x7c00, true),
    RRAM("nrf54l05", "nRF54L05", 0x7d000, 0x18000, 0x7c00, true),
    RRAM("nrf54lm20", "nRF54LM20", 0x1fd000, 0x80000, 0x1fc00, false),
};
#undef RRAM
// clang-format on

#define N_SOCS (sizeof socs / sizeof socs[0])

static const struct td_soc *named(const char *name)
{
    for (size_t i = 0; i < N_SOCS; i++) {
        if (strcmp(socs[i].name, name) == 0)
            return &socs[i];
    }
    return NULL;
}

const struct td_soc *td_soc_at(size_t n)
{
    return n < N_SOCS ? &socs[n] : NULL;
}

const struct td_soc *td_soc_by_name(const char *name)
{
    char lower[64];
    const struct td_soc *found = NULL;
    const char *found_at = NULL;
    size_t n = strlen(name);

    if (n >= sizeof lower)
        return NULL;
    for (size_t i = 0; i <= n; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
    for (size_t i = 0; i < N_SOCS; i++) {
        const char *at = strstr(lower, socs[i].name);

        // "nrf54l15dk/nrf54l10/cpuapp" is a board's name, and then the chip's.
        if (at == NULL || (found != NULL && strlen(socs[i].name) < strlen(found->name)) ||
            (found != NULL && strlen(socs[i].name) == strlen(found->name) && at < found_at))
            continue;
        found = &socs[i];
        found_at = at;
    }
    if (found != NULL && strcmp(found->name, "nrf5340") == 0 && strstr(lower, "net") != NULL)
        return named("nrf5340-net");
    return found;
}

/* What a domain's partitions show of its chip. */
struct traces {
    uint64_t flash_end;
    uint32_t flash_start;
    bool has_flash;
    uint32_t otp_start;
    uint64_t ram_end; /* 0: no RAM partitions */
    bool modem, network, flash_provision;
};

static bool names_modem(const char *name)
{
    return strstr(name, "modem") != NULL || strcmp(name, "spm") == 0;
}

static bool names_network(const struct td_partition *p)
{
    return strcmp(p->name, "pcd_sram") == 0 || strcmp(p->name, "rpmsg_nrf53_sram") == 0 ||
           strcmp(p->region, "ram_flash") == 0;
}

static struct traces look(const struct td_layout *layout, const char *domain)
{
    struct traces t = { .flash_start = UINT32_MAX, .otp_start = UINT32_MAX };

    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];
        uint64_t end = td_partition_end(p);

        if (strcmp(p->domain, "CPUNET") == 0)
            t.network = true;
        if (strcmp(p->domain, domain) != 0)
            continue;
        t.modem |= names_modem(p->name);
        t.network |= names_network(p);
        if (td_partition_is_flash(p)) {
            t.has_flash = true;
            t.flash_start = p->addr < t.flash_start ? p->addr : t.flash_start;
            t.flash_end = end > t.flash_end ? end : t.flash_end;
            t.flash_provision |= strcmp(p->name, "provision") == 0;
        } else if (strcmp(p->region, "otp") == 0) {
            t.otp_start = p->addr < t.otp_start ? p->addr : t.otp_start;
        } else if (strncmp(p->region, "sram", 4) == 0) {
            t.ram_end = end > t.ram_end ? end : t.ram_end;
        }
    }
    return t;
}

static bool fits(const struct td_soc *soc, const struct traces *t)
{
    if (t->has_flash && (t->flash_start < soc->flash_addr ||
                         t->flash_end > (uint64_t)soc->flash_addr + soc->flash_size))
        return false;
    if (t->otp_start != UINT32_MAX && t->otp_start != soc->otp_addr)
        return false;
    if (t->flash_provision && soc->otp_addr != 0)
        return false;
    if (t->ram_end > (uint64_t)soc->ram_addr + soc->ram_size)
        return false;
    if (t->modem && strcmp(soc->name, "nrf9160") != 0)
        return false;
    return !t->network || strncmp(soc->name, "nrf5340", 7) == 0;
}

/* What the checks go by is the same on both. */
static bool are_alike(const struct td_soc *a, const struct td_soc *b)
{
    return a->page == b->page && a->lock_block == b->lock_block && a->otp_addr == b->otp_addr;
}

/*
 * The smallest memory that holds everything: build systems fill what is there. Chips with the
 * same flash are told apart by their RAM, when the layout shows it to its end.
 */
const struct td_soc *td_soc_guess(const struct td_layout *layout, const char *domain, bool *sure)
{
    struct traces t = look(layout, domain);
    const struct td_soc *best = NULL;
    bool by_ram = false;

    *sure = false;
    if (!t.has_flash)
        return NULL;
    for (size_t i = 0; i < N_SOCS; i++) {
        const struct td_soc *soc = &socs[i];
        bool ram_fits = t.ram_end == (uint64_t)soc->ram_addr + soc->ram_size;

        if (soc->named_only || !fits(soc, &t) ||
            (best != NULL && soc->flash_size > best->flash_size))
            continue;
        if (best == NULL || soc->flash_size < best->flash_size) {
            best = soc;
            by_ram = ram_fits;
            *sure = true;
        } else if (by_ram != ram_fits) {
            best = ram_fits ? soc : best;
            by_ram = true;
        } else {
            *sure &= are_alike(best, soc);
        }
    }
    *sure |= by_ram;
    return best;
}
